// What the acting stage works with at an event: the callback that it is in, with its argument, and its numbers.
//
// A number is told when a callback returns. In a callback it is the one before, and says so.

import { brief, plural, whole } from "./words.js";

const CALLED = /^handle_/;
const ANEW = new Set(["started", "restart"]); // nothing of before goes on at these
const ENDED = new Set(["stopped", "shown"]); // no callback goes on after these
const NAMED = 3; // events whose names are said
const ARGUMENTS = { handle_demand: "demand", handle_events: "events", handle_cast: "message" };

export class Acting {
  constructor(trace, placed) {
    this.trace = trace;
    this.began = new Int32Array(trace.count).fill(-1); // of each event, the one with which its stage's callback began
    this.casts = new Map(); // index of a `handle_cast` -> that of the `cast` whose message it is about
    this.before = new Map(); // index of a `shown` -> that of the one before, of the same stage
    this.servers = new Map(); // label of a stage or a loop -> labels of servers whose numbers it changes
    this.loops = new Map(); // label -> its function
    for (const server of placed.all.filter(({ kind }) => kind === "server")) {
      for (const place of server.consumers) {
        for (const { label } of place.labels) this.link(label, server.labels[0].label);
      }
    }
    this.read();
  }

  /** Read the trace once, from the first event to the last. */
  read() {
    this.shows = this.trace.kinds.includes("shown");
    const { trace, began } = this;
    const [open, told] = [new Map(), new Map()]; // of each stage: where its callback began, and its last `shown`
    const functions = new Map(); // of each task that has been started
    const sent = new Map(); // to each stage: the casts that it has not taken
    for (let index = 0; index < trace.count; index += 1) {
      const [stage, kind] = [trace.stage[index], trace.kinds[trace.kind[index]]];
      if (ANEW.has(kind)) for (const each of [open, told]) each.delete(stage);
      if (CALLED.test(kind)) open.set(stage, index);
      else if (this.takes(index)) open.set(stage, index + 1); // a message, and next the callback that it is for
      began[index] = open.get(stage) ?? -1;
      if (ENDED.has(kind)) open.delete(stage);
      if (kind === "cast") {
        if (!sent.has(trace.peer[index])) sent.set(trace.peer[index], []);
        sent.get(trace.peer[index]).push(index);
      }
      if (kind === "handle_cast") this.pair(index, sent.get(stage) ?? []);
      if (kind === "started" && trace.data[index]?.function) functions.set(stage, trace.data[index].function);
      if (kind === "loop_started" && trace.peer[index] >= 0) {
        this.link(trace.names[stage], trace.names[trace.peer[index]]);
        this.loops.set(trace.names[stage], functions.get(stage) ?? "");
      }
      if (kind !== "shown") continue;
      if (told.has(stage)) this.before.set(index, told.get(stage));
      told.set(stage, index);
    }
  }

  /** Whether the event takes a message out of the mailbox, and the next one begins the callback that it is for. */
  takes(index) {
    const { trace } = this;
    const [kind, next] = [trace.kinds[trace.kind[index]], trace.kinds[trace.kind[index + 1]] ?? ""];
    return (kind === "ask" || kind === "events") && CALLED.test(next) && trace.stage[index + 1] === trace.stage[index];
  }

  /** Find the cast that a `handle_cast` is about: the first that carries the same. One before it was lost in a crash. */
  pair(index, waiting) {
    const carried = (each) => JSON.stringify(this.trace.data[each]?.carried ?? []);
    const wanted = carried(index);
    const place = waiting.findIndex((each) => carried(each) === wanted);
    if (place >= 0) this.casts.set(index, waiting.splice(0, place + 1).pop());
  }

  link(label, server) {
    if (this.servers.get(label)?.includes(server)) return;
    this.servers.set(label, [...(this.servers.get(label) ?? []), server]);
  }

  /** The callback at an event and its argument, in the user's own word for it: { name, argument, value } or null. */
  call(index) {
    if (!this.trace.count) return null;
    const loop = this.loops.get(this.trace.names[this.trace.stage[index]]);
    if (loop) return { name: loop, argument: "", value: "" };
    if (this.began[index] < 0) return null;
    const { kind: name, ids, data, file, line } = this.trace.event(this.began[index]);
    const text = file === null ? "" : (this.line(file, line) ?? "");
    const argument = /def \w+\(\s*self\s*,\s*(\w+)/.exec(text)?.[1] ?? ARGUMENTS[name] ?? "";
    if (name === "handle_demand") return { name, argument, value: whole(data.count ?? 0) };
    if (name === "handle_events") return { name, argument, value: several(ids) };
    if (name === "handle_cast") return { name, argument, value: this.message(this.began[index], data.carried ?? []) };
    return { name, argument: "", value: "" };
  }

  /** A message that was cast: the parts that are no events, and its events. */
  message(index, carried) {
    const cast = this.casts.get(index);
    const parts = cast === undefined ? [] : this.trace.event(cast).ids;
    const plain = parts.filter((part) => !/^[[(]/.test(part) && !carried.includes(part)).map(brief);
    return [...plain, ...(carried.length ? [several(carried)] : [])].join(", ");
  }

  /** A line of a source; undefined where there is none. */
  line(file, number) {
    this.texts ??= new Map();
    if (!this.texts.has(file)) this.texts.set(file, this.trace.sources[file]?.split("\n") ?? []);
    return this.texts.get(file)[number - 1];
  }

  /** The numbers at an event: { of, name, was, value, note }; `was` only where the event tells of a change. */
  numbers(index, state, event) {
    if (event === null || !this.shows) return [];
    const { stage, kind } = event;
    const loop = this.loops.has(stage);
    const note = kind === "shown" ? "" : loop ? "last told" : this.began[index] >= 0 ? "before" : "";
    const labels = kind === "shown" ? [stage] : [stage, ...(this.servers.get(stage) ?? [])];
    const earlier = this.trace.data[this.before.get(index)] ?? {};
    return labels.flatMap((of) =>
      Object.entries(state.stages.get(of)?.shown ?? {}).map(([name, value]) => {
        const was = kind === "shown" && name in earlier && earlier[name] !== value ? number(earlier[name]) : null;
        return { of, name, was, value: number(value), note };
      }),
    );
  }
}

function several(ids) {
  const names = ids.slice(0, NAMED).map(brief).join(", ");
  return `${plural(ids.length, "event")}: ${names}${ids.length > NAMED ? ", …" : ""}`;
}

const number = (value) => (typeof value === "number" ? whole(value) : String(value));
