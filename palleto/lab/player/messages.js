// Which events are of one message: those that name it by its id, by the events in it, or by the file's key.
//
// A `receive` or a `message` says which events are in a message; an event's name is `bucket/key`, and a download and a
// result have the key alone. Where nothing is said, each id is a thing of its own.

/** { of(index): numbers of things, name(number), ids(number), count }. */
export function things(trace) {
  const numbers = new Map(); // text -> number of the thing
  const all = []; // number -> { name, ids }

  function put(text, number) {
    if (!numbers.has(text)) {
      numbers.set(text, number);
      all[number].ids.push(text);
    }
  }

  function add(text) {
    if (!numbers.has(text)) {
      all.push({ name: text, ids: [] });
      put(text, all.length - 1);
    }
    return numbers.get(text);
  }

  for (let index = 0; index < trace.count; index += 1) {
    const kind = trace.kinds[trace.kind[index]];
    if (kind !== "receive" && kind !== "message") continue;
    const { ids, data } = trace.event(index);
    ids.forEach((id, place) => {
      const names = kind === "receive" ? (data.names?.[place] ?? []) : (data.names ?? []);
      const number = add(id);
      for (const name of names) {
        all[number].name = name;
        put(name, number);
        put(name.slice(name.indexOf("/") + 1), number);
      }
    });
  }
  const plain = Int32Array.from(trace.idTexts, (text) => {
    const known = numbers.get(text);
    return known === undefined ? -1 : known;
  });
  for (let index = 0; index < trace.count; index += 1) {
    const ids = trace.ids[index];
    if (ids === null || plain.length === 0) continue;
    const cast = trace.kinds[trace.kind[index]] === "cast";
    for (const id of ids) {
      if (plain[id] < 0 && !cast) plain[id] = add(trace.idTexts[id]); // the parts of a cast are no events
    }
  }

  function of(index) {
    if (index < 0 || index >= trace.count) return [];
    const found = new Set();
    for (const id of trace.ids[index] ?? []) if (plain[id] >= 0) found.add(plain[id]);
    for (const text of trace.data[index]?.carried ?? []) if (numbers.has(text)) found.add(numbers.get(text));
    return [...found];
  }

  return { of, name: (number) => all[number].name, ids: (number) => all[number].ids, count: all.length };
}
