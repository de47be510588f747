// The log: what was printed up to this event.

import { make, pane, write } from "./dom.js";
import { Rows } from "./rows.js";
import { clock, plural, who } from "./words.js";

const HEIGHT = 20;
const MOST = 1000; // lines that are kept as elements

export function logPane(trace, go) {
  const { section, note, body } = pane("log", "Log");
  let now = -1;
  const kept = new Map(); // number of a line -> its element
  const rows = new Rows(HEIGHT, line, { role: "log", "aria-live": "off", "aria-label": "printed lines up to now" });
  const empty = make("p", { class: "missing" }, "Nothing is printed yet. The key → goes one event on, space plays.");
  body.append(empty, rows.element);

  function line(number) {
    if (kept.size > MOST) kept.clear();
    if (!kept.has(number)) kept.set(number, made(number));
    kept.get(number).classList.toggle("acting", trace.lines[number] === now);
    return kept.get(number);
  }

  function made(number) {
    const index = trace.lines[number];
    const event = trace.event(index);
    const report = event.kind === "report";
    const row = make(
      "div",
      {
        class: `log-line${report ? " report" : ""}`,
        "data-index": index,
        title: `event ${event.seq}, ${who(event.stage)}`,
      },
      make("span", { class: "time" }, clock(event.t)),
      make("span", { class: "said" }, report ? `${event.data.text} (reported)` : event.data.text),
    );
    row.addEventListener("click", () => go(index));
    return row;
  }

  function show(index) {
    now = index;
    const count = trace.printed(index);
    empty.hidden = count > 0;
    write(note, count ? `${plural(count, "line")} so far` : "nothing said yet");
    rows.show(count, count - 1);
  }

  return { element: section, show };
}
