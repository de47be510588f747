// The queue as its trace events show it: a part of the state of state.js, with the same rules.
//
// A message is known from the moment at which it was sent, or first received. It is visible, in flight (until its
// visibility timeout ends), deleted or dead-lettered; `tally` counts them, and its parts always add up to what was sent.
// What a trace does not say is not guessed: without a visibility timeout there is no clock, and a deletion that does
// not name its message is only counted.

export const PARTS = ["deleted", "in flight", "visible", "dead-lettered"];

export function initialQueue() {
  return {
    known: false, // whether there was a queue at all
    messages: new Map(), // id -> message
    sent: 0, // messages, or files that announce themselves
    received: 0, // deliveries
    redelivered: 0,
    deleted: 0,
    unnamed: 0, // deletions that do not say of what
    dead: 0, // in the dead-letter queue, at the last look
    timeout: null, // seconds that a received message is invisible, if known
    requests: new Map(), // operation -> count
    errors: 0,
  };
}

const OPERATIONS = {
  receive: "ReceiveMessage",
  delete: "DeleteMessageBatch",
  visibility: "ChangeMessageVisibilityBatch",
  download: "GetObject",
};

/** Take in one event; those that are not the queue's change nothing. */
export function observe(queue, event) {
  const take = TAKES[event.kind];
  if (!take) return;
  queue.known = true;
  const timeout = event.data.visibility_timeout ?? event.data.timeout;
  if (typeof timeout === "number") queue.timeout = timeout;
  take(queue, event);
  const operation = OPERATIONS[event.kind] ?? (event.data.operation ?? "").split(".").pop();
  if (operation) queue.requests.set(operation, (queue.requests.get(operation) ?? 0) + 1);
  if (event.data.error !== undefined) queue.errors += 1;
}

function change(queue, id, changed) {
  const before = queue.messages.get(id) ?? { id, key: null, state: "visible", receives: 0, since: null, until: null, by: "" };
  queue.messages.set(id, { ...before, ...changed });
}

function sent(queue, event) {
  queue.sent += event.ids.length;
  const messages = event.data.messages; // the messages' ids, where `ids` are the files'
  if (Array.isArray(messages)) messages.forEach((id, place) => change(queue, id, { key: event.ids[place] ?? null }));
}

function received(queue, event) {
  event.ids.forEach((id, place) => {
    const receives = event.data.counts?.[place] ?? (queue.messages.get(id)?.receives ?? 0) + 1;
    const until = queue.timeout === null ? null : event.t + queue.timeout;
    change(queue, id, { state: "in flight", receives, since: event.t, until, by: event.stage });
    queue.received += 1;
    if (receives > 1) queue.redelivered += 1;
  });
}

function deleted(queue, event) {
  const count = event.data.deleted ?? event.ids.length;
  queue.deleted += count;
  for (const id of event.ids) change(queue, id, { state: "deleted", until: null });
  queue.unnamed += Math.max(0, count - event.ids.length);
}

function hidden(queue, event) {
  event.ids.forEach((id, place) => {
    const seconds = event.data.seconds?.[place] ?? 0;
    if (queue.messages.get(id)?.state === "deleted") return;
    change(queue, id, seconds > 0 ? { state: "in flight", until: event.t + seconds } : { state: "visible", until: null });
  });
}

function deadLettered(queue, event) {
  for (const id of event.ids) change(queue, id, { state: "dead-lettered", until: null });
}

const TAKES = {
  sent,
  receive: received,
  delete: deleted,
  visibility: hidden,
  dead_lettered: deadLettered,
  dead_letter: deadLettered,
  queue: (queue, event) => void (queue.dead = event.data.dead_lettered ?? queue.dead),
  download: () => {},
  request: () => {},
};

/** Where a message is at time `t`: one whose visibility timeout has ended is visible again. */
export function stateOf(message, t) {
  return message.state === "in flight" && message.until !== null && message.until <= t ? "visible" : message.state;
}

/** How many messages there are, and in each of PARTS: the parts add up to `total`. */
export function tally(queue, t) {
  const counts = { deleted: 0, "in flight": 0, visible: 0, "dead-lettered": 0 };
  for (const message of queue.messages.values()) counts[stateOf(message, t)] += 1;
  const total = Math.max(queue.sent, queue.messages.size, queue.deleted);
  counts.deleted = queue.deleted;
  counts["dead-lettered"] = Math.min(Math.max(counts["dead-lettered"], queue.dead), total - counts.deleted);
  counts["in flight"] = Math.max(0, Math.min(counts["in flight"] - queue.unnamed, total - counts.deleted - counts["dead-lettered"]));
  counts.visible = total - counts.deleted - counts["in flight"] - counts["dead-lettered"];
  return { total, counts };
}
