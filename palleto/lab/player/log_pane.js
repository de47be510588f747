// The log: what was printed up to this event.

import { make, pane, write } from "./dom.js";
import { Rows } from "./rows.js";
import { clock, plural, who } from "./words.js";

const HEIGHT = 20;

export function logPane(trace, go) {
  const { section, note, body } = pane("log", "Log");
  let now = -1;
  const rows = new Rows(HEIGHT, line, { role: "log", "aria-live": "off", "aria-label": "printed lines up to now" });
  body.append(rows.element);

  function line(number) {
    const index = trace.lines[number];
    const event = trace.event(index);
    const report = event.kind === "report";
    const row = make(
      "div",
      {
        class: `log-line${index === now ? " acting" : ""}${report ? " report" : ""}`,
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
    write(note, count ? `${plural(count, "line")} so far` : "nothing said yet");
    rows.show(count, count - 1);
  }

  return { element: section, show };
}
