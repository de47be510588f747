// The queue: a bar that adds up to what was sent, and each message with its receive count and visibility clock.

import { make, pane, write } from "./dom.js";
import { PARTS, stateOf, tally } from "./queue_state.js";
import { Rows } from "./rows.js";
import { brief, plural, whole } from "./words.js";

const HEIGHT = 22;
const SLUGS = {
  deleted: "deleted",
  "in flight": "flight",
  visible: "visible",
  delayed: "delayed",
  "dead-lettered": "dead",
};
const MARKS = { deleted: "✓", "in flight": "▸", visible: "○", delayed: "◷", "dead-lettered": "✕" };

/** `things` are those of messages.js: an event of a file marks the message that named it. */
export function queuePane(trace, things) {
  const { section, note, body } = pane("queue", "Queue");
  const parts = PARTS.map((name) => ({
    name,
    piece: make("span", { class: `piece ${SLUGS[name]}` }),
    count: make("b", {}, "0"),
  }));
  const bar = make("div", { class: "bar", role: "img" }, ...parts.map((part) => part.piece));
  const legend = make(
    "ul",
    { class: "legend" },
    ...parts.map(({ name, count }) =>
      make(
        "li",
        { "data-part": name },
        make("i", { class: `swatch ${SLUGS[name]}`, "aria-hidden": "true" }),
        count,
        ` ${name}`,
      ),
    ),
  );
  const facts = make("p", { class: "facts" });
  let [messages, now, at, said] = [[], new Set(), 0, ""];
  const rows = new Rows(HEIGHT, row, { role: "list", "aria-label": "messages" });
  body.append(bar, legend, facts, rows.element);

  function row(number) {
    const message = messages[number];
    const where = stateOf(message, at);
    const acts = now.has(message.id);
    return make(
      "div",
      {
        class: `message ${SLUGS[where]}${acts ? " acting" : ""}`,
        role: "listitem",
        "data-id": message.id,
        title: message.id,
      },
      make("span", { class: "mark", "aria-hidden": "true" }, MARKS[where]),
      make("span", { class: "id" }, brief(message.names[0] ?? message.id)),
      make("span", { class: "state" }, wording(message, where, at)),
      make("span", { class: "receives" }, message.receives ? plural(message.receives, "receive") : "not received"),
    );
  }

  function show(index, state) {
    const { total, counts } = tally(state.queue, state.t);
    [messages, now, at] = [[...state.queue.messages.values()], new Set(things.of(index).flatMap(things.ids)), state.t];
    for (const { name, piece, count } of parts) {
      piece.style.flexGrow = counts[name];
      piece.hidden = !counts[name];
      count.parentNode.hidden = name === "delayed" && !counts.delayed; // a queue seldom has any
      write(count, whole(counts[name]));
    }
    const words = PARTS.map((name) => `${counts[name]} ${name}`).join(", ");
    if (words !== said) bar.setAttribute("aria-label", `${plural(total, "message")}: ${words}`);
    said = words;
    write(
      note,
      `${PARTS.filter((name) => name !== "delayed" || counts.delayed)
        .map((name) => whole(counts[name]))
        .join(" + ")} = ${plural(total, "message")}`,
    );
    write(facts, factsOf(state.queue));
    const target = now.size ? messages.findIndex((message) => now.has(message.id)) : -1;
    rows.show(messages.length, target);
  }

  return {
    element: section,
    show,
    wanted: trace.kinds.some((kind) => ["receive", "delete", "queue", "sent", "visibility", "message"].includes(kind)),
  };
}

/** The state of a message in words; in flight with its clock, as far as the trace tells the timeout. */
function wording(message, where, t) {
  if (where === "delayed") return `delayed, ${Math.max(0, message.until - t).toFixed(1)} s left`;
  if (where === "in flight")
    return message.until === null ? "in flight" : `in flight, ${Math.max(0, message.until - t).toFixed(1)} s left`;
  if (where === "visible" && message.state === "in flight") return "visible again, timed out";
  return where;
}

function factsOf(queue) {
  const unseen = queue.told ? 0 : queue.sent - queue.messages.size;
  if (!queue.told && !queue.sent && !queue.messages.size)
    return "No message is known yet. A server tells of one when it is received, or its file put.";
  const facts = [
    `${plural(queue.received, "delivery").replace("deliverys", "deliveries")}, ${whole(queue.redelivered)} again`,
  ];
  if (queue.requests.size)
    facts.push(
      `requests: ${[...queue.requests].map(([name, count]) => `${name.replace("Batch", "")} ${whole(count)}`).join(", ")}`,
    );
  if (unseen > 0) facts.push(`${whole(unseen)} announced and not received yet`);
  if (queue.errors) facts.push(`${whole(queue.errors)} failed`);
  if (queue.unnamed) facts.push("this trace does not say which messages were deleted");
  return facts.join(" · ");
}
