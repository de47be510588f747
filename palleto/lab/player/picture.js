// The picture of a pipeline: stages as boxes, demand flowing up (to the left), events flowing down (to the right).
//
// One drawing for a run that is replayed and for one that goes on. It draws facts, as palleto/replay/picture.py tells
// them, and does not ask where they come from:
//
//   box    place, label, kind ("stage" or "server"), status, reason, restarts, shown: its numbers by name; acts; fell: it crashed
//          a moment ago, whatever it is now
//          a stage: emits, subscribes, remembered, buffered, held, handled, callback
//          a server: loops: [label, runs, whether it crashed and waits], looping: how many, started, killed
//   link   from, to: places; asked, delivered, gone; asks, sends: how many right now, or true, or null
//
// and where they stand, as places.js arranges them: a Map of place -> { row, column, ... }.

import { make } from "./dom.js";
import { clip, plural, whole } from "./words.js";

const [PAD, TALL, LOW, ROW] = [12, 66, 30, 10]; // of the picture, of a box, of a box where there are many, between boxes
const STEP = 13; // between lines of text
export const MOST = 12; // rows; what stands in further ones is only counted

/** The height that a picture of so many rows has where it may choose, in pixels. */
export function natural(rows) {
  return 2 * PAD + rows * (rows <= 3 ? 84 : rows <= 6 ? 62 : LOW + ROW);
}

export class Picture {
  constructor() {
    this.groups = { links: make("g"), tokens: make("g"), boxes: make("g") }; // the latter lie above the former
    this.element = make("svg", { class: "picture", role: "img" }, ...Object.values(this.groups));
    this.kept = new Map(); // a link or a box -> its element, and what it was made of
    this.words = "";
  }

  /** Draw the facts in so many pixels, or in more height if they need it. */
  draw({ boxes, links }, placed, width, height) {
    const drawn = boxes.filter((box) => placed.get(box.place).row < MOST);
    const all = new Map(drawn.map((box) => [box.place, box]));
    const columns = 1 + Math.max(0, ...drawn.map((box) => placed.get(box.place).column));
    const size = sizes(width, height, columns, 1 + Math.max(0, ...drawn.map((box) => placed.get(box.place).row)));
    const spots = new Map(drawn.map((box) => [box.place, spot(placed.get(box.place), size, height)]));
    const parts = new Map(); // a part -> what it is made of, and what makes it
    for (const link of links) {
      const [from, to] = [all.get(link.from), all.get(link.to)];
      if (!from || !to) continue;
      const made = [flow(link, from, to), spots.get(link.from), spots.get(link.to)];
      parts.set(`${link.from} ${link.to}`, ["links", made, () => drawLink(...made)]);
    }
    this.words = "";
    for (const box of drawn) {
      const { row, source } = placed.get(box.place);
      const facts = { ...box, lines: told(box), color: source ? "source" : Math.floor(row) % 6 };
      const made = [facts, spots.get(box.place)];
      parts.set(`${box.place}`, ["boxes", made, () => drawBox(...made)]);
      this.words += `${this.words && ". "}${box.label}: ${box.status}, ${facts.lines.map(([text]) => text).join(", ")}`;
    }
    set(this.element, "viewBox", `0 0 ${width} ${size.height}`);
    set(this.element, "height", size.height);
    set(this.element, "aria-label", this.words);
    for (const [name, { element }] of this.kept) {
      if (parts.has(name)) continue;
      element.remove();
      this.kept.delete(name);
    }
    for (const [name, [group, made, draw]] of parts) this.put(name, group, JSON.stringify(made), draw);
    return size.height;
  }

  /** A part that is made of the same as before stays: to lay texts out anew is half of what a frame costs. */
  put(name, group, made, draw) {
    const before = this.kept.get(name);
    if (before?.made === made) return;
    const element = draw();
    if (before) before.element.replaceWith(element);
    else this.groups[group].append(element);
    this.kept.set(name, { element, made });
  }

  /** The element of a box, or of a link by its two places. */
  part(...places) {
    return this.kept.get(places.join(" "))?.element ?? null;
  }
}

function set(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

function sizes(width, height, columns, rows) {
  const gap = columns > 1 ? Math.max(36, Math.min(120, ((width - 2 * PAD) * 0.2) / (columns - 1))) : 0;
  const w = Math.min(180, (width - 2 * PAD - gap * (columns - 1)) / columns);
  const room = columns > 1 ? Math.min(220, (width - 2 * PAD - w * columns) / (columns - 1)) : 0;
  const pitch = Math.max(LOW + ROW, Math.min(120, (height - 2 * PAD) / rows));
  return { w, gap: room, h: Math.min(TALL, pitch - ROW), pitch, height: Math.max(height, pitch * rows + 2 * PAD) };
}

/** Where a box is. One that others share, or that is alone in its column, has room for all its lines. */
function spot({ row, column, shared, alone }, { w, gap, h, pitch, height }, seen) {
  const tall = alone ? Math.min(TALL, height - 2 * PAD) : h;
  const middle = PAD + (row + 0.5) * pitch;
  // Where the rows do not fit and the picture is scrolled, what they have in common stands beside the first of them.
  const y = (shared && alone ? Math.min(middle, seen / 2) : middle) - tall / 2;
  return { x: PAD + column * (w + gap), y: Math.max(PAD / 2, y), w, h: tall };
}

// ---- boxes

/** What is written into a box below its name: lines with their style, the most important first. */
function told(box) {
  const lines = box.kind === "server" ? toldOfServer(box) : toldOfStage(box);
  const text = (value) => (typeof value === "number" ? whole(value) : value);
  const numbers = Object.entries(box.shown).map(([name, value]) => `${name} = ${text(value)}`);
  if (numbers.length) lines.splice(1, 0, [numbers.join(" · "), "number"]);
  return lines;
}

function toldOfServer({ loops, looping, started, killed, status, reason, fell }) {
  if (status === "crashed") return [[clip(reason || "no reason given", 44), "small"]];
  const [label, runs, waits] = loops[0] ?? [];
  let doing = `${plural(looping, "loop")} run`;
  if (fell) doing = clip(`a loop crashed: ${reason}`, 44);
  else if (!started) doing = "no loop yet";
  else if (!looping) doing = "no loop runs";
  else if (looping === 1) doing = waits ? `loop ${label} crashed, restarts` : `loop ${label}, ${plural(runs, "run")}`;
  return started
    ? [
        [doing, "small"],
        [`${whole(killed)} of ${whole(started)} killed`, "small"],
      ]
    : [[doing, "small"]];
}

function toldOfStage(box) {
  const { status, reason, fell, held, callback, emits, subscribes, remembered, buffered, handled } = box;
  if (status === "unknown") return [["not started yet", "small"]];
  let doing = "waits";
  if (status === "crashed" || fell) doing = clip(reason || "no reason given", 44);
  else if (status === "stopped") doing = "stopped";
  else if (subscribes && emits && buffered) doing = `${whole(buffered)} in its buffer`;
  else if (held) doing = `works on ${plural(held, "event")}`;
  else if (callback) doing = `in ${callback}`;
  const has = emits ? `remembers ${whole(remembered)} · buffer ${whole(buffered)}` : `${whole(handled)} done`;
  return [
    [doing, "small"],
    [has, "small"],
  ];
}

function drawBox(box, { x, y, w, h }) {
  const { label, kind, acts, fell, restarts, lines, color } = box;
  const status = fell ? "crashed" : box.status;
  const classes = ["box", kind, status, acts ? "acting" : ""].join(" ").trim();
  const stripe = `stripe place-${kind === "server" ? "server" : color}`;
  const group = make(
    "g",
    { class: classes, "data-stage": label },
    make("rect", { x, y, width: w, height: h, rx: 5, class: "frame" }),
    make("rect", { x, y, width: 4, height: h, rx: 2, class: stripe }),
  );
  const sign = [status === "crashed" ? "✕ crashed" : "", restarts ? `↻ ${restarts}` : ""].filter(Boolean).join(" ");
  const fit = Math.floor((w - 20) / 6);
  const fits = Math.floor((h - 2) / STEP); // lines
  const [above, name] = fits > 2 ? split(label, Math.floor((w - 20) / 7)) : ["", label];
  const texts = above ? [[above, "small"]] : [];
  texts.push([clip(name, Math.floor((w - 18) / 5.6)), "name"]);
  const room = Math.max(1, fits - texts.length);
  const shown = lines.flatMap(([text, style]) =>
    text.length > fit ? text.split(" · ").map((part) => [part, style]) : [[text, style]],
  );
  for (const [text, style] of shown.slice(0, room)) texts.push([clip(text, fit), style]);
  texts.forEach(([text, style], row) => {
    const name = style === "name";
    const size = Math.max(8.5, Math.min(name ? 12 : 11.5, (w - 18) / (text.length * (name ? 0.66 : 0.57)))); // of wide fonts
    const middle = y + h / 2 + 4 + (row - (texts.length - 1) / 2) * STEP;
    group.append(
      make("text", { x: x + 12, y: middle, class: style, style: `font-size:${size.toFixed(1)}px` }, text),
    );
  });
  const inside = texts[0][0].length * 7 + sign.length * 7 < w - 24; // else it stands on the box
  if (sign) group.append(make("text", { x: x + w - 7, y: inside ? y + 14 : y - 3, class: `sign ${status}` }, sign));
  const all = lines.map(([text]) => text).join("; ");
  group.append(make("title", {}, `${label}: ${status}; ${all}${restarts ? `; restarted ${restarts}×` : ""}`));
  return group;
}

/** A name that is too long for a box, in two lines: `Pipeline1` and `ProducerConsumer`. */
function split(name, fit) {
  const match = name.length > fit ? /^(.*?[\d.])((?:Producer)?(?:Consumer)?|.+)$/.exec(name) : null;
  return match && match[2] ? [match[1], match[2]] : ["", name];
}

// ---- links

/** What a link shows: which of its ways is lit or faint, and the numbers beside them. */
function flow({ asked, delivered, gone, asks, sends }, from, to) {
  const faint = gone ? " gone" : "";
  const looks = from.kind === "server"; // its numbers stand in the box
  const numbers = !looks && !gone;
  return {
    name: `${from.label}→${to.label}`,
    demand: (asks ? " lit" : "") + faint,
    events: (sends ? " lit" : "") + faint,
    owed: numbers ? (asks > 0 && asks !== true ? `+${whole(asks)}` : whole(asked - delivered)) : "",
    sent: numbers ? whole(sends > 0 && sends !== true ? sends : delivered) : "",
  };
}

/** The two ways between a producer and its consumer: demand above, to the left; events below, to the right. */
function drawLink({ name, demand, events, owed, sent }, from, to) {
  const [x1, x2, gap] = [from.x + from.w, to.x, to.x - from.x - from.w];
  const [y1, y2] = [from.y + from.h / 2, to.y + to.h / 2];
  const [bend, flat] = [x1 + gap * 0.28, x1 + gap * 0.56];
  const way = (dy) => `M${x1} ${y1 + dy}C${bend} ${y1 + dy} ${bend} ${y2 + dy} ${flat} ${y2 + dy}H${x2}`;
  const group = make(
    "g",
    { class: "link", "data-link": name },
    make("path", { d: way(-5), class: `demand${demand}` }),
    make("path", { d: way(5), class: `events${events}` }),
    head(x1, y1 - 5, -1, `demand${demand}`),
    head(x2, y2 + 5, 1, `events${events}`),
  );
  if (!owed) return group;
  group.append(
    make("text", { x: x2 - 9, y: y2 - 9, class: `count demand${demand}` }, `◂ ${owed}`),
    make("text", { x: x2 - 9, y: y2 + 17, class: `count events${events}` }, `${sent} ▸`),
  );
  return group;
}

function head(x, y, direction, style) {
  return make("path", { d: `M${x} ${y}l${-6 * direction} -3.5v7z`, class: `head ${style}` });
}
