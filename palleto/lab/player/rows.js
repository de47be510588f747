// A list of any length of which only the rows in sight are elements.

import { make, scrollLater, scrollNow } from "./dom.js";

const MORE = 4; // rows beyond each edge

export class Rows {
  /**
   * `draw(number)` gives the element of a row; all rows are `height` pixels high. One that it gives again for the same
   * row stays where it is: to take a line out and put it back is to lay it out anew, half of what a frame may cost.
   */
  constructor(height, draw, attributes = {}) {
    this.height = height;
    this.draw = draw;
    [this.count, this.tall] = [0, 0]; // rows; pixels of them all
    [this.target, this.margin] = [-1, 0];
    this.rows = new Map(); // element of a row in sight -> its number
    this.inner = make("div", { class: "rows-inner" });
    this.element = make("div", { class: "rows", tabindex: 0, ...attributes }, this.inner);
    this.top = 0; // where it is scrolled to, as the browser last told, or as it was asked to
    this.element.addEventListener("scroll", () => {
      if (Math.abs(this.element.scrollTop - this.top) < 1) return; // asked for by `reveal`, which has drawn it
      this.top = this.element.scrollTop;
      this.fill();
    });
    this.size = 0; // of the box, read once: reading it in each frame would lay the page out twice
    new ResizeObserver(() => {
      this.size = this.element.clientHeight;
      this.reveal();
      scrollNow();
    }).observe(this.element);
  }

  /**
   * There are `count` rows; draw those in sight anew, row `target` among them: at the lower edge if it was below, or in
   * the middle, and then at least `margin` rows away from an edge.
   */
  show(count, target, margin = 0) {
    [this.count, this.target, this.margin] = [count, target, margin];
    this.reveal();
  }

  reveal() {
    if (!this.size) return; // not laid out yet
    // What is left of the box below the last whole row is added at the end, so that the first row in sight is whole.
    const tall = this.count * this.height + (this.size % this.height);
    if (tall !== this.tall) this.inner.style.height = `${tall}px`;
    this.tall = tall;
    const edge = this.margin * this.height;
    const [low, high] = [this.target * this.height - edge, (this.target + 1) * this.height + edge];
    const most = Math.max(0, tall - this.size);
    let top = Math.min(this.top, most);
    if (this.target >= 0 && (low < top || high > top + this.size)) {
      top = this.margin ? (low + high - this.size) / 2 : high - this.size;
      top = Math.min(most, Math.max(0, Math.ceil(top / this.height) * this.height));
    }
    if (top !== this.top) scrollLater(this.element, top);
    this.top = top;
    this.fill();
  }

  fill() {
    const first = Math.max(0, Math.floor(this.top / this.height) - MORE);
    const last = Math.min(this.count, Math.ceil((this.top + this.size) / this.height) + MORE);
    const before = this.rows;
    this.rows = new Map();
    for (let number = first; number < last; number += 1) this.rows.set(this.draw(number), number);
    for (const row of before.keys()) if (!this.rows.has(row)) row.remove();
    let next = this.inner.firstChild;
    for (const [row, number] of this.rows) {
      if (before.get(row) !== number) row.style.transform = `translateY(${number * this.height}px)`;
      if (row === next) next = next.nextSibling;
      else this.inner.insertBefore(row, next);
    }
  }
}
