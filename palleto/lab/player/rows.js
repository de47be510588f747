// A list of any length of which only the rows in sight are elements.

import { make, scrollLater, scrollNow } from "./dom.js";

const MORE = 4; // rows beyond each edge

export class Rows {
  /** `draw(number)` makes the element of a row; all rows are `height` pixels high. */
  constructor(height, draw, attributes = {}) {
    this.height = height;
    this.draw = draw;
    this.count = 0;
    [this.target, this.margin] = [-1, 0];
    this.inner = make("div", { class: "rows-inner" });
    this.inner.style.height = "0px";
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
    if (count !== this.count) {
      this.count = count;
      this.inner.style.height = `${count * this.height}px`;
    }
    [this.target, this.margin] = [target, margin];
    this.reveal();
  }

  reveal() {
    const edge = this.margin * this.height;
    const [low, high] = [this.target * this.height - edge, (this.target + 1) * this.height + edge];
    const most = Math.max(0, this.count * this.height - this.size);
    let top = Math.min(this.top, most);
    if (this.target >= 0 && (low < top || high > top + this.size)) {
      top = this.margin ? (low + high - this.size) / 2 : high - this.size;
      top = Math.round(Math.min(most, Math.max(0, top)));
    }
    if (top !== this.top) scrollLater(this.element, top);
    this.top = top;
    this.fill();
  }

  fill() {
    const first = Math.max(0, Math.floor(this.top / this.height) - MORE);
    const last = Math.min(this.count, Math.ceil((this.top + this.size) / this.height) + MORE);
    const rows = [];
    for (let number = first; number < last; number += 1) {
      const row = this.draw(number);
      row.style.transform = `translateY(${number * this.height}px)`;
      rows.push(row);
    }
    this.inner.replaceChildren(...rows);
  }
}
