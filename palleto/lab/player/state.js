// What a run looks like at one event, and how one event changes that. No DOM, no clock, nothing of what comes later.
//
//   initial()             the state before the first event
//   apply(state, event)   the state after one event more; it changes the state that it is given
//   copy(state)           one that `apply` may change without changing the other
//
// A state is a few Maps whose entries are never changed but replaced, so a copy costs no more than the Maps. Two states
// that the same events led to are equal, whichever way they were reached: replay.js relies on it, and a test holds it.

import { initialQueue, observe } from "./queue_state.js";

const LOOP_RUN = /\blooping\b/;

export function initial() {
  return {
    index: -1, // of the last event that was applied
    t: 0, // seconds of run time
    stages: new Map(), // label -> stage, in the order in which they were first heard of
    subscriptions: new Map(), // key(producer, consumer) -> subscription
    loops: new Map(), // label -> loop, those that have not ended
    ended: { done: 0, killed: 0, crashed: 0, stopped: 0 }, // loops; stopped: with the run
    started: 0, // loops
    killed: 0, // loops, before the end of the run began
    ending: false,
    queue: initialQueue(),
    consumed: 0, // events, by the last stages
    written: 0, // files
    law: null, // the first event that breaks the law of the ledger: { index, stage, text }
  };
}

export function copy(state) {
  return {
    ...state,
    stages: new Map(state.stages),
    subscriptions: new Map(state.subscriptions),
    loops: new Map(state.loops),
    queue: { ...state.queue, messages: new Map(state.queue.messages), requests: new Map(state.queue.requests) },
  };
}

export function apply(state, event) {
  state.index = event.index;
  state.t = event.t;
  const before = state.stages.get(event.stage) ?? newStage(event.stage);
  const change = { heard: event.index, status: before.status === "unknown" ? "running" : before.status };
  if (event.ledger !== null) change.ledger = event.ledger;
  // A supervisor's numbers are told at the line of who changed them: it does not stand there.
  if (event.file !== null && event.line > 0 && event.kind !== "shown")
    Object.assign(change, { file: event.file, line: event.line, stood: event.index });
  state.stages.set(event.stage, { ...before, ...change });
  TAKES[event.kind]?.(state, event);
  observe(state.queue, event);
  return state;
}

/** The name of a subscription in `state.subscriptions`. */
export function key(producer, consumer) {
  return `${producer}\n${consumer}`;
}

/** What of a producer's demand is explained: the law of the ledger, term by term, at this moment. */
export function account(state, stage) {
  const [remembered, demand, buffered, dropped] = stage.ledger;
  const wanted = Math.max(0, demand - buffered);
  return { remembered, demand, buffered, dropped, wanted, excess: remembered - wanted, cancelled: stage.cancelled };
}

// ---- stages

function newStage(label) {
  return {
    label,
    status: "unknown", // unknown, running, stopped, crashed
    emits: false, // somebody has subscribed to it
    subscribes: false,
    supervises: false, // it has started loops or restarted somebody
    callback: "", // the callback that it is in
    held: 0, // events in hand, in handle_events
    handled: 0, // events
    crashes: 0,
    restarts: 0,
    reason: "", // of its end
    cancelled: 0, // events of demand that cancelled subscriptions leave behind
    shown: NOTHING, // its own numbers, by name
    ledger: NO_LEDGER, // remembered, demand, buffered, dropped
    file: null, // where it stands, and
    line: 0,
    stood: -1, // the event at which it stood there
    heard: -1, // the last event of its own
  };
}

const NOTHING = Object.freeze({});
const NO_LEDGER = Object.freeze([0, 0, 0, 0]);

function alter(state, label, change) {
  const stage = state.stages.get(label) ?? newStage(label);
  state.stages.set(label, { ...stage, ...change });
}

function began(state, event) {
  const stage = state.stages.get(event.stage);
  const { emits, subscribes, supervises, crashes, restarts, handled } = stage;
  const kept = { emits, subscribes, supervises, crashes, restarts, handled };
  const { file, line, stood, heard, ledger } = stage;
  state.stages.set(event.stage, {
    ...newStage(event.stage),
    ...kept,
    file,
    line,
    stood,
    heard,
    ledger,
    status: "running",
  });
}

function ended(status) {
  return (state, event) => {
    const { crashes } = state.stages.get(event.stage);
    const more = status === "crashed" ? 1 : 0;
    const reason = event.data.reason ?? "";
    alter(state, event.stage, { status, reason, callback: "", held: 0, crashes: crashes + more });
  };
}

function restarted(state, event) {
  alter(state, event.stage, { restarts: state.stages.get(event.stage).restarts + 1 });
  if (event.peer !== null) alter(state, event.peer, { supervises: true });
}

function called(state, event) {
  alter(state, event.stage, { callback: event.kind, held: event.kind === "handle_events" ? event.ids.length : 0 });
}

function handled(state, event) {
  const count = event.ids.length;
  alter(state, event.stage, { callback: "", held: 0, handled: state.stages.get(event.stage).handled + count });
  if (event.data.last) state.consumed += count;
}

// ---- demand

function subscribed(state, event) {
  const [producer, consumer] = [event.stage, event.peer ?? ""];
  const subscription = { producer, consumer, asked: 0, delivered: 0, ended: false };
  state.subscriptions.set(key(producer, consumer), subscription);
  alter(state, producer, { emits: true });
  alter(state, consumer, { subscribes: true });
}

function asked(state, event) {
  const name = key(event.stage, event.peer ?? "");
  const found = state.subscriptions.get(name);
  if (found) state.subscriptions.set(name, { ...found, asked: found.asked + (event.data.count ?? 0) });
}

function emitted(state, event) {
  const name = key(event.stage, event.peer ?? "");
  const found = state.subscriptions.get(name);
  if (!found) return;
  const delivered = found.delivered + event.ids.length;
  state.subscriptions.set(name, { ...found, delivered });
  if (delivered > found.asked) {
    const text = `${event.peer} was sent ${delivered} events and had asked for ${found.asked}`;
    state.law ??= { index: event.index, stage: event.stage, text };
  }
}

function unsubscribed(state, event) {
  const [here, there] = [event.stage, event.peer ?? ""];
  for (const [name, isProducer] of [
    [key(here, there), true],
    [key(there, here), false],
  ]) {
    const found = state.subscriptions.get(name);
    if (!found || found.ended) continue;
    state.subscriptions.set(name, { ...found, ended: true });
    if (isProducer) {
      const { cancelled } = state.stages.get(here);
      alter(state, here, { cancelled: cancelled + found.asked - found.delivered });
    }
  }
}

// ---- loops

function loopStarted(state, event) {
  const [server, start] = [event.peer ?? "", event.t];
  const loop = { label: event.stage, server, start, runs: 0, killed: false, crashes: 0, again: 0 }; // again: it crashed
  state.loops.set(event.stage, loop);
  state.started += 1;
  if (event.peer !== null) alter(state, event.peer, { supervises: true });
}

function loopChanged(state, label, change) {
  const loop = state.loops.get(label);
  if (loop) state.loops.set(label, { ...loop, ...change(loop) });
}

function loopKilled(state, event) {
  loopChanged(state, event.stage, () => ({ killed: state.ending ? "stopped" : "killed" }));
  if (!state.ending) state.killed += 1;
}

function loopCrashed(state, event) {
  const again = event.data.again ?? 0; // the time at which it will run again
  loopChanged(state, event.stage, (loop) => ({ crashes: loop.crashes + 1, again }));
}

function loopEnded(state, event) {
  const loop = state.loops.get(event.stage);
  if (!loop) return;
  const shutdown = state.ending ? "stopped" : "killed";
  const how = loop.killed || ({ normal: "done", shutdown }[event.data.reason] ?? "crashed");
  state.ended = { ...state.ended, [how]: state.ended[how] + 1 };
  state.loops.delete(event.stage);
  state.stages.delete(event.stage); // there may be thousands
}

function said(state, event) {
  if (LOOP_RUN.test(event.data.text ?? "")) loopChanged(state, event.stage, (loop) => ({ runs: loop.runs + 1 }));
}

const TAKES = {
  started: began,
  stopped: ended("stopped"),
  crash: ended("crashed"),
  restart: restarted,
  subscribe: subscribed,
  ask: asked,
  emitted,
  cancel: unsubscribed,
  down: unsubscribed,
  handle_demand: called,
  handle_events: called,
  handle_cast: called,
  handled,
  loop_started: loopStarted,
  loop_killed: loopKilled,
  loop_crashed: loopCrashed,
  loop_ended: loopEnded,
  said,
  shown: (state, event) => alter(state, event.stage, { shown: event.data }),
  drain: (state) => void (state.ending = true),
  written: (state) => void (state.written += 1),
  law: (state, event) => void (state.law ??= { index: event.index, stage: event.stage, text: event.data.text ?? "" }),
};
