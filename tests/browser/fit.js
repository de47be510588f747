// Evaluated in the player's page by test_player_fit.py: what does not fit, in words; the blank below what panes hold; and
// which panes have to be scrolled that need not be, as code and lists do.
async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  await frame(); // the page is drawn, and its panes hear how large they are
  await frame(); // and have drawn themselves anew
  const wrong = [];
  const box = (element) => element.getBoundingClientRect();
  const grid = box(document.querySelector(".grid"));
  const panes = [...document.querySelectorAll(".pane")];
  const { scrollWidth, scrollHeight } = document.documentElement;
  if (scrollWidth > innerWidth) wrong.push(`the page is ${scrollWidth} px wide, the window ${innerWidth}`);
  if (scrollHeight > innerHeight) wrong.push(`the page is ${scrollHeight} px high, the window ${innerHeight}`);
  if (innerHeight - grid.bottom > 20) wrong.push(`${innerHeight - grid.bottom} px below the panes are empty`);

  // The panes cover the grid, and no other pane.
  let covered = 0;
  panes.forEach((pane, number) => {
    const one = box(pane);
    covered += (one.width + 12) * (one.height + 12);
    if (one.left < grid.left - 1 || one.right > grid.right + 1 || one.top < grid.top - 1 || one.bottom > grid.bottom + 1)
      wrong.push(`${pane.id} is not in the grid`);
    for (const other of panes.slice(number + 1).map(box)) {
      if (one.left < other.right - 1 && other.left < one.right - 1 && one.top < other.bottom - 1 && other.top < one.bottom - 1)
        wrong.push(`${pane.id} lies over another pane`);
    }
  });
  const share = covered / ((grid.width + 12) * (grid.height + 12));
  if (share < 0.96 || share > 1.05) wrong.push(`the panes cover ${Math.round(100 * share)} % of the grid`);

  // What a pane holds is in it, can be scrolled to, or says that it goes on.
  const scrolls = (element) => /auto|scroll/.test(getComputedStyle(element).overflowY);
  for (const pane of panes) {
    const outer = box(pane);
    for (const element of pane.querySelectorAll("*")) {
      if (element.closest("svg, .sr, [hidden]") || !element.getClientRects().length) continue;
      const cut = element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflowX === "hidden";
      if (cut && getComputedStyle(element).textOverflow !== "ellipsis") wrong.push(`${name(element)} is cut off`);
      let above = element.parentElement;
      while (above !== pane && !scrolls(above)) above = above.parentElement;
      if (above !== pane) continue; // it can be scrolled to
      if (box(element).bottom > outer.bottom + 1 || box(element).top < outer.top - 1) wrong.push(`${name(element)} sticks out`);
      if (scrolls(element) && element.clientHeight < 40) wrong.push(`${name(element)} is ${element.clientHeight} px high`);
    }
  }
  function name(element) {
    return `${element.closest(".pane").id} ${element.tagName.toLowerCase()}.${element.className}`;
  }

  // The numbers are read in full.
  for (const value of document.querySelectorAll(".values .value")) {
    const [one, all] = [box(value), box(document.querySelector(".values"))];
    if (one.right > all.right || one.bottom > all.bottom) wrong.push(`${value.textContent} is cut off`);
  }

  // The accounts are read in full, and so is what a box of the pipeline says.
  for (const table of document.querySelectorAll("#pane-ledger .accounts")) {
    if (box(table).right > box(table.closest(".pane")).right) wrong.push(`${table.className} is wider than the ledger`);
  }
  for (const text of document.querySelectorAll(".box text:not(.sign)")) {
    const [one, all] = [box(text), box(text.parentElement.querySelector(".frame"))];
    if (one.right > all.right) wrong.push(`"${text.textContent}" leaves its box`);
  }

  // Nothing lies over the lit code.
  const [rows, text] = [document.querySelector(".rows.code"), document.querySelector(".line.acting .text")];
  if (text) {
    const [seen, lit] = [box(rows), box(text)];
    if (lit.top < seen.top || lit.bottom > seen.bottom) wrong.push("the lit line is out of sight");
    for (let x = lit.left + 1; x < Math.min(lit.right, seen.right) - 1; x += 5) {
      const over = document.elementFromPoint(x, (lit.top + lit.bottom) / 2);
      if (over && !text.contains(over)) wrong.push(`${over.className} lies over the lit code`);
    }
  }

  // How much of a pane is empty below what it holds; the picture fills its pane by itself.
  const blank = (pane, last) => {
    const ends = [...document.querySelectorAll(`${pane} ${last}`)].filter((each) => each.getClientRects().length);
    return Math.max(0, Math.round(box(document.querySelector(pane)).bottom - Math.max(...ends.map((each) => box(each).bottom))));
  };
  const lanes = box(document.querySelector("#pane-lanes .scroll")).bottom - box(document.querySelector("canvas")).bottom;
  const held = { ledger: ".scroll", pipeline: ".body", lanes: ".scroll" };
  const scrolled = Object.keys(held).filter((name) => {
    const box = document.querySelector(`#pane-${name} ${held[name]}`);
    return box.scrollHeight > box.clientHeight + 1;
  });
  return { wrong, scrolled, ledger: blank("#pane-ledger", "table:not([hidden])"), lanes: Math.max(0, Math.round(lanes)) };
};
