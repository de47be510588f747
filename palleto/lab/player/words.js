// Numbers, names and events in words.

const WHOLE = new Intl.NumberFormat("en-US");

export const whole = (number) => WHOLE.format(number);

/** Seconds of run time, as short as they are: `40 s`, `2.053 s`. */
export const seconds = (t) => (t >= 1000 ? `${whole(Math.round(t))} s` : `${Number(t.toFixed(t >= 100 ? 1 : 3))} s`);

/** Seconds of run time, to stand below each other. */
export const clock = (t) => t.toFixed(3);

/** `1 event`, `2 events`. */
export function plural(count, noun) {
  return `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
}

export const who = (label) => (label === "" ? "the run" : label);

/** The text, at most `most` characters of it. */
export function clip(text, most) {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** What is different between keys and messages: the last part of a path, or the first group of an id. */
export function brief(id) {
  const name = id.split("/").pop();
  return /^[0-9a-f]{8}-[0-9a-f]{4}-/.test(name) ? name.slice(0, 8) : clip(name, 28);
}

const SHOWN = 2;

function listed(ids) {
  return (
    ids
      .slice(0, SHOWN)
      .map((id) => clip(id, 60))
      .join(", ") + (ids.length > SHOWN ? ` and ${ids.length - SHOWN} more` : "")
  );
}

/** What happened, in one line, without who and when. */
export function told(event) {
  const { kind, peer, ids, data } = event;
  const names = listed(ids);
  const sentence = SENTENCES[kind]?.(peer, ids, data, names);
  if (sentence !== undefined) return sentence;
  const facts = Object.entries(data).map(
    ([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`,
  );
  return [kind.replaceAll("_", " "), peer === null ? "" : `with ${peer}`, names, clip(facts.join(", "), 80)]
    .filter(Boolean)
    .join(" ");
}

const SENTENCES = {
  said: (peer, ids, data) => `says “${data.text}”`,
  report: (peer, ids, data) => `reports “${data.text}”`,
  started: () => "starts",
  stopped: (peer, ids, data) => `stops${data.reason ? ` (${data.reason})` : ""}`,
  crash: (peer, ids, data) => `crashes: ${data.reason ?? "no reason given"}`,
  restart: (peer, ids, data) => `was started again by ${peer}, after ${data.reason ?? "a crash"}`,
  subscribe: (peer) => `takes a subscription of ${peer}`,
  ask: (peer, ids, data) => `is asked by ${peer} for ${plural(data.count ?? 0, "event")}`,
  emitted: (peer, ids, data, names) => `sends ${peer} ${plural(ids.length, "event")}: ${names}`,
  events: (peer, ids, data, names) => `takes ${plural(ids.length, "event")} of ${peer}: ${names}`,
  cancel: (peer) => `loses the subscription with ${peer}`,
  down: (peer) => `hears that ${peer} is gone`,
  handle_demand: (peer, ids, data) => `begins handle_demand(${data.count ?? ""})`,
  handle_events: (peer, ids, data, names) => `begins handle_events with ${plural(ids.length, "event")}: ${names}`,
  handle_cast: () => "begins handle_cast",
  handle_subscribe: () => "begins handle_subscribe",
  handle_cancel: () => "begins handle_cancel",
  handled: (peer, ids, data, names) => `is done with ${plural(ids.length, "event")}: ${names}`,
  dropped: (peer, ids, data, names) => `drops ${plural(ids.length, "event")}, its buffer is full: ${names}`,
  lost: (peer, ids, data, names) => `loses ${plural(ids.length, "event")} in a crash: ${names}`,
  cast: (peer, ids, data, names) =>
    data.carried?.length
      ? `casts ${plural(data.carried.length, "event")} to ${peer}: ${listed(data.carried)}`
      : `casts to ${peer}: ${names}`,
  shown: (peer, ids, data) =>
    `has ${Object.entries(data)
      .map(([name, value]) => `${name} = ${value}`)
      .join(", ")}`,
  loop_started: (peer) => `starts as a loop of ${peer}`,
  loop_killed: (peer, ids, data) => (data.at ? `is killed, where it waits in line ${data.at[1]}` : "is killed"),
  loop_crashed: (peer, ids, data) => `crashes and will run again: ${data.reason ?? ""}`,
  loop_ended: (peer, ids, data) => `has ended (${data.reason ?? ""})`,
  receive: (peer, ids, data, names) =>
    ids.length ? `receives ${plural(ids.length, "message")}: ${names}` : "receives no message",
  delete: (peer, ids, data) =>
    `deletes ${plural(data.deleted ?? ids.length, "message")}${data.failed ? `, ${data.failed} failed` : ""}`,
  download: (peer, ids, data, names) => `downloads ${names} (${whole(data.bytes ?? 0)} bytes)`,
  message: (peer, ids, data, names) =>
    `message ${names} is ${(data.state ?? "").replace("_", " ").replace("dead lettered", "dead-lettered")}${data.receives ? `, received ${data.receives}×` : ""}`,
  dead_lettered: (peer, ids, data, names) => `finds that ${names} was received as often as allowed: it is in the dead-letter queue`,
  visibility: (peer, ids, data, names) =>
    `hides ${names || "messages"} for ${[...new Set(data.seconds ?? [])].join(", ")} s`,
  queue: (peer, ids, data) =>
    `the queue has ${data.visible} visible, ${data.in_flight} in flight, ${data.dead_lettered} dead-lettered`,
  sent: (peer, ids, data, names) => `${plural(ids.length, "file")} put into the bucket: ${names}`,
  request: (peer, ids, data) => `asks for ${data.operation ?? "something"}${data.error ? `: ${data.error}` : ""}`,
  waits: () => "waits here",
  drain: () => "begins to end: the sources are stopped",
  written: (peer, ids, data, names) => `has written the result of ${names} (${whole(data.lines ?? 0)} lines)`,
  law: (peer, ids, data) => `breaks the law of the ledger: ${data.text ?? ""}`,
};
