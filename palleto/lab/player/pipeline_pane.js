// The pipeline: stages as boxes, demand flowing up (to the left) and events flowing down (to the right).

import { make, pane, write } from "./dom.js";
import { labelAt } from "./places.js";
import { key } from "./state.js";
import { clip, plural, whole } from "./words.js";

const [PAD, TALL, LOW, ROW] = [12, 64, 42, 12]; // of the picture, of a box, of a box where there are many, between boxes
const STEP = 13; // between lines of text
const MOST = 10; // rows; what stands in further ones is only counted

export function pipelinePane(trace, placed) {
  const { section, note, body } = pane("pipeline", "Pipeline");
  const drawn = placed.all.filter((place) => place.row < MOST);
  const hidden = placed.all.length - drawn.length;
  const columns = Math.max(1, ...drawn.map((place) => place.column + 1));
  const lines = Math.max(1, ...drawn.map((place) => place.row + 1));
  const svg = make("svg", { class: "picture", role: "img" });
  const stateless = make("p", { class: "missing" }, "Nobody subscribes to anybody in this trace.");
  const words = make("p", { class: "sr" });
  body.append(placed.all.length ? svg : stateless, words);
  write(
    note,
    hidden > 0 ? `◂ demand · events ▸ · ${hidden} more stages not shown` : "◂ demand flows up · events flow down ▸",
  );
  let last = null;
  let [width, height] = [0, 0];
  const kept = new Map(); // a link or a box -> its element, and what it was made of
  new ResizeObserver(() => {
    [width, height] = [body.clientWidth, body.clientHeight];
    if (last) show(...last);
  }).observe(body);

  function show(index, state, event) {
    last = [index, state, event];
    if (width < 100 || !drawn.length) return; // not laid out yet
    const size = sizes(width, height, columns, lines);
    const spot = (place) => {
      const y = PAD + place.row * size.pitch + (size.pitch - size.h - ROW) / 2;
      // Where the rows do not fit and the pane is scrolled, what they have in common stands beside the first of them.
      const shared = place.kind === "server" || place.consumers.size > 1;
      return { x: PAD + place.column * (size.w + size.gap), y: shared ? Math.min(y, (height - size.h) / 2) : y };
    };
    const label = new Map(drawn.map((place) => [place, labelAt(place, index)]));
    const [all, parts] = [[], new Map()]; // a part -> what it is made of, and what makes it
    for (const place of drawn) {
      for (const consumer of place.consumers) {
        if (!label.has(consumer)) continue;
        const facts = flow(place, state, event, label.get(place), label.get(consumer));
        const ends = [spot(place), spot(consumer)];
        parts.set(`${place.number} ${consumer.number}`, [[facts, ends, size], () => link(facts, ends, size)]);
      }
    }
    for (const place of drawn) {
      const facts = factsOf(place, label.get(place), state, event);
      parts.set(`${place.number}`, [[facts, spot(place), size], () => box(place, facts, spot(place), size)]);
      all.push(`${facts.label}: ${facts.status}, ${facts.lines.join(", ")}`);
    }
    if (size.height > height) body.tabIndex = 0; // so that the keyboard scrolls it
    svg.setAttribute("viewBox", `0 0 ${width} ${size.height}`);
    svg.setAttribute("height", size.height);
    svg.setAttribute("aria-label", all.join(". "));
    for (const [name, [made, draw]] of parts) put(name, JSON.stringify(made), draw);
    write(words, all.join(". "));
  }

  /** A part that is made of the same as before stays: to lay texts out anew is half of what a frame costs. */
  function put(name, made, draw) {
    const before = kept.get(name);
    if (before?.made === made) return;
    const element = draw();
    if (before) before.element.replaceWith(element);
    else svg.append(element); // links come first, so boxes lie above them
    kept.set(name, { element, made });
  }

  return { element: section, show };
}

function sizes(width, height, columns, lines) {
  const gap = columns > 1 ? Math.max(40, Math.min(120, ((width - 2 * PAD) * 0.27) / (columns - 1))) : 0;
  const w = Math.min(180, (width - 2 * PAD - gap * (columns - 1)) / columns);
  const room = columns > 1 ? Math.min(220, (width - 2 * PAD - w * columns) / (columns - 1)) : 0;
  const pitch = Math.max(LOW + ROW, Math.min(120, (height - 2 * PAD) / lines));
  return { w, gap: room, h: Math.min(TALL, pitch - ROW), pitch, height: Math.max(height, pitch * lines + 2 * PAD) };
}

/** What a box shows. */
function factsOf(place, label, state, event) {
  const acts = event !== null && (event.stage === label || (place.kind === "server" && actsFor(label, event, state)));
  return { label, acts, ...told(place, label, state, event) };
}

/** What is written into it. */
function told(place, label, state, event) {
  const stage = state.stages.get(label);
  if (place.kind === "server") {
    const loops = [...state.loops.values()].filter((loop) => loop.server === label && !loop.killed);
    const killed =
      [...state.loops.values()].filter((loop) => loop.server === label && loop.killed).length + state.ended.killed;
    const shown =
      loops.length === 1 ? `loop ${loops[0].label}, ${plural(loops[0].runs, "run")}` : plural(loops.length, "loop");
    return {
      status: stage?.status ?? "unknown",
      restarts: 0,
      lines: state.started
        ? [loops.length ? shown : "no loop runs", `${killed} of ${state.started} killed`]
        : ["no loop yet"],
    };
  }
  if (!stage || stage.status === "unknown") return { status: "unknown", restarts: 0, lines: ["not started yet", ""] };
  const lines = [];
  const [remembered, , buffered] = stage.ledger;
  if (stage.status === "crashed") lines.push(clip(stage.reason || "no reason given", 44));
  else if (stage.status === "stopped") lines.push("stopped");
  else if (stage.subscribes && stage.emits && buffered) lines.push(`${whole(buffered)} in its buffer`);
  else if (stage.held) lines.push(`works on ${plural(stage.held, "event")}`);
  else lines.push(stage.callback && event?.stage === label ? `in ${stage.callback}` : "waits");
  if (stage.emits) lines.push(`remembers ${whole(remembered)} · buffer ${whole(buffered)}`);
  else lines.push(`${whole(stage.handled)} done`);
  return { status: stage.status, restarts: stage.restarts, lines };
}

const SIGNS = { running: "", unknown: "", stopped: "", crashed: "✕ crashed" };

function box(place, facts, { x, y }, { w, h }) {
  const { label, acts } = facts;
  const classes = ["box", place.kind, facts.status, acts ? "acting" : ""].join(" ").trim();
  const group = make("g", { class: classes, "data-stage": label });
  group.append(
    make("rect", { x, y, width: w, height: h, rx: 5, class: "frame" }),
    make("rect", {
      x,
      y,
      width: 4,
      height: h,
      rx: 2,
      class: `stripe place-${place.kind === "server" ? "server" : color(place)}`,
    }),
  );
  const sign = [SIGNS[facts.status], facts.restarts ? `↻ ${facts.restarts}` : ""].filter(Boolean).join(" ");
  const fit = Math.floor((w - 20) / 6);
  const [above, name] = split(label, Math.floor((w - 20) / 7));
  const texts = [];
  if (above) texts.push([above, "small"]);
  const room = Math.floor((h - 2) / STEP) - texts.length - 1;
  const shown = facts.lines.filter(Boolean).flatMap((line) => (line.length > fit ? line.split(" · ") : [line]));
  texts.push([above ? name : clip(name, fit), "name"]);
  for (const line of shown.slice(0, Math.max(1, room))) texts.push([clip(line, fit), "small"]);
  texts.forEach(([text, style], row) => {
    const size = style === "name" ? Math.min(12, (w - 18) / (text.length * 0.66)) : null;
    group.append(
      make(
        "text",
        {
          x: x + 12,
          y: y + h / 2 + 4 + (row - (texts.length - 1) / 2) * STEP,
          class: style,
          style: size && `font-size:${size.toFixed(1)}px`,
        },
        text,
      ),
    );
  });
  const inside = (above || name).length * 7 + sign.length * 7 < w - 24; // else it stands on the box
  if (sign)
    group.append(make("text", { x: x + w - 7, y: inside ? y + 14 : y - 3, class: `sign ${facts.status}` }, sign));
  group.append(make("title", {}, `${label}: ${facts.status}; ${facts.lines.join("; ")}`));
  return group;
}

/** Whether the event is one of a loop of that server. */
function actsFor(server, event, state) {
  return state.loops.get(event.stage)?.server === server || (event.kind.startsWith("loop_") && event.peer === server);
}

/** The colour of a place: producers are neutral; consumers have that of their row. */
function color(place) {
  return place.producers.size ? Math.floor(place.row) % 6 : "source";
}

/** A name that is too long for a box, in two lines: `Pipeline1` and `ProducerConsumer`. */
function split(name, fit) {
  const match = name.length > fit ? /^(.*?[\d.])((?:Producer)?(?:Consumer)?|.+)$/.exec(name) : null;
  return match && match[2] ? [match[1], match[2]] : ["", name];
}

/** What a link shows: which of its ways is lit or faint, and the numbers beside them. */
function flow(place, state, event, producer, taker) {
  const facts = { name: `${producer}→${taker}`, demand: "", events: "", owed: "", sent: "" };
  if (place.kind === "server") {
    const idle = state.started ? "" : " gone";
    facts.demand = (event?.kind === "loop_started" && event.peer === producer ? " lit" : "") + idle;
    facts.events = (event?.kind === "cast" && event.peer === taker ? " lit" : "") + idle;
    return facts;
  }
  const held = state.subscriptions.get(key(producer, taker));
  const gone = !held || held.ended;
  const between =
    event && ((event.stage === producer && event.peer === taker) || (event.stage === taker && event.peer === producer));
  const asks = between && event.kind === "ask";
  const sends = between && (event.kind === "emitted" || event.kind === "events");
  facts.demand = (asks ? " lit" : "") + (gone ? " gone" : "");
  facts.events = (sends ? " lit" : "") + (gone ? " gone" : "");
  if (gone) return facts;
  facts.owed = asks ? `+${event.data.count}` : whole(held.asked - held.delivered);
  facts.sent = sends ? `${event.ids.length}` : whole(held.delivered);
  return facts;
}

/** The two ways between a producer and its consumer: demand above, to the left; events below, to the right. */
function link({ name, demand, events, owed, sent }, [from, to], { w, h }) {
  const [x1, x2, gap] = [from.x + w, to.x, to.x - from.x - w];
  const [y1, y2] = [from.y + h / 2, to.y + h / 2];
  const [bend, flat] = [x1 + gap * 0.28, x1 + gap * 0.56];
  const way = (dy) => `M${x1} ${y1 + dy}C${bend} ${y1 + dy} ${bend} ${y2 + dy} ${flat} ${y2 + dy}H${x2}`;
  const group = make("g", { class: "link", "data-link": name });
  group.append(
    make("path", { d: way(-5), class: `demand${demand}` }),
    make("path", { d: way(5), class: `events${events}` }),
    head(x1, y1 - 5, -1, `demand${demand}`),
    head(x2, y2 + 5, 1, `events${events}`),
  );
  if (!owed) return group;
  group.append(
    make("text", { x: x2 - 9, y: y2 - 10, class: `count demand${demand}` }, `◂ ${owed}`),
    make("text", { x: x2 - 9, y: y2 + 20, class: `count events${events}` }, `${sent} ▸`),
  );
  return group;
}

function head(x, y, direction, style) {
  return make("path", { d: `M${x} ${y}l${-6 * direction} -3.5v7z`, class: `head ${style}` });
}
