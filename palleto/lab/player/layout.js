// How many pixels the panes would like to be high, so that the height of the page is shared out by what a run needs.
//
// player.css says which panes are in a row, and how much of the page a row has at most; here are the wishes, as custom
// properties of the grid.

const HEAD = 32; // of a pane's heading

/** Set them on the grid. `lanes` is that of the lanes and the words below them. */
export function share(grid, placed, lanes) {
  const stages = placed.all.filter(({ kind }) => kind !== "server");
  const rows = Math.ceil(1 + Math.max(0, ...placed.all.map(({ row }) => row)));
  const producers = stages.filter(({ consumers }) => consumers.size).length;
  const subscriptions = stages.reduce((sum, { consumers }) => sum + consumers.size, 0);
  const wishes = { pipeline: 24 + (rows > 3 ? 42 : 54) * rows, lanes, ledger: 68 + 16 * (producers + subscriptions) };
  for (const [name, pixels] of Object.entries(wishes)) grid.style.setProperty(`--${name}`, `${HEAD + pixels}px`);
  grid.classList.toggle("low-ledger", producers + subscriptions <= 6); // then another pane has room below it
}
