// Elements in few words. Texts are always set as text, never as HTML.

const SVG = "http://www.w3.org/2000/svg";
const DRAWN = new Set(["svg", "g", "rect", "path", "text", "circle", "line", "title", "tspan", "defs", "marker"]);

/** An element: `make("p", { class: "note" }, "text", otherElement)`; null children are left out. */
export function make(tag, attributes = {}, ...children) {
  const element = DRAWN.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A pane with its heading, a note beside that, and a body. */
export function pane(name, heading) {
  const note = make("span", { class: "note" });
  const body = make("div", { class: "body" });
  const id = `pane-${name}`;
  const head = make("h2", { id: `${id}-title` }, heading);
  const section = make(
    "section",
    { id, class: "pane", "aria-labelledby": head.id },
    make("header", {}, head, note),
    body,
  );
  return { section, note, body };
}

/** Set the text of an element if it is another one. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const scrolls = [];

/** Scroll once all panes are drawn: to scroll is to lay the page out, which is done once a frame, not once a pane. */
export function scrollLater(element, top) {
  scrolls.push([element, () => top]);
}

/** Scroll an element no further than it takes to see a part of it, once all panes are drawn. */
export function seeLater(element, part) {
  scrolls.push([
    element,
    () => {
      const [{ top: start }, { top, bottom }] = [element.getBoundingClientRect(), part.getBoundingClientRect()];
      const [held, above, below] = [element.scrollTop, start - top, bottom - start - element.clientHeight];
      return above > 0 ? held - above : held + Math.max(0, below);
    },
  ]);
}

export function scrollNow() {
  const tops = scrolls.splice(0).map(([element, top]) => [element, top()]); // all is read before anything is moved
  for (const [element, top] of tops) if (element.scrollTop !== top) element.scrollTop = top;
}

/** A key or value of the style that holds now, as "--running". */
export function shade(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
