// The pipeline of a run that goes on, as a widget: the kernel tells the facts, ten times a second at most, and what has
// been asked for and sent since the last time moves along its link.
//
// What moves is counted, not listed, so that a fast run costs no more than a slow one: a link carries one token in each
// direction at a time, and what comes meanwhile goes with the next. So nothing flashes more than three times a second.

import { make, write } from "../player/dom.js";
import { MOST, Picture, natural } from "../player/picture.js";
import { layoutOf } from "../player/places.js";
import { theme } from "../player/theme.js";
import { whole } from "../player/words.js";

const MOVES = 600; // ms that a token is on its way
const LIT = 400; // ms for which who acted is lit
const FELL = 2500; // ms for which a crash is seen, as its restart may follow at once
const LEAST = 134; // pixels of width for a column; a narrower notebook scrolls
const POINTS = 12; // of a link's curve

/** An anywidget's front-end: the model has `facts` and `tree`, as JSON. */
export function render({ model, el }) {
  const view = new Live(el);
  const facts = () => view.show(JSON.parse(model.get("facts")));
  const tree = () => view.tree(JSON.parse(model.get("tree")));
  model.on("change:facts", facts);
  model.on("change:tree", tree);
  tree();
  facts();
  return () => {
    model.off("change:facts", facts);
    model.off("change:tree", tree);
    view.close();
  };
}

/** The same without a kernel, in a frame that becomes as high as it is: what it showed last. */
export function still(element, facts, tree) {
  const view = new Live(element);
  view.tree(tree);
  view.show(facts);
  const fit = () => (window.frameElement.style.height = `${element.offsetHeight + 16}px`);
  new ResizeObserver(fit).observe(element);
}

class Live {
  constructor(element) {
    this.picture = new Picture();
    this.frame = make("div", { class: "frame-of-picture" }, this.picture.element);
    this.note = make("span", { class: "note" });
    this.supervisors = make("ul", { class: "supervisors", "aria-label": "supervision tree" });
    this.supervisors.hidden = true;
    this.toggle = make("button", { type: "button", "aria-expanded": "false" }, "Supervision tree");
    this.toggle.addEventListener("click", () => {
      this.supervisors.hidden = !this.supervisors.hidden;
      this.toggle.setAttribute("aria-expanded", String(!this.supervisors.hidden));
    });
    const head = make("header", {}, make("h3", {}, "Pipeline"), this.note, this.toggle);
    this.root = make("div", { class: "palleto-live" }, head, this.frame, this.supervisors);
    element.replaceChildren(this.root);
    const lab = document.body.dataset.jpThemeLight === undefined ? undefined : document.body;
    this.unwatch = theme(() => {}, this.root, lab);
    this.facts = null;
    this.counts = new Map(); // a box or a link -> its counts, as they were shown last
    this.until = new Map(); // what is lit -> when it ends
    this.moving = new Map(); // a link's way -> what waits for the token that is on it
    this.later = 0;
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.frame);
  }

  close() {
    this.sizes.disconnect();
    this.unwatch();
    clearTimeout(this.later);
  }

  /** Show the facts, and what has flown since the last ones. */
  show(facts) {
    const first = this.facts === null;
    const running = facts.boxes.length > 0;
    this.facts = facts;
    const counts = new Map();
    for (const { place, turns, crashes } of facts.boxes) counts.set(`${place}`, [turns, crashes]);
    for (const { from, to, asked, delivered } of facts.links) counts.set(`${from} ${to}`, [asked, delivered]);
    const fresh = [];
    if (!first) {
      for (const [name, now] of counts) {
        const before = this.counts.get(name) ?? now.map(() => 0);
        // A count that has become less was begun anew, with a new subscription.
        const grown = now.map((count, way) => (count < before[way] ? count : count - before[way]));
        if (grown.some(Boolean)) fresh.push([name, grown]);
      }
    }
    this.counts = counts;
    for (const [name, grown] of fresh) {
      const crash = (way) => way === 1 && !name.includes(" ");
      grown.forEach((count, way) => {
        if (count) this.until.set(`${name}/${way}`, performance.now() + (crash(way) ? FELL : LIT));
      });
    }
    this.layout = layoutOf(facts);
    const hidden = facts.hidden + [...this.layout.values()].filter(({ row }) => row >= MOST).length;
    const more = hidden ? ` · ${hidden} more not shown` : "";
    write(this.note, running ? `◂ demand flows up · events flow down ▸${more}` : "not started yet");
    this.draw();
    for (const [name, grown] of fresh) if (name.includes(" ")) this.move(name, grown);
  }

  draw() {
    clearTimeout(this.later);
    if (this.facts === null || !this.frame.clientWidth) return;
    const now = performance.now();
    for (const [name, end] of this.until) if (end <= now) this.until.delete(name);
    const lit = (name) => this.until.has(name);
    const boxes = this.facts.boxes.map((box) => ({ ...box, acts: lit(`${box.place}/0`), fell: lit(`${box.place}/1`) }));
    const links = this.facts.links.map((link) => {
      const name = `${link.from} ${link.to}`;
      return { ...link, asks: lit(`${name}/0`), sends: lit(`${name}/1`) };
    });
    const most = (part) => 1 + Math.max(0, ...[...this.layout.values()].map((place) => place[part]));
    const rows = Math.min(MOST, most("row"));
    const width = Math.max(LEAST * most("column"), this.frame.clientWidth);
    this.picture.draw({ boxes, links }, this.layout, width, natural(rows));
    this.picture.element.style.width = `${width}px`;
    if (this.until.size) this.later = setTimeout(() => this.draw(), Math.min(...this.until.values()) - now + 1);
  }

  /** Let what was asked for go up a link, and what was sent down. */
  move(name, grown) {
    if (document.hidden || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    grown.forEach((count, way) => {
      if (!count) return;
      const ways = `${name}/${way}`;
      if (this.moving.has(ways)) this.moving.set(ways, this.moving.get(ways) + count);
      else this.send(name, way, count);
    });
  }

  send(name, way, count) {
    const link = this.picture.part(name);
    const path = link?.querySelector(way ? "path.events" : "path.demand");
    if (!path) return;
    const looks = this.facts.boxes.find((box) => box.place === Number(name.split(" ")[0]))?.kind === "server";
    const token = make("g", { class: `token ${way ? "events" : "demand"}` }, ...pill(way, count, looks));
    this.picture.groups.tokens.append(token);
    const length = path.getTotalLength();
    const steps = [...Array(POINTS + 1).keys()].map((step) => {
      const { x, y } = path.getPointAtLength((length * (way ? step : POINTS - step)) / POINTS);
      return { transform: `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)` };
    });
    const ways = `${name}/${way}`;
    this.moving.set(ways, 0);
    const end = () => {
      token.remove();
      const waiting = this.moving.get(ways);
      this.moving.delete(ways);
      if (waiting) this.send(name, way, waiting);
    };
    token.animate(steps, { duration: MOVES, easing: "ease-in-out", fill: "both" }).finished.then(end, end);
  }

  /** Who supervises whom: rows of how deep, the label, the class, and how often it has restarted somebody. */
  tree(rows) {
    this.toggle.hidden = !rows.length;
    this.supervisors.replaceChildren(
      ...rows.map(([depth, label, kind, restarts]) =>
        make(
          "li",
          { style: `--depth:${depth}` },
          make("b", {}, label),
          make("span", { class: "note" }, ` ${kind}`),
          restarts ? make("span", { class: "sign" }, ` ↻ ${restarts} restarted`) : null,
        ),
      ),
    );
  }
}

/** A token: how many, and which way, in a frame that is drawn around its middle. */
function pill(way, count, looks) {
  const text = way ? `${whole(count)} ▸` : looks ? "◂ pull" : `◂ ${whole(count)}`;
  const width = 12 + text.length * 6.5;
  return [
    make("rect", { x: -width / 2, y: -9, width, height: 18, rx: 9 }),
    make("text", { x: 0, y: 4, "text-anchor": "middle" }, text),
  ];
}
