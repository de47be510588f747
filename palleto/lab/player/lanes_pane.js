// The lanes: the life of each stage and loop over the whole run, and a cursor at this event.
//
// What does not change is drawn once, on a canvas of its own; a frame lays it down twice, faint for what is to come and
// plain for what has been, so that a frame costs the same however long the run.

import { make, pane, shade, write } from "./dom.js";
import { lives } from "./lives.js";
import { drawLane, ROW } from "./lane_drawing.js";
import { plural, seconds } from "./words.js";

const [TOP, AXIS, RIGHT, LEAST, MOST] = [7, 20, 14, 1, 36]; // pixels; the last two are between lanes

const WORDS = 26; // pixels of the line below

export function lanesPane(trace, placed, go) {
  const { section, note, body } = pane("lanes", "Lanes");
  const lanes = lives(trace, placed);
  const rows = lanes.reduce((sum, lane) => sum + lane.rows, 0);
  const canvas = make("canvas", { role: "img", "aria-describedby": "lanes-words" });
  const box = make(
    "div",
    { class: "scroll lanes", tabindex: 0, role: "group", "aria-label": "lanes over time" },
    canvas,
  );
  const words = make("p", { class: "facts", id: "lanes-words" });
  const axis = make("button", {
    type: "button",
    class: "small",
    "aria-pressed": "false",
    title: "lay the lanes out by event or by run time (key: t)",
  });
  const sign = (how) => make("span", {}, make("i", { class: `swatch ${how}`, "aria-hidden": "true" }), how);
  note.append(
    make("span", { class: "keys" }, "loops", ...["running", "done", "killed", "crashed"].map(sign)),
    make("span", { class: "keys" }, "stages", sign("at work")),
    axis,
  );
  body.append(box, words);
  const still = document.createElement("canvas");
  let [width, height, gap, ratio, byTime, last] = [0, 0, 0, 1, false, null];
  let LEFT = 0; // where the lanes begin: after the longest name

  const scale = () => Math.max(1, width - LEFT - RIGHT);
  const left = (index) =>
    LEFT + scale() * (byTime ? trace.t[index] / (trace.end || 1) : index / Math.max(1, trace.count));
  const right = (index) =>
    LEFT + scale() * (byTime ? trace.t[index] / (trace.end || 1) : (index + 1) / Math.max(1, trace.count));

  function prepare() {
    const names = still.getContext("2d");
    names.font = `12px ${palette().font}`;
    const longest = Math.max(40, ...lanes.map(({ place }) => names.measureText(place.name).width));
    LEFT = Math.ceil(Math.min(longest, width * 0.28)) + 22;
    const room = box.clientHeight - TOP - AXIS - rows * ROW;
    gap = Math.max(LEAST, Math.min(MOST, Math.floor(room / Math.max(1, lanes.length))));
    height = TOP + AXIS + rows * ROW + lanes.length * gap;
    for (const each of [canvas, still]) {
      each.width = Math.round(width * ratio);
      each.height = Math.round(height * ratio);
    }
    canvas.style.height = `${height}px`;
    const pen = still.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const colors = palette();
    let y = TOP;
    for (const lane of lanes) {
      drawLane(pen, lane, y, { left, right, end: left(trace.count - 1), colors });
      y += lane.rows * ROW + gap;
    }
  }

  function frame(index) {
    const pen = canvas.getContext("2d");
    const now = index < 0 ? LEFT : right(index);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.globalAlpha = 0.28;
    pen.drawImage(still, 0, 0);
    pen.globalAlpha = 1;
    const until = Math.round(now * ratio);
    if (until > 0) pen.drawImage(still, 0, 0, until, still.height, 0, 0, until, still.height);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const colors = palette();
    names(pen, colors);
    pen.strokeStyle = colors.ink;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(now, 0);
    pen.lineTo(now, height - AXIS + 3);
    pen.stroke();
  }

  function names(pen, colors) {
    pen.font = `12px ${colors.font}`;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    let y = TOP;
    for (const { place, rows } of lanes) {
      pen.fillStyle = colors.ink;
      pen.fillText(place.name, LEFT - 10, y + (rows * ROW) / 2, LEFT - 14);
      y += rows * ROW + gap;
    }
    pen.fillStyle = colors.dim;
    pen.font = `11px ${colors.font}`;
    const count = Math.max(1, Math.floor(scale() / 110));
    for (let part = 0; part <= count; part += 1) {
      const index = Math.round(((trace.count - 1) * part) / count);
      pen.textAlign = part === 0 ? "left" : part === count ? "right" : "center";
      const text = seconds(byTime ? (trace.end * part) / count : trace.t[index]);
      pen.fillText(text, LEFT + (scale() * part) / count, height - AXIS / 2 + 2);
    }
  }

  function show(index, state) {
    last = [index, state];
    if (width && trace.count) frame(index);
    const running = [...state.loops.values()].filter((loop) => !loop.killed);
    const gone = (how) => state.ended[how] + [...state.loops.values()].filter((loop) => loop.killed === how).length;
    const now = running
      .slice(0, 3)
      .map((loop) => `${loop.label} runs since ${seconds(loop.start)}, ${plural(loop.runs, "run")}`);
    const crashes = [...state.stages.values()].reduce((sum, stage) => sum + stage.crashes, 0);
    const restarts = [...state.stages.values()].reduce((sum, stage) => sum + stage.restarts, 0);
    const ends = [`${gone("killed")} killed`, `${state.ended.done} done`, `${state.ended.crashed} crashed`];
    if (gone("stopped")) ends.push(`${gone("stopped")} stopped with the run`);
    const loops = state.started
      ? `${plural(state.started, "loop")} started, ${ends.join(", ")}${now.length ? `; ${now.join("; ")}` : ""}`
      : "no loop started yet";
    const stages = `${plural(crashes, "crash").replace("crashs", "crashes")}, ${plural(restarts, "restart")}`;
    write(words, crashes || restarts ? `${loops} · stages: ${stages}` : loops);
    words.title = words.textContent;
  }

  function lay(time) {
    byTime = time;
    write(axis, byTime ? "by time" : "by event");
    axis.setAttribute("aria-pressed", String(byTime));
    refresh();
  }

  function refresh() {
    if (!width || !trace.count) return;
    prepare();
    if (last) show(...last);
  }

  function seek(pointer) {
    const share = (pointer.clientX - canvas.getBoundingClientRect().left - LEFT) / scale();
    const wanted = Math.min(1, Math.max(0, share));
    if (!byTime) return go(Math.min(trace.count - 1, Math.floor(wanted * trace.count)));
    const t = wanted * trace.end;
    const found = trace.seek(-1, 1, (index) => trace.t[index] >= t);
    return go(found < 0 ? trace.count - 1 : found);
  }

  axis.addEventListener("click", () => lay(!byTime));
  canvas.addEventListener("pointerdown", (pointer) => {
    canvas.setPointerCapture(pointer.pointerId);
    seek(pointer);
  });
  canvas.addEventListener("pointermove", (pointer) => pointer.buttons && seek(pointer));
  new ResizeObserver(() => {
    [width, ratio] = [box.clientWidth, window.devicePixelRatio || 1];
    refresh();
  }).observe(box);
  lay(false);
  const wanted = TOP + AXIS + rows * ROW + lanes.length * 5 + WORDS;
  return { element: section, show, refresh, toggle: () => lay(!byTime), wanted };
}

let known = null;

/** The colours of the style that holds; read once, and again after `forgetColors`. */
function palette() {
  known ??= Object.fromEntries(
    ["ink", "dim", "line", "ground", "running", "done", "killed", "crashed", "work", "alarm", "font"].map((name) => [
      name,
      shade(`--${name}`),
    ]),
  );
  return known;
}

export function forgetColors() {
  known = null;
}
