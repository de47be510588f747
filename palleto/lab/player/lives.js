// The lanes of a whole run: the life of each stage, and of the loops of each server, in indexes of the trace.
//
// Loops of one server share rows: one that starts after another was killed stands in the same row, so that a chain of
// restarts is seen at a glance.

/**
 * For each place a lane: { place, rows, bars, busy, ticks, marks }.
 *
 * bars: { label, row, from, to, how, runs } with `to` null while it lives at the end of the trace; how: running, done,
 * killed, crashed, stopped (a loop: with the run, which is no kill of the step's). busy: [from, to] of its handle_events. ticks: indexes of other callbacks. marks:
 * { index, kind }: crash, restart, law.
 */
export function lives(trace, placed) {
  const lanes = placed.all.map((place) => ({ place, rows: 1, bars: [], busy: [], ticks: [], marks: [] }));
  const laneOf = new Map(placed.all.map((place, number) => [place, lanes[number]]));
  const open = new Map(); // label -> the bar that has not ended
  const busy = new Map(); // label -> the index at which its callback began
  const loops = new Map(); // label -> its server's lane
  let over = "killed"; // what becomes of a loop that is ended from outside

  const lane = (label) => laneOf.get(placed.of(label)) ?? null;

  function begin(on, label, index) {
    const bar = { label, row: 0, from: index, to: null, how: "running", runs: [], said: false };
    on.bars.push(bar);
    open.set(label, bar);
    return bar;
  }

  function end(label, index, how) {
    const bar = open.get(label);
    const since = busy.get(label);
    if (since !== undefined) lane(label)?.busy.push([since, index]);
    busy.delete(label);
    if (!bar) return;
    bar.to ??= index;
    if (bar.how === "running") bar.how = how;
    open.delete(label);
  }

  const TAKES = {
    started({ stage, index }) {
      const on = lane(stage);
      if (on && on.place.kind !== "server" && !open.has(stage)) begin(on, stage, index);
    },
    stopped: ({ stage, index }) => void (loops.has(stage) || end(stage, index, "stopped")),
    crash({ stage, index }) {
      lane(stage)?.marks.push({ index, kind: "crash" });
      if (!loops.has(stage)) end(stage, index, "crashed");
    },
    restart: ({ stage, index }) => void lane(stage)?.marks.push({ index, kind: "restart" }),
    law: ({ stage, index }) => void lane(stage)?.marks.push({ index, kind: "law" }),
    handle_events: ({ stage, index }) => void busy.set(stage, index),
    handled({ stage, index }) {
      if (busy.has(stage)) lane(stage)?.busy.push([busy.get(stage), index]);
      busy.delete(stage);
    },
    handle_demand: ({ stage, index }) => void lane(stage)?.ticks.push(index),
    handle_cast: ({ stage, index }) => void lane(stage)?.ticks.push(index),
    loop_started({ stage, peer, index }) {
      const on = lane(peer ?? "");
      if (!on) return;
      loops.set(stage, on);
      begin(on, stage, index);
    },
    loop_killed({ stage, index }) {
      const bar = open.get(stage);
      if (bar) Object.assign(bar, { to: index, how: over });
    },
    loop_crashed: ({ stage, index }) => void loops.get(stage)?.marks.push({ index, kind: "crash" }),
    loop_ended({ stage, index, data }) {
      end(stage, index, { normal: "done", shutdown: over }[data.reason] ?? "crashed");
      loops.delete(stage);
    },
    drain: () => void (over = "stopped"),
    said({ stage, index, data }) {
      const bar = loops.has(stage) ? open.get(stage) : undefined;
      if (!bar || !/\blooping\b/.test(data.text ?? "")) return;
      if (!bar.said) [bar.said, bar.runs] = [true, []];
      bar.runs.push(index);
    },
    receive({ stage, index }) {
      const bar = loops.has(stage) ? open.get(stage) : undefined;
      if (bar && !bar.said) bar.runs.push(index); // a loop that says nothing still polls
    },
  };
  for (let index = 0; index < trace.count; index += 1) {
    const take = TAKES[trace.kinds[trace.kind[index]]];
    if (take) take(trace.event(index));
  }
  for (const [label, since] of busy) lane(label)?.busy.push([since, trace.count - 1]);
  for (const each of lanes) if (each.place.kind === "server") pack(each);
  lanes.sort((a, b) => a.place.column - b.place.column || a.place.row - b.place.row);
  return lanes;
}

/** Put each bar into the first row that is free when it begins. */
function pack(lane) {
  const free = [];
  for (const bar of lane.bars) {
    let row = free.findIndex((until) => until <= bar.from);
    if (row < 0) row = free.length;
    free[row] = bar.to ?? Infinity;
    bar.row = row;
  }
  lane.rows = Math.max(1, free.length);
}
