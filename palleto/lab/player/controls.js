// The controls: buttons, a slider over all events, speed, jumps, and the same by keyboard.

import { make, write } from "./dom.js";
import { JUMPS, jumps } from "./jumps.js";
import { plural, seconds, told, who } from "./words.js";

const SPEEDS = [
  ["1 event/s", 1, 0],
  ["2 events/s", 2, 0],
  ["5 events/s", 5, 0],
  ["10 events/s", 10, 0],
  ["30 events/s", 30, 0],
  ["100 events/s", 100, 0],
  ["as it ran", 0, 1],
  ["as it ran × 5", 0, 5],
  ["as it ran × 25", 0, 25],
];
const FIRST_SPEED = 3;

// Drawn in 16 by 16: a font may lack the signs.
const FIRST = "M3 3h2v10H3zM13 3v10L6 8z";
const BACK = "M11 3v10L4 8z";
const PLAY = "M4 2.5v11L13 8z";
const PAUSE = "M4 3h3v10H4zM9 3h3v10H9z";
const FORWARD = "M5 3v10l7-5z";
const LAST = "M11 3h2v10h-2zM3 3v10l7-5z";

function icon(path) {
  return make("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, make("path", { d: path }));
}

/** `go(index)` moves the player; `toggle` lays the lanes out otherwise. */
export function controls(trace, things, { go, toggle, link }) {
  const last = trace.count - 1;
  let [index, playing, since, from] = [0, false, 0, 0];
  const button = (label, title, act, text) => {
    const it = make(
      "button",
      { type: "button", title: `${label} (key: ${title})`, "aria-label": label },
      text.startsWith("M") ? icon(text) : text,
    );
    it.addEventListener("click", act);
    return it;
  };
  const play = button("play", "space", () => toggleplay(), PLAY);
  const buttons = [
    button("first event", "home", () => move(0), FIRST),
    button("back one event", "←", () => move(index - 1), BACK),
    play,
    button("forward one event", "→", () => move(index + 1), FORWARD),
    button("last event", "end", () => move(last), LAST),
  ];
  const slider = make("input", {
    type: "range",
    min: 0,
    max: Math.max(0, last),
    step: 1,
    value: 0,
    "aria-label": "event",
    class: "slider",
  });
  const place = make("output", { class: "place" });
  const speed = make(
    "select",
    { "aria-label": "speed", title: "speed (keys: [ and ])" },
    ...SPEEDS.map(([name], n) => make("option", { value: n, selected: n === FIRST_SPEED }, name)),
  );
  const copied = make("span", { class: "copied", role: "status" });
  const copy = button("copy a link to this event", "c", () => share(), "copy link");
  const help = make("details", { class: "help" }, make("summary", { title: "keys" }, "keys"), keyTable());
  const jump = jumps(
    trace,
    things,
    () => index,
    (to) => move(to),
  );
  const now = make("p", { class: "now", "aria-live": "polite", "aria-atomic": "true" });
  const element = make(
    "div",
    { class: "controls" },
    make(
      "div",
      { class: "row" },
      make("div", { class: "buttons", role: "group", "aria-label": "walk" }, ...buttons),
      slider,
      place,
    ),
    make("div", { class: "row second" }, make("label", {}, make("span", { class: "word" }, "speed "), speed), ...jump.elements, copy, copied, help),
    now,
  );
  slider.addEventListener("input", () => move(Number(slider.value)));

  function move(to) {
    stop();
    index = Math.max(0, Math.min(last, to)); // at once: a second key may come before the frame is drawn
    go(index);
  }

  function show(at, event) {
    index = at;
    if (Number(slider.value) !== at) slider.value = at;
    if (!event) return write(place, "no events");
    slider.setAttribute("aria-valuetext", `event ${event.seq}, ${seconds(event.t)}`);
    write(place, `${event.seq} of ${trace.seq(last)} · ${seconds(event.t)}`);
    now.replaceChildren(
      make("b", {}, who(event.stage)),
      ` ${told(event)} `,
      make("span", { class: "kind" }, event.kind),
      make("span", { class: "where" }, event.file ? ` ${event.file}:${event.line}` : ""),
    );
    // A screen reader is told when the reader walks, not in every frame of a film.
    now.setAttribute("aria-live", playing ? "off" : "polite");
    jump.show();
    return undefined;
  }

  function stop() {
    playing = false;
    play.replaceChildren(icon(PLAY));
    play.setAttribute("aria-label", "play");
  }

  function toggleplay() {
    if (playing) return stop();
    if (index >= last) go(0);
    [playing, since, from] = [true, performance.now(), index];
    play.replaceChildren(icon(PAUSE));
    play.setAttribute("aria-label", "pause");
    return requestAnimationFrame(film);
  }

  function film(moment) {
    if (!playing) return;
    const [, events, times] = SPEEDS[speed.value];
    const passed = Math.max(0, moment - since) / 1000;
    let to = events ? from + Math.floor(passed * events) : index;
    if (times) while (to < last && trace.t[to + 1] <= trace.t[from] + passed * times) to += 1;
    if (to !== index) go(Math.min(last, to));
    if (index >= last) stop();
    else requestAnimationFrame(film);
  }

  speed.addEventListener("change", () => ([since, from] = [performance.now(), index]));

  async function share() {
    const text = link();
    try {
      await navigator.clipboard.writeText(text);
      write(copied, "copied");
    } catch {
      write(copied, text); // where a page may not write to the clipboard
    }
    setTimeout(() => write(copied, ""), 4000);
  }

  function faster(step) {
    speed.value = Math.max(0, Math.min(SPEEDS.length - 1, Number(speed.value) + step));
    speed.dispatchEvent(new Event("change"));
  }

  const KEYS = {
    ArrowLeft: () => move(index - 1),
    ArrowRight: () => move(index + 1),
    ArrowUp: () => move(index - 10),
    ArrowDown: () => move(index + 10),
    Home: () => move(0),
    End: () => move(last),
    " ": toggleplay,
    "[": () => faster(-1),
    "]": () => faster(1),
    c: share,
    t: toggle,
    "?": () => (help.open = !help.open),
  };

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const on = event.target.tagName;
    const name = event.key;
    if (on === "SELECT" || (on === "INPUT" && event.target.type !== "range")) return;
    if (on === "INPUT" && /^(Arrow|Home|End)/.test(name)) return; // the slider's own
    if ((on === "BUTTON" || on === "SUMMARY") && (name === " " || name === "Enter")) return; // presses it
    if (/^Arrow(Up|Down)$/.test(name) && event.target.closest?.(".rows, .scroll, .code")) return; // scrolls it
    const act =
      KEYS[name] ??
      (JUMPS[name.toLowerCase()] && (() => jump.go(JUMPS[name.toLowerCase()], name === name.toLowerCase() ? 1 : -1)));
    if (!act) return;
    event.preventDefault();
    act();
  }

  return { element, show, key, title: `${plural(trace.count, "event")} in ${seconds(trace.end)}` };
}

function keyTable() {
  const rows = [
    ["← →", "one event back, forward"],
    ["↑ ↓", "ten events back, forward"],
    ["home, end", "first, last event"],
    ["space", "play, pause"],
    ["[ ]", "slower, faster"],
    ["k K", "next, previous event of the kind"],
    ["s S", "next, previous event of the stage"],
    ["m M", "next, previous event of the message"],
    ["t", "lanes by event or by time"],
    ["c", "copy a link to this event"],
    ["?", "show or hide this"],
  ];
  return make(
    "table",
    { class: "key-table" },
    make(
      "tbody",
      {},
      ...rows.map(([keys, what]) => make("tr", {}, make("th", { scope: "row" }, keys), make("td", {}, what))),
    ),
  );
}
