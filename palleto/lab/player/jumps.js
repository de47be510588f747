// Jumps: to the next or previous event of a kind, of a stage, of a message.
//
// Each has a choice; while nothing is chosen it is that of the event shown, so "next of this kind" needs no menu.

import { make, write } from "./dom.js";
import { brief, clip, who } from "./words.js";

export const JUMPS = { k: "kind", s: "stage", m: "message" }; // key -> jump
const MOST = 400; // messages in the menu

/** `at()` is the index that is shown; `go(index)` moves there; `things` are those of messages.js. */
export function jumps(trace, things, at, go) {
  const messages = Array.from({ length: Math.min(MOST, things.count) }, (_, number) => [number, things.name(number)]);
  const choices = {
    kind: menu(
      "kind",
      trace.kinds.map((kind, number) => [number, kind.replaceAll("_", " ")]).sort((a, b) => a[1].localeCompare(b[1])),
    ),
    stage: menu(
      "stage",
      trace.names.map((name, number) => [number, who(name)]),
    ),
    message: menu(
      "message",
      messages.map(([number, text]) => [number, brief(text)]),
    ),
  };
  const found = make("span", { class: "copied", role: "status" });

  function menu(name, options) {
    const select = make(
      "select",
      { "aria-label": `jump to ${name}` },
      make("option", { value: "" }, `this ${name}`),
      ...options.map(([value, text]) => make("option", { value }, clip(text, 30))),
    );
    const step = (way, text, word) => {
      const button = make(
        "button",
        {
          type: "button",
          "aria-label": `${word} event of ${name}`,
          title: `${word} event of the ${name} (key: ${way > 0 ? name[0] : name[0].toUpperCase()})`,
        },
        text,
      );
      button.addEventListener("click", () => jump(name, way));
      return button;
    };
    const element = make(
      "span",
      { class: "jump", role: "group", "aria-label": `jump by ${name}` },
      step(-1, "‹", "previous"),
      select,
      step(1, "›", "next"),
    );
    return { select, element };
  }

  function wanted(name) {
    const index = at();
    const chosen = choices[name].select.value === "" ? null : Number(choices[name].select.value);
    if (name === "message") {
      const wanted = chosen === null ? things.of(index) : [chosen];
      return wanted.length ? (each) => things.of(each).some((thing) => wanted.includes(thing)) : null;
    }
    const column = trace[name];
    const value = chosen ?? column[index];
    return name === "stage"
      ? (each) => column[each] === value || trace.peer[each] === value
      : (each) => column[each] === value;
  }

  function jump(name, way) {
    if (!trace.count) return;
    const fits = wanted(name);
    const to = fits === null ? -1 : trace.seek(at(), way, fits);
    if (to >= 0) go(to);
    write(
      found,
      to >= 0
        ? ""
        : fits === null
          ? "this event concerns no message; choose one"
          : `no ${way > 0 ? "later" : "earlier"} one`,
    );
  }

  const show = () => write(found, "");

  return { elements: [...Object.values(choices).map((choice) => choice.element), found], go: jump, show };
}
