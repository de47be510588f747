// The code: the acting line lit, and beside each line who stands there.

import { make, pane, write } from "./dom.js";
import { painted, spans } from "./python_text.js";
import { Rows } from "./rows.js";
import { clip, who } from "./words.js";

const LINE = 18; // pixels, as in player.css
const NAMES = 3; // who are named at one line

export function codePane(trace) {
  const { section, note, body } = pane("code", "Code");
  const rows = new Rows(LINE, (number) => lines[number].element, {
    class: "rows code",
    role: "group",
    "aria-label": "source",
  });
  const missing = make("p", { class: "missing" });
  body.append(missing, rows.element);
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
    const acting = event !== null && event.file !== null ? event : null;
    const file = acting?.file ?? shown ?? latest(state)?.file ?? trace.files[0] ?? null;
    if (file === null) {
      write(missing, trace.count ? "No line of yours acts in this trace." : "The trace is empty.");
      return;
    }
    if (file !== shown) open(file);
    const [before, stand] = [lit, standing(state, file)];
    const here = acting === null ? undefined : lines[acting.line - 1];
    lit = new Set([...stand.keys()].map((number) => lines[number - 1]).concat(here));
    lit.delete(undefined);
    for (const line of before) if (!lit.has(line)) line.mark(false, []);
    for (const line of lit) line.mark(line === here, stand.get(line.number) ?? []);
    write(
      note,
      acting ? `${file}, line ${acting.line}: ${who(event.stage)}` : `${file}; no line of yours acts at this event`,
    );
    rows.show(lines.length, (acting?.line ?? latest(state, file)?.line ?? 1) - 1, 3);
  }

  return { element: section, show };
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
      const names =
        labels.length > NAMES ? [...labels.slice(0, NAMES - 1), `${labels.length - NAMES + 1} more`] : labels;
      if (names.join("\n") !== said)
        stands.replaceChildren(
          ...names.map((name) => make("span", { class: "stand", title: `${name} stands here` }, clip(name, 26))),
        );
      [acts, said] = [acting, names.join("\n")];
    },
  };
}
