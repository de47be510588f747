// The code: the acting line lit, above it what the acting stage works with, and behind each line who stands there.

import { make, pane, write } from "./dom.js";
import { painted, spans } from "./python_text.js";
import { Rows } from "./rows.js";
import { clip, who } from "./words.js";

const LINE = 18; // pixels, as in player.css
const NAMES = 3; // who are named at one line

/** `acting` is that of acting.js. */
export function codePane(trace, acting) {
  const { section, note, body } = pane("code", "Code");
  const rows = new Rows(LINE, (number) => lines[number].element, {
    class: "rows code",
    role: "group",
    "aria-label": "source",
  });
  const missing = make("p", { class: "missing" });
  const call = make("span", { class: "call" });
  const numbers = make("span", { class: "numbers" });
  const values = make("p", { class: `values${acting.shows ? " two" : ""}` }, call, numbers);
  body.append(values, missing, rows.element);
  const texts = new Map(); // file -> its lines
  let shown = null; // the file
  let lines = []; // of that file
  let lit = new Set(); // those that have a mark

  function open(file) {
    if (!texts.has(file)) {
      const source = trace.sources[file];
      texts.set(file, source == null ? [] : painted(source.replace(/\n$/, "")).map(row));
    }
    shown = file;
    lines = texts.get(file);
    rows.inner.style.minWidth = `${10 + Math.max(0, ...lines.map((line) => line.width))}ch`;
    rows.element.hidden = !lines.length;
    missing.hidden = lines.length > 0;
    write(
      missing,
      `The source of ${file} was not found where this page was made: its lines are known by their numbers only.`,
    );
  }

  function show(index, state, event) {
    const lights = event !== null && event.file !== null ? event : null;
    tell(index, state, event);
    const file = lights?.file ?? shown ?? latest(state)?.file ?? trace.files[0] ?? null;
    if (file === null) {
      write(missing, trace.count ? "No line of yours acts in this trace." : "The trace is empty.");
      return;
    }
    if (file !== shown) open(file);
    const [before, stand] = [lit, standing(state, file)];
    const here = lights === null ? undefined : lines[lights.line - 1];
    lit = new Set([...stand.keys()].map((number) => lines[number - 1]).concat(here));
    lit.delete(undefined);
    for (const line of before) if (!lit.has(line)) line.mark(false, []);
    for (const line of lit) line.mark(line === here, stand.get(line.number) ?? []);
    write(
      note,
      lights ? `${file}, line ${lights.line}: ${who(event.stage)}` : `${file}; no line of yours acts at this event`,
    );
    rows.show(lines.length, (lights?.line ?? latest(state, file)?.line ?? 1) - 1, 3);
  }

  /** What the acting stage works with: the callback with its argument, and below it the numbers. */
  function tell(index, state, event) {
    const found = acting.call(index);
    const words = found && `${found.name}(${[found.argument, found.value].filter(Boolean).join(" = ")})`;
    write(call, words ?? "in no callback");
    call.classList.toggle("none", words === null);
    values.title = words ?? "";
    const told = acting.numbers(index, state, event);
    const said = told.map((each) => Object.values(each).join(" ")).join("\n");
    if (said !== numbers.dataset.said) numbers.replaceChildren(...told.map((each) => value(each, event)));
    if (!told.length) write(numbers, acting.shows ? "no numbers shown" : "");
    numbers.classList.toggle("none", !told.length);
    numbers.dataset.said = said;
  }

  return { element: section, show };
}

/** A number with its name: `owed = 20`, `owed 10 → 20` where it has changed, with its stage if that does not act. */
function value({ of, name, was, value, note }, event) {
  return make(
    "span",
    { class: `value${was === null ? "" : " changed"}`, "data-of": of, "data-name": name },
    of === event.stage ? null : make("span", { class: "of" }, `${of} `),
    was === null ? `${name} = ${value}` : `${name} = ${was} → ${value}`,
    note ? make("span", { class: "of" }, ` ${note}`) : null,
  );
}

/** The lines at which somebody stands, each with their labels. */
function standing(state, file) {
  const found = new Map();
  for (const { label, status, file: at, line } of state.stages.values()) {
    if (at !== file || label === "" || status === "stopped" || status === "crashed") continue;
    if (found.has(line)) found.get(line).push(label);
    else found.set(line, [label]);
  }
  return found;
}

/** The stage that stood somewhere last, in that file if one is given. */
function latest(state, file = null) {
  let found = null;
  for (const stage of state.stages.values()) {
    if (stage.file !== null && (file === null || stage.file === file) && stage.stood > (found?.stood ?? -1))
      found = stage;
  }
  return found;
}

function row(parts, place) {
  const number = make("span", { class: "number", "aria-hidden": "true" }, String(place + 1));
  const stands = make("span", { class: "stands" });
  const text = make("span", { class: "text" }, ...spans(parts));
  const element = make("div", { class: "line", "data-line": place + 1 }, number, text, stands);
  let [acts, said] = [false, ""];
  return {
    element,
    number: place + 1,
    width: parts.reduce((sum, [, each]) => sum + each.length, 0),
    /** Light it or not, and say who stands there; what is so already costs nothing. */
    mark(acting, labels) {
      if (acting !== acts) {
        element.classList.toggle("acting", acting);
        if (acting) element.setAttribute("aria-current", "true");
        else element.removeAttribute("aria-current");
      }
      const all = labels.join(", ");
      if (all !== said) {
        const names =
          labels.length > NAMES ? [...labels.slice(0, NAMES - 1), `${labels.length - NAMES + 1} more`] : labels;
        stands.replaceChildren(...names.map((name) => make("span", { class: "stand" }, clip(name, 26))));
        element.classList.toggle("stood", labels.length > 0);
        element.title = all && `here: ${all}`; // the names may be out of sight
      }
      [acts, said] = [acting, all];
    },
  };
}
