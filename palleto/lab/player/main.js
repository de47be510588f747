// The player: opens the trace, puts the panes together, and shows them all at the same event.

import { Acting } from "./acting.js";
import { codePane } from "./code_pane.js";
import { controls } from "./controls.js";
import { make, scrollNow } from "./dom.js";
import { forgetColors, lanesPane } from "./lanes_pane.js";
import { share } from "./layout.js";
import { ledgerPane } from "./ledger_pane.js";
import { logPane } from "./log_pane.js";
import { pipelinePane } from "./pipeline_pane.js";
import { things } from "./messages.js";
import { places } from "./places.js";
import { queuePane } from "./queue_pane.js";
import { Replay } from "./replay.js";
import { apply, copy, initial } from "./state.js";
import { theme } from "./theme.js";
import { unpack } from "./trace.js";

const PAUSE = 300; // ms at one event before the address says so: browsers refuse to change it in each frame

function start(trace) {
  const replay = new Replay(trace);
  const placed = places(trace);
  let [index, drawn, waits, address] = [0, -1, false, 0];

  function go(to) {
    index = Math.max(0, Math.min(trace.count - 1, to));
    if (waits) return;
    waits = true;
    requestAnimationFrame(draw); // at most once a frame, however fast the slider is drawn
  }

  function draw() {
    waits = false;
    if (drawn === index) return;
    drawn = index;
    const state = replay.at(trace.count ? index : -1);
    const event = trace.count ? trace.event(index) : null;
    for (const pane of panes) pane.show(index, state, event);
    bar.show(index, event);
    scrollNow();
    document.body.dataset.index = index;
    clearTimeout(address);
    address = setTimeout(keep, PAUSE);
  }

  /** Keep the position in the address, so that a reload opens it again. */
  function keep() {
    if (trace.count && !inNotebook()) history.replaceState(null, "", `#at=${trace.seq(index)}`);
  }

  /** What leads back to this event: an address; in a notebook, what to write in the call. */
  function link() {
    keep();
    return inNotebook() ? `at=${trace.seq(index)}` : location.href;
  }

  const lanes = lanesPane(trace, placed, go);
  const named = things(trace);
  const queue = queuePane(trace, named);
  const panes = [
    codePane(trace, new Acting(trace, placed)),
    pipelinePane(trace, placed),
    lanes,
    logPane(trace, go),
    ledgerPane(trace),
    ...(queue.wanted ? [queue] : []),
  ];
  const bar = controls(trace, named, { go, toggle: lanes.toggle, link });
  const main = document.getElementById("player");
  const title = make(
    "h1",
    {},
    document.title,
    make("span", { class: "note" }, ` ${bar.title}`),
    queue.wanted ? null : make("span", { class: "note spare" }, "; this run has no queue"),
    make("span", { class: "note away" }, " · click here for the keys"),
  );
  const grid = make("div", { class: `grid${queue.wanted ? "" : " no-queue"}` }, ...panes.map((pane) => pane.element));
  share(grid, placed, lanes.wanted);
  main.replaceChildren(make("div", { class: "top" }, title, bar.element), grid);
  main.setAttribute("aria-busy", "false");
  document.addEventListener("keydown", bar.key);
  listen();
  window.addEventListener("hashchange", () => go(asked(trace) ?? index));
  theme(() => {
    forgetColors();
    lanes.refresh();
  });
  index = asked(trace) ?? opening(trace);
  draw();
  // For tests, and for who is curious: the state at an event by itself.
  window.palleto = {
    trace,
    panes,
    bar,
    replay,
    go,
    draw,
    fresh: (to) => freshly(trace, to),
    Replay,
    unpack,
    initial,
    apply,
    copy,
  };
}

/** The state at an index by applying every event from the first on. */
function freshly(trace, to) {
  const state = initial();
  for (let index = 0; index <= to; index += 1) apply(state, trace.event(index));
  return state;
}

/** A page by itself takes the keys at once; in a frame it waits to be clicked or tabbed into, and says so. */
function listen() {
  if (window.parent === window) window.focus();
  const away = () => document.body.classList.toggle("away", window.parent !== window && !document.hasFocus());
  for (const change of ["focus", "blur"]) window.addEventListener(change, away);
  away();
}

function inNotebook() {
  return location.protocol === "about:";
}

function asked(trace) {
  const match = /^#at=(\d+)$/.exec(location.hash);
  return match && trace.count ? trace.indexOf(Number(match[1])) : null;
}

function opening(trace) {
  const { at } = document.body.dataset;
  return at && trace.count ? trace.indexOf(Number(at)) : 0;
}

unpack(document.getElementById("trace").textContent.trim())
  .then(start)
  .catch((error) => {
    const text = `The trace could not be opened: ${error.message}. It needs a browser of 2023 or later.`;
    document.getElementById("player").replaceChildren(make("p", { class: "opening" }, text));
    console.error(error);
  });
