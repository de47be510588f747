// How one lane is drawn on a canvas: bars, what was done in them, and marks for crashes and restarts.

export const ROW = 13; // pixels

/** Draw a lane at height `y`. `left` and `right` give the x at which an event begins and ends. */
export function drawLane(pen, lane, y, { left, right, end, colors }) {
  const server = lane.place.kind === "server";
  for (const bar of lane.bars) {
    const [x0, x1] = [left(bar.from), bar.to === null ? Math.max(end, right(bar.from)) : right(bar.to)];
    const top = y + bar.row * ROW;
    if (server) loop(pen, bar, x0, Math.max(2, x1 - x0), top, left, colors);
    else {
      pen.fillStyle = colors.line;
      pen.fillRect(x0, top + 5, Math.max(2, x1 - x0), 5);
      if (bar.how === "crashed") cross(pen, x1, top + ROW / 2, colors);
    }
  }
  if (server) return marks(pen, lane, y, left, right, colors);
  pen.fillStyle = colors.work; // of no colour that says how a loop ended
  each(
    lane.busy,
    ([from, to]) => [left(from), right(to)],
    (x0, x1) => pen.fillRect(x0, y + 2, Math.max(1.5, x1 - x0), 11),
  );
  each(
    lane.ticks,
    (index) => [(left(index) + right(index)) / 2, 0],
    (x) => pen.fillRect(x - 0.75, y + 2, 1.5, 11),
  );
  return marks(pen, lane, y, left, right, colors);
}

/** A loop that was stopped with the run ran to its end. */
function lookOf(bar) {
  return bar.how === "stopped" ? "running" : bar.how;
}

function loop(pen, bar, x, width, y, left, colors) {
  pen.fillStyle = colors[lookOf(bar)];
  pen.fillRect(x, y + 1, Math.max(1.5, width - 1.5), ROW - 3);
  pen.fillStyle = colors.ground;
  each(
    bar.runs,
    (index) => [left(index), 0],
    (at) => at > x + 1 && pen.fillRect(at, y + 2, 1.2, ROW - 5),
  );
  if (width > 7.4 * bar.label.length + 10) {
    pen.font = `600 11px ${colors.font}`;
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    const size = pen.measureText(bar.label).width;
    pen.fillStyle = colors[lookOf(bar)];
    pen.fillRect(x + 3, y + 2, size + 4, ROW - 5);
    pen.fillStyle = ["running", "crashed"].includes(lookOf(bar)) ? colors.ground : "#000";
    pen.fillText(bar.label, x + 5, y + ROW / 2);
  }
  if (bar.how === "killed" || bar.how === "crashed") cross(pen, x + width - 1, y + ROW / 2 - 0.5, colors);
}

function marks(pen, lane, y, left, right, colors) {
  for (const { index, kind } of lane.marks) {
    const x = (left(index) + right(index)) / 2;
    if (kind === "restart") {
      pen.fillStyle = colors.ink;
      pen.font = `bold 13px ${colors.font}`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillText("↻", x, y + ROW / 2);
    } else cross(pen, x, y + ROW / 2, colors, kind === "law" ? 6 : 4);
  }
}

function cross(pen, x, y, colors, size = 4) {
  for (const [style, width] of [
    [colors.ground, 4.5],
    [colors.alarm, 2],
  ]) {
    pen.strokeStyle = style;
    pen.lineWidth = width;
    pen.beginPath();
    pen.moveTo(x - size, y - size);
    pen.lineTo(x + size, y + size);
    pen.moveTo(x + size, y - size);
    pen.lineTo(x - size, y + size);
    pen.stroke();
  }
}

/** Draw each thing whose place is not that of the one before: a hundred thousand ticks are at most a pixel apart. */
function each(things, where, draw) {
  let before = -Infinity;
  for (const thing of things) {
    const [x0, x1] = where(thing);
    if (Math.max(x0, x1) - before < 0.5) continue;
    draw(x0, x1);
    before = Math.max(x0, x1);
  }
}
