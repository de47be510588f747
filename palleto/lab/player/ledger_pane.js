// The ledger: what each producer remembers, below it what each subscription has asked and was given; and the law.

import { make, pane, seeLater, write } from "./dom.js";
import { account } from "./state.js";
import { plural, whole } from "./words.js";

const MOST = 24; // subscriptions with a row; a run with more shows those that changed last, and counts the rest

export function ledgerPane(trace) {
  const { section, note, body } = pane("ledger", "Ledger");
  const law = make("p", { class: "law", role: "status", "aria-live": "off" });
  const more = make("caption", { class: "more" });
  const heads = ["producer, consumers", "asked", "delivered", "outstanding"].map((heading) =>
    make("th", { scope: "col" }, heading),
  );
  const table = make("table", { class: "accounts" }, more, make("thead", {}, make("tr", {}, ...heads)));
  const box = make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "accounts of demand" });
  box.append(law, table);
  body.append(box);
  let held = "";

  function show(index, state, event) {
    write(note, "remembers = outstanding − buffered");
    const all = [...state.subscriptions.values()];
    const living = all.filter((each) => !each.ended);
    const shown = (living.length ? living : all).slice(-MOST);
    const owing = [...state.stages.values()].filter((stage) => stage.emits);
    const named = owing.filter(({ label }, place) => place < MOST || shown.some((each) => each.producer === label));
    const accounts = named.map((stage) => [
      producerRow(state, stage, event),
      ...shown.filter((each) => each.producer === stage.label).map((each) => subscriptionRow(each, event)),
    ]);
    table.hidden = !accounts.length;
    const texts = accounts.flatMap((rows) => rows.map((row) => `${row.className} ${row.textContent}`)).join("\n");
    if (texts !== held) {
      // to lay a table out is dear
      for (const each of [...table.tBodies]) each.remove();
      table.append(...accounts.map((rows) => make("tbody", {}, ...rows)));
    }
    held = texts;
    const left = [
      [all.length - shown.length, living.length > MOST ? "subscription" : "ended subscription"],
      [owing.length - named.length, "producer"],
    ].filter(([count]) => count > 0);
    write(more, left.length ? `${left.map(([count, noun]) => plural(count, noun)).join(" and ")} more not shown` : "");
    more.hidden = !left.length;
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
        busy && doing
          ? `… ${busy.label} is about to enter this.`
          : `✓ ${equation(state, owing.find((stage) => account(state, stage).excess > 0) ?? owing[0])}`,
      );
      law.className = busy && doing ? "law" : "law holds";
    }
  }

  return { element: section, show };
}

/** The law with the numbers of a producer. */
function equation(state, stage) {
  const { remembered, demand, buffered, excess } = account(state, stage);
  const least = demand < buffered ? ", at least 0" : "";
  const left = excess > 0 ? ` + ${whole(excess)} of cancelled subscriptions` : "";
  const law = `${whole(demand)} outstanding − ${whole(buffered)} buffered${least}${left}`;
  return `${stage.label}: ${whole(remembered)} = ${law}`;
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
  const name = make("th", { scope: "row" }, ...breakable(consumer));
  const outstanding = ended ? "ended" : over ? `${asked - delivered} ✕` : whole(asked - delivered);
  const cells = [whole(asked), whole(delivered), outstanding].map((text) => make("td", {}, text));
  const style = classes("subscription", acts && "acting", over && "broken", ended && "gone");
  return make("tr", { class: style }, name, ...cells);
}

/** What a producer remembers is what is outstanding below it, less what is buffered. */
function producerRow(state, stage, event) {
  const { remembered, buffered, dropped } = account(state, stage);
  const broken = state.law !== null && state.law.stage === stage.label;
  const numbers = [`remembers ${whole(remembered)}`, `buffered ${whole(buffered)}`];
  if (dropped) numbers.push(`dropped ${whole(dropped)}`);
  const name = make("th", { scope: "rowgroup" }, ...breakable(stage.label), broken ? " ✕" : "");
  const acts = event?.stage === stage.label;
  const cell = make("td", { colspan: 3 }, numbers.join(" · "));
  return make("tr", { class: classes("producer", acts && "acting", broken && "broken") }, name, cell);
}

function classes(...names) {
  return names.filter(Boolean).join(" ");
}

/** A name that may go on in the next line where a stage's role begins, or after a mark. */
function breakable(name) {
  return name
    .split(/(?=ProducerConsumer)|(?<!Producer)(?=Consumer)|(?<=[.:/_-])/)
    .flatMap((part, place) => (place ? [make("wbr"), part] : [part]));
}
