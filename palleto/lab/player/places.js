// Who there is in a whole run, and where each is drawn, so that nothing moves about while the time goes on.
//
// A place belongs to one stage or one server, and to whoever was started in its stead: a stage without a name gets a new
// label at a restart ("#4", then "#12"), and keeps its place. Columns go from the source on the left to the last
// consumers on the right; a producer stands in the middle of its consumers.

/** The places of a trace and the subscriptions between them. */
export function places(trace) {
  const found = new Map(); // label -> place
  const all = [];
  const dead = new Set(); // labels without a name, whose stages have ended
  const servers = new Map(); // label of a loop -> place of its server

  function place(label, kind) {
    let it = found.get(label);
    if (!it) {
      it = {
        number: all.length,
        kind,
        name: label,
        labels: [{ from: 0, label }],
        consumers: new Set(),
        producers: new Set(),
      };
      found.set(label, it);
      all.push(it);
    }
    if (kind === "server") it.kind = kind;
    return it;
  }

  const TAKES = {
    subscribe({ stage, peer }) {
      const [producer, consumer] = [place(stage, "stage"), place(peer ?? "", "stage")];
      if (producer === consumer) return;
      producer.consumers.add(consumer);
      consumer.producers.add(producer);
    },
    loop_started({ stage, peer }) {
      servers.set(stage, place(peer ?? "", "server"));
    },
    shown({ stage, ledger }) {
      place(stage, ledger === null ? "server" : "stage");
    },
    cast({ stage, peer }) {
      const server = servers.get(stage);
      if (server && peer !== null) server.consumers.add(place(peer, "stage"));
    },
    crash: ({ stage }) => void (stage.startsWith("#") && !servers.has(stage) && dead.add(stage)),
    stopped: ({ stage }) => void (stage.startsWith("#") && !servers.has(stage) && dead.add(stage)),
    restart({ stage, index }) {
      if (found.has(stage) || !dead.size) return;
      const old = [...dead].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)))[0];
      dead.delete(old);
      const it = found.get(old);
      if (!it) return;
      it.labels.push({ from: index, label: stage });
      found.set(stage, it);
    },
  };
  for (let index = 0; index < trace.count; index += 1) {
    if (TAKES[trace.kinds[trace.kind[index]]]) TAKES[trace.kinds[trace.kind[index]]](trace.event(index));
  }
  const drawn = all.filter(
    (it) => it.kind === "server" || it.consumers.size || it.producers.size || it.labels[0].label,
  );
  arrange(drawn);
  return { all: drawn, of: (label) => found.get(label) ?? null };
}

/** Where each box of a run that goes on stands, by its place: of facts, as picture.js says what they are. */
export function layoutOf({ boxes, links }) {
  const found = new Map(
    boxes.map(({ place, kind }) => [place, { number: place, kind, consumers: new Set(), producers: new Set() }]),
  );
  for (const { from, to } of links) {
    const [producer, consumer] = [found.get(from), found.get(to)];
    if (producer === consumer) continue;
    producer.consumers.add(consumer);
    if (producer.kind !== "server") consumer.producers.add(producer);
  }
  arrange([...found.values()]);
  return found;
}

/** The label of who is at a place at an event. */
export function labelAt(place, index) {
  let label = place.labels[0].label;
  for (const each of place.labels) if (each.from <= index) label = each.label;
  return label;
}

/** What a stage is called: by its name; one without a name by its number. */
export function title(label) {
  return label === "" ? "the run" : label;
}

function arrange(all) {
  const linked = new Set(all.flatMap((it) => (it.kind === "server" ? [...it.consumers] : [])));
  const servers = all.filter((it) => it.kind === "server");
  const roots = all.filter((it) => it.kind !== "server" && !it.producers.size);
  for (const server of servers) {
    // A server that nobody was told by yet still stands before a producer.
    if (!server.consumers.size && roots.length) server.consumers.add(roots.find((it) => !linked.has(it)) ?? roots[0]);
  }
  for (const it of all) it.column = 0;
  for (let round = 0; round < all.length; round += 1) {
    let moved = false;
    for (const it of all) {
      for (const consumer of it.consumers) {
        if (consumer.column <= it.column && it.column < all.length) [consumer.column, moved] = [it.column + 1, true];
      }
    }
    if (!moved) break;
  }
  let row = 0;
  const seen = new Set();
  function settle(it) {
    if (seen.has(it)) return it.row;
    seen.add(it);
    const below = [...it.consumers]
      .filter((consumer) => consumer.column > it.column && !seen.has(consumer))
      .map(settle);
    it.row = below.length ? (Math.min(...below) + Math.max(...below)) / 2 : row++;
    return it.row;
  }
  for (const it of [...all].sort((a, b) => a.column - b.column || a.number - b.number)) settle(it);
  for (const it of all) {
    it.source = it.kind !== "server" && !it.producers.size;
    it.shared = it.kind === "server" || it.consumers.size > 1;
    it.alone = all.every((other) => other === it || other.column !== it.column);
  }
}
