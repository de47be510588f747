// The queue as its trace events show it: a part of the state of state.js, with the same rules.
//
// A simulated queue tells of each message what becomes of it (kind `message`), and is believed. Of a queue on a server
// a trace holds what requests tell: a message is known from its first `receive` on, hidden for as many seconds as that
// or the last `visibility` says, then visible again without a further event. What a trace does not say is not guessed:
// without a timeout there is no clock. A `dead_lettered` is the recorder's conclusion, and a deletion that does not name its message is only counted.

export const PARTS = ["deleted", "in flight", "visible", "delayed", "dead-lettered"];

export function initialQueue() {
  return {
    told: false, // the queue itself tells of its messages
    messages: new Map(), // id -> message
    sent: 0, // messages that have arrived, or files that announce themselves
    received: 0, // deliveries
    redelivered: 0,
    deleted: 0,
    unnamed: 0, // deletions that do not say of what
    dead: 0, // in the dead-letter queue, at the last look
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
  take(queue, event);
  const operation = OPERATIONS[event.kind] ?? (event.data.operation ?? "").split(".").pop();
  if (operation) queue.requests.set(operation, (queue.requests.get(operation) ?? 0) + 1);
  if (event.data.error !== undefined) queue.errors += 1;
}

function change(queue, id, changed) {
  const before = queue.messages.get(id) ?? { id, names: [], state: "visible", receives: 0, until: null };
  queue.messages.set(id, { ...before, ...changed });
}

/** The queue tells what has become of a message. */
function told(queue, event) {
  const { state, receives, until, sent, names } = event.data;
  queue.told = true;
  queue.sent = sent ?? queue.sent;
  for (const id of event.ids) {
    const before = queue.messages.get(id);
    const name = STATES[state] ?? state;
    change(queue, id, {
      state: name,
      receives: receives ?? before?.receives ?? 0,
      until: until ?? null,
      names: names ?? before?.names ?? [],
    });
  }
}

const STATES = { in_flight: "in flight", dead_lettered: "dead-lettered" };

function sent(queue, event) {
  if (!queue.told) queue.sent += event.ids.length;
}

function received(queue, event) {
  const { counts, visibility, names } = event.data;
  event.ids.forEach((id, place) => {
    const receives = counts?.[place] ?? (queue.messages.get(id)?.receives ?? 0) + 1;
    queue.received += 1;
    if (receives > 1) queue.redelivered += 1;
    if (queue.told) return;
    const until = typeof visibility === "number" ? event.t + visibility : null;
    const events = names?.[place] ?? queue.messages.get(id)?.names ?? [];
    // S3's test message names no file, so it is not among the files sent.
    if (!queue.messages.has(id) && names?.[place]?.length === 0) queue.sent += 1;
    change(queue, id, { state: "in flight", receives, until, names: events });
  });
}

function deleted(queue, event) {
  const refused = new Set(event.data.refused ?? []);
  const done = event.ids.filter((id) => !refused.has(id));
  const count = event.data.deleted ?? done.length;
  queue.deleted += count;
  queue.unnamed += Math.max(0, count - done.length);
  if (!queue.told) for (const id of done) change(queue, id, { state: "deleted", until: null });
}

function buried(queue, event) {
  for (const id of event.ids) change(queue, id, { state: "dead-lettered", until: null });
}

function hidden(queue, event) {
  const refused = new Set(event.data.refused ?? []);
  event.ids.forEach((id, place) => {
    const state = queue.messages.get(id)?.state;
    if (queue.told || refused.has(id) || state === "deleted" || state === "dead-lettered") return;
    const seconds = event.data.seconds?.[place] ?? 0;
    change(
      queue,
      id,
      seconds > 0 ? { state: "in flight", until: event.t + seconds } : { state: "visible", until: null },
    );
  });
}

const TAKES = {
  message: told,
  sent,
  receive: received,
  delete: deleted,
  visibility: hidden,
  dead_lettered: buried,
  queue: (queue, event) => void (queue.dead = event.data.dead_lettered ?? queue.dead),
  download: () => {},
  request: () => {},
};

/** Where a message is at time `t`: one whose delay or visibility timeout has ended is visible. */
export function stateOf(message, t) {
  const waits = message.state === "in flight" || message.state === "delayed";
  return waits && message.until !== null && message.until <= t ? "visible" : message.state;
}

/** How many messages there are, and in each of PARTS: the parts add up to `total`. */
export function tally(queue, t) {
  const counts = Object.fromEntries(PARTS.map((name) => [name, 0]));
  for (const message of queue.messages.values()) counts[stateOf(message, t)] += 1;
  if (queue.told) return { total: Math.max(queue.sent, queue.messages.size), counts };
  // What requests do not tell of is visible, as far as anybody knows.
  const total = Math.max(queue.sent, queue.messages.size, queue.deleted);
  let left = total;
  const part = (name, count) => {
    counts[name] = Math.max(0, Math.min(count, left));
    left -= counts[name];
  };
  part("deleted", counts.deleted + queue.unnamed);
  part("dead-lettered", Math.max(counts["dead-lettered"], queue.dead));
  part("in flight", counts["in flight"] - queue.unnamed);
  part("visible", left);
  return { total, counts };
}
