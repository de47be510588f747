// Evaluated in the player's page by test_player.py: what the panes show, once the frame is drawn.
async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  await frame();
  await frame();
  const one = (name, within = document) => within.querySelector(name);
  const all = (name, within = document) => [...within.querySelectorAll(name)];
  const number = (text) => (text === "ended" ? null : Number(text.replace(/[^\d-]/g, "")));
  const name = (row) => one("th", row).textContent.replace(/ ✕$/, "");
  const accounts = all("table.accounts:not([hidden]) tbody").map((part) => [one(".producer", part), all(".subscription", part)]);
  const told = (row) => {
    // `remembers 5 · buffered 0 · dropped 1`: what is left out is none
    const numbers = Object.fromEntries(one("td", row).textContent.split(" · ").map((text) => text.split(" ")));
    return [numbers.remembers, numbers.buffered, numbers.dropped ?? "0"].map(number);
  };
  const words = one("#lanes-words").textContent;
  const parts = all("#pane-queue .legend li").map((item) => [item.dataset.part, number(one("b", item).textContent)]);
  return {
    place: one(".place").textContent.split(" · ")[0],
    kind: one(".now .kind")?.textContent ?? null,
    acting: Number(one(".line.acting")?.dataset.line ?? 0) || null,
    log: all(".log-line .said")
      .map((line) => line.textContent)
      .slice(-3),
    logged: Number((/^[\d,]+/.exec(one("#pane-log .note").textContent)?.[0] ?? "0").replaceAll(",", "")),
    subscriptions: Object.fromEntries(
      accounts.flatMap(([producer, rows]) =>
        rows.map((row) => [`${name(row)} of ${name(producer)}`, all("td", row).map((cell) => number(cell.textContent))]),
      ),
    ),
    producers: Object.fromEntries(accounts.map(([producer]) => [name(producer), told(producer)])),
    loops: [/(\d+) loops? started/, /(\d+) killed/, /(\d+) stopped with/].map((pattern) => Number(pattern.exec(words)?.[1] ?? 0)),
    running: [...words.matchAll(/(\S+) runs since/g)].map((match) => match[1]).sort(),
    law: !one(".law.broken"),
    boxes: Object.fromEntries(
      all("#pane-pipeline .box.stage:not(.unknown)").map((box) => [
        box.dataset.stage,
        box.classList.contains("stopped") ? "stopped" : "started",
      ]),
    ),
    queue: parts.length
      ? { parts: Object.fromEntries(parts), total: number(one("#pane-queue .note").textContent.split("=")[1]) }
      : null,
  };
};
