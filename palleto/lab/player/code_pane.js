// The code: the acting line lit, and beside each line who stands there.

import { make, pane, write } from "./dom.js";
import { painted, spans } from "./python_text.js";
import { clip, who } from "./words.js";

export function codePane(trace) {
  const { section, note, body } = pane("code", "Code");
  const code = make("div", { class: "code", tabindex: 0, role: "group", "aria-label": "source" });
  body.append(code);
  const texts = new Map(); // file -> { element, lines }
  let shown = null; // the file
  let lit = []; // lines that have a mark

  function text(file) {
    if (!texts.has(file)) {
      const source = trace.sources[file];
      const rows = source == null ? [] : painted(source.replace(/\n$/, "")).map(row);
      const missing = `The source of ${file} was not found where this page was made; the lines are known only by number.`;
      const element = make("div", { class: "source" }, ...(rows.length ? rows.map((each) => each.element) : [make("p", { class: "missing" }, missing)]));
      texts.set(file, { element, rows });
    }
    return texts.get(file);
  }

  function show(index, state, event) {
    const acting = event && event.file !== null ? event : null;
    const file = acting?.file ?? shown ?? latest(state)?.file ?? trace.files[0] ?? null;
    if (file === null) {
      write(note, "");
      code.replaceChildren(make("p", { class: "missing" }, trace.count ? "No line of yours acts in this trace." : "The trace is empty."));
      return;
    }
    const { element, rows } = text(file);
    if (shown !== file || element.parentNode !== code) {
      code.replaceChildren(element);
      shown = file;
    }
    for (const each of lit) each.clear();
    lit = [];
    const standing = new Map(); // line -> labels
    for (const stage of state.stages.values()) {
      if (stage.file !== file || stage.status === "stopped" || stage.status === "crashed" || stage.label === "") continue;
      standing.set(stage.line, [...(standing.get(stage.line) ?? []), stage.label]);
    }
    for (const [line, labels] of standing) {
      if (!rows[line - 1]) continue;
      rows[line - 1].stand(labels);
      lit.push(rows[line - 1]);
    }
    const line = acting ? acting.line : 0;
    write(note, acting ? `${file}, line ${line}: ${who(event.stage)}` : `${file}; no line of yours acts at this event`);
    const here = rows[line - 1];
    if (here) {
      here.light();
      lit.push(here);
    }
    const target = here ?? rows[(latest(state, file)?.line ?? 1) - 1];
    if (target) reveal(code, target.element);
  }

  return { element: section, show };
}

/** The stage that stood somewhere last, in that file if one is given. */
function latest(state, file = null) {
  let found = null;
  for (const stage of state.stages.values()) {
    if (stage.file !== null && (file === null || stage.file === file) && stage.stood > (found?.stood ?? -1)) found = stage;
  }
  return found;
}

function row(parts, place) {
  const number = make("span", { class: "number", "aria-hidden": "true" }, String(place + 1));
  const stands = make("span", { class: "stands" });
  const element = make("div", { class: "line", "data-line": place + 1 }, number, make("span", { class: "text" }, ...spans(parts)), stands);
  return {
    element,
    light() {
      element.classList.add("acting");
      element.setAttribute("aria-current", "true");
    },
    stand(labels) {
      const names = labels.length > 3 ? [...labels.slice(0, 2), `${labels.length - 2} more`] : labels;
      stands.replaceChildren(...names.map((name) => make("span", { class: "stand", title: `${name} stands here` }, clip(name, 26))));
    },
    clear() {
      element.classList.remove("acting");
      element.removeAttribute("aria-current");
      stands.replaceChildren();
    },
  };
}

/** Scroll a line into the middle if it is near the edge or out of sight; not the page, only the pane. */
function reveal(box, line) {
  const [top, height] = [line.offsetTop, box.clientHeight];
  if (top < box.scrollTop + 40 || top > box.scrollTop + height - 60) box.scrollTop = Math.max(0, top - height / 2 + 10);
}
