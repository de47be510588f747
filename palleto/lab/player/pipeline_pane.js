// The pipeline at the event that is shown: the facts of a replayed state, for the drawing of picture.js.

import { make, pane, scrollLater, write } from "./dom.js";
import { MOST, Picture, natural } from "./picture.js";
import { labelAt } from "./places.js";
import { key } from "./state.js";

const LARGEST = 1.6; // a few boxes in much room are drawn so much larger
const WIDE = 250; // pixels that a column and its links want
const NEAR = 8; // pixels around a box that is scrolled to
const ROOMY = 132; // pixels that a row has at most

export function pipelinePane(trace, placed) {
  const { section, note, body } = pane("pipeline", "Pipeline");
  const picture = new Picture();
  const layout = new Map(placed.all.map((place) => [place.number, place]));
  const hidden = placed.all.filter((place) => place.row >= MOST).length;
  const columns = 1 + Math.max(0, ...placed.all.map((place) => place.column));
  const rows = Math.min(MOST, 1 + Math.max(0, ...placed.all.map((place) => place.row)));
  const words = make("p", { class: "sr" });
  const stateless = make("p", { class: "missing" }, "Nobody subscribes to anybody in this trace.");
  body.append(placed.all.length ? picture.element : stateless, words);
  write(
    note,
    hidden > 0 ? `◂ demand · events ▸ · ${hidden} more stages not shown` : "◂ demand flows up · events flow down ▸",
  );
  let last = null;
  let [width, height, top] = [0, 0, 0];
  body.addEventListener("scroll", () => (top = body.scrollTop));
  new ResizeObserver(() => {
    [width, height] = [body.clientWidth, body.clientHeight];
    if (last) show(...last);
  }).observe(body);

  function show(index, state, event) {
    last = [index, state, event];
    if (width < 100 || !placed.all.length) return; // not laid out yet
    const scale = Math.max(1, Math.min(LARGEST, width / (columns * WIDE), height / natural(rows)));
    const room = Math.min(height / scale, ROOMY * rows);
    const shown = facts(placed.all, index, state, event);
    const tall = scale * picture.draw(shown, layout, width / scale, room);
    picture.element.style.height = `${tall}px`;
    if (tall > height) {
      body.tabIndex = 0; // so that the keyboard scrolls it
      reveal(shown.boxes.find((box) => box.acts), scale);
    }
    write(words, picture.words);
  }

  /** Scroll to a box that is out of sight. */
  function reveal(box, scale) {
    const frame = box && picture.part(box.place)?.querySelector(".frame");
    if (!frame) return;
    const [y, tall] = ["y", "height"].map((name) => scale * Number(frame.getAttribute(name)));
    if (y - NEAR < top) top = Math.max(0, y - NEAR);
    else if (y + tall + NEAR > top + height) top = y + tall + NEAR - height;
    else return;
    scrollLater(body, top);
  }

  return { element: section, show };
}

/** The facts of a state, as picture.js says what they are. */
function facts(places, index, state, event) {
  const labels = new Map(places.map((place) => [place, labelAt(place, index)]));
  const boxes = places.map((place) => {
    const label = labels.get(place);
    return place.kind === "server" ? server(place, label, state, event) : stage(place, label, state, event);
  });
  const links = places.flatMap((place) =>
    [...place.consumers]
      .filter((consumer) => labels.has(consumer))
      .map((consumer) => link(place, consumer, labels, state, event)),
  );
  return { boxes, links };
}

function stage(place, label, state, event) {
  const found = state.stages.get(label);
  const acts = event !== null && event.stage === label;
  if (!found) return { place: place.number, label, kind: "stage", status: "unknown", restarts: 0, shown: {}, acts };
  const { status, reason, restarts, emits, subscribes, held, handled, shown } = found;
  const [remembered, , buffered] = found.ledger;
  const callback = acts ? found.callback : "";
  const now = { emits, subscribes, remembered, buffered, held, handled, callback, acts };
  return { place: place.number, label, kind: "stage", status, reason, restarts, shown, ...now };
}

function server(place, label, state, event) {
  const found = state.stages.get(label);
  const loops = [...state.loops.values()].filter((loop) => loop.server === label && !loop.killed);
  return {
    place: place.number,
    label,
    kind: "server",
    status: found?.status ?? "unknown",
    reason: found?.reason ?? "",
    restarts: found?.restarts ?? 0,
    shown: found?.shown ?? {},
    loops: loops.map((loop) => [loop.label, loop.runs, loop.again > state.t]),
    looping: loops.length,
    started: state.started,
    killed: state.killed,
    acts: event !== null && (event.stage === label || actsFor(label, event, state)),
  };
}

/** Whether the event is one of a loop of that server. */
function actsFor(server, event, state) {
  return state.loops.get(event.stage)?.server === server || (event.kind.startsWith("loop_") && event.peer === server);
}

function link(from, to, labels, state, event) {
  const [producer, taker] = [labels.get(from), labels.get(to)];
  const ends = { from: from.number, to: to.number };
  if (from.kind === "server") {
    const asks = event?.kind === "loop_started" && event.peer === producer;
    const sends = event?.kind === "cast" && event.peer === taker;
    return { ...ends, asked: state.started, delivered: 0, gone: !state.started, asks, sends };
  }
  const held = state.subscriptions.get(key(producer, taker));
  const between =
    event && ((event.stage === producer && event.peer === taker) || (event.stage === taker && event.peer === producer));
  const asks = between && event.kind === "ask" ? event.data.count : null;
  const sends = between && (event.kind === "emitted" || event.kind === "events") ? event.ids.length : null;
  return { ...ends, asked: held?.asked, delivered: held?.delivered, gone: !held || held.ended, asks, sends };
}
