// A list of any length of which only the rows in sight are elements.

import { make } from "./dom.js";

const MORE = 4; // rows beyond each edge

export class Rows {
  /** `draw(number)` makes the element of a row; all rows are `height` pixels high. */
  constructor(height, draw, attributes = {}) {
    this.height = height;
    this.draw = draw;
    this.count = 0;
    this.inner = make("div", { class: "rows-inner" });
    this.element = make("div", { class: "rows", tabindex: 0, ...attributes }, this.inner);
    this.element.addEventListener("scroll", () => this.fill());
    this.size = 0; // of the box, read once: reading it in each frame would lay the page out twice
    new ResizeObserver(() => {
      this.size = this.element.clientHeight;
      this.target === undefined ? this.fill() : this.reveal(this.target);
    }).observe(this.element);
  }

  /** There are `count` rows; draw those in sight anew, so that row `target` is among them. */
  show(count, target) {
    if (count !== this.count) {
      this.count = count;
      this.inner.style.height = `${count * this.height}px`;
    }
    this.target = target;
    this.reveal(target);
  }

  reveal(target) {
    const top = this.element.scrollTop;
    const [low, high] = [target * this.height, (target + 1) * this.height];
    if (target >= 0 && (low < top || high > top + this.size)) this.element.scrollTop = Math.max(0, high - this.size);
    this.fill();
  }

  fill() {
    const first = Math.max(0, Math.floor(this.element.scrollTop / this.height) - MORE);
    const last = Math.min(this.count, Math.ceil((this.element.scrollTop + this.size) / this.height) + MORE);
    const rows = [];
    for (let number = first; number < last; number += 1) {
      const row = this.draw(number);
      row.style.transform = `translateY(${number * this.height}px)`;
      rows.push(row);
    }
    this.inner.replaceChildren(...rows);
  }
}
