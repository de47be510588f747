// The ledger: what each subscription has asked and was given, what each producer remembers, and the law.

import { make, pane, seeLater, write } from "./dom.js";
import { account } from "./state.js";
import { whole } from "./words.js";

const MOST = 24; // subscriptions with a row; a run with more shows those that changed last, and counts the rest

export function ledgerPane(trace) {
  const { section, note, body } = pane("ledger", "Ledger");
  const law = make("p", { class: "law", role: "status", "aria-live": "off" });
  const subscriptions = table("subscriptions", ["consumer of producer", "asked", "delivered", "outstanding"]);
  const producers = table("producers", ["producer", "remembers", "wanted", "buffered", "dropped"]);
  const box = make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "accounts of demand" });
  box.append(law, producers.element, subscriptions.element);
  body.append(box);

  function show(index, state, event) {
    write(note, "demand, in events");
    const held = [...state.subscriptions.values()];
    const living = held.filter((each) => !each.ended);
    const shown = (living.length ? living : held).slice(-MOST);
    subscriptions.fill(
      shown.map((each) => subscriptionRow(each, event)),
      held.length - shown.length,
      living.length > MOST ? "subscription" : "ended subscription",
    );
    const owing = [...state.stages.values()].filter((stage) => stage.emits);
    producers.fill(
      owing.slice(0, MOST).map((stage) => producerRow(state, stage, event)),
      owing.length - Math.min(MOST, owing.length),
      "producer",
    );
    producers.element.classList.toggle("undropped", owing.every((stage) => !account(state, stage).dropped));
    tell(state, owing, event);
    const acting = [...box.querySelectorAll("tr.acting")].pop();
    if (acting) seeLater(box, acting);
  }

  function tell(state, owing, event) {
    if (state.law !== null) {
      const seq = trace.seq(state.law.index);
      write(law, `✕ The law is broken since event ${seq}: ${state.law.text}.`);
      law.className = "law broken";
    } else if (!owing.length) {
      write(law, "Nobody has subscribed yet.");
      law.className = "law";
    } else {
      const busy = owing.find((stage) => account(state, stage).excess < 0 || unheard(state, stage));
      const doing = busy && busy.label === event?.stage;
      write(
        law,
        busy && doing ? `… ${busy.label} is about to enter this.` : `✓ The law holds: ${equation(state, owing[0])}.`,
      );
      law.className = busy && doing ? "law" : "law holds";
    }
  }

  return { element: section, show };
}

/** The law with the numbers of a producer. */
function equation(state, stage) {
  const { remembered, demand, buffered, wanted, excess } = account(state, stage);
  const left = excess > 0 ? ` + ${whole(excess)} of cancelled subscriptions` : "";
  const right =
    demand >= buffered
      ? `${whole(demand)} outstanding − ${whole(buffered)} buffered${left}`
      : `${whole(wanted)} wanted${left}`;
  return `${stage.label} remembers ${whole(remembered)} = ${right}`;
}

/** Whether an ask has been taken from the mailbox and is not in the accounts of the stage yet. */
function unheard(state, stage) {
  let outstanding = 0;
  for (const each of state.subscriptions.values()) {
    if (each.producer === stage.label && !each.ended) outstanding += each.asked - each.delivered;
  }
  return outstanding > stage.ledger[1];
}

function subscriptionRow({ producer, consumer, asked, delivered, ended }, event) {
  const acts =
    event &&
    ((event.stage === producer && event.peer === consumer) || (event.stage === consumer && event.peer === producer));
  const over = delivered > asked;
  const name = make(
    "th",
    { scope: "row" },
    ...breakable(consumer),
    make("span", { class: "of" }, " of ", ...breakable(producer), ended ? ", ended" : ""),
  );
  const outstanding = ended ? "–" : over ? `${asked - delivered} ✕` : whole(asked - delivered);
  const cells = [whole(asked), whole(delivered), outstanding].map((text) => make("td", {}, text));
  return make(
    "tr",
    { class: [acts ? "acting" : "", over ? "broken" : "", ended ? "gone" : ""].join(" ").trim() || null },
    name,
    ...cells,
  );
}

function producerRow(state, stage, event) {
  const { remembered, wanted, buffered, dropped } = account(state, stage);
  const broken = state.law !== null && state.law.stage === stage.label;
  const cells = [whole(remembered), whole(wanted), whole(buffered), whole(dropped)].map((text) => make("td", {}, text));
  const name = make("th", { scope: "row" }, ...breakable(stage.label), broken ? " ✕" : "");
  return make(
    "tr",
    { class: [event?.stage === stage.label ? "acting" : "", broken ? "broken" : ""].join(" ").trim() || null },
    name,
    ...cells,
  );
}

/** A name that may go on in the next line where a stage's role begins, or after a mark. */
function breakable(name) {
  return name
    .split(/(?=ProducerConsumer)|(?<!Producer)(?=Consumer)|(?<=[.:/_-])/)
    .flatMap((part, place) => (place ? [make("wbr"), part] : [part]));
}

function table(name, headings) {
  const rows = make("tbody");
  const more = make("caption", { class: "more" });
  const heads = headings.map((heading) => make("th", { scope: "col" }, heading));
  let held = "";
  const element = make("table", { class: name }, more, make("thead", {}, make("tr", {}, ...heads)), rows);
  return {
    element,
    fill(made, left, noun) {
      element.hidden = !made.length;
      const texts = made.map((row) => `${row.className} ${row.textContent}`).join("\n");
      if (texts !== held) rows.replaceChildren(...made); // to lay a table out is dear
      held = texts;
      write(more, left > 0 ? `${whole(left)} more ${noun}${left === 1 ? "" : "s"} not shown` : "");
      more.hidden = left <= 0;
    },
  };
}
