// A recorded run, as payload.py packs it: a column for each field, and an entry in each for every event.
//
// An event's place in the trace is its index, 0 to count - 1; its number is its `seq`, which is the same in a whole
// trace. Columns that every frame of the player reads are typed arrays; an event as an object is made when asked for.

const NOTHING = Object.freeze({});
const NOBODY = Object.freeze([]);

export class Trace {
  constructor(packed) {
    const { columns } = packed;
    this.count = packed.count;
    this.names = packed.names;
    this.kinds = packed.kinds;
    this.files = packed.files;
    this.sources = packed.sources;
    this.idTexts = packed.ids;
    this.seqs = packed.seq;
    this.t = Float64Array.from(columns.t);
    this.stage = Int32Array.from(columns.stage);
    this.kind = Int32Array.from(columns.kind);
    this.peer = Int32Array.from(columns.peer);
    this.file = Int32Array.from(columns.file);
    this.line = Int32Array.from(columns.line);
    this.ids = columns.ids; // numbers of texts, or null
    this.ledger = columns.ledger;
    this.data = columns.data;
    this.end = this.count ? this.t[this.count - 1] : 0;
    // The indexes of what is printed, in order: the log is a window onto them.
    this.lines = this.where((index) => typeof this.data[index]?.text === "string" && this.isPrinted(index));
  }

  isPrinted(index) {
    const kind = this.kinds[this.kind[index]];
    return kind === "said" || kind === "report";
  }

  /** The indexes of the events for which `wanted(index)` is true. */
  where(wanted) {
    const found = [];
    for (let index = 0; index < this.count; index += 1) if (wanted(index)) found.push(index);
    return found;
  }

  /** The event as recorder.py tells it, without the ledger before it. */
  event(index) {
    const ids = this.ids[index];
    return {
      index,
      seq: this.seq(index),
      t: this.t[index],
      stage: this.names[this.stage[index]],
      kind: this.kinds[this.kind[index]],
      peer: this.peer[index] < 0 ? null : this.names[this.peer[index]],
      ids: ids === null ? NOBODY : ids.map((number) => this.idTexts[number]),
      ledger: this.ledger[index],
      file: this.file[index] < 0 ? null : this.files[this.file[index]],
      line: this.line[index],
      data: this.data[index] ?? NOTHING,
    };
  }

  seq(index) {
    return this.seqs === null ? index : this.seqs[index];
  }

  /** The index of the last event whose number is at most `seq`; 0 if there is none. */
  indexOf(seq) {
    if (this.seqs === null) return Math.max(0, Math.min(this.count - 1, seq));
    return Math.max(0, upTo(this.seqs, seq) - 1);
  }

  /** How many lines were printed up to the event, that one included. */
  printed(index) {
    return upTo(this.lines, index);
  }

  /** The next index after `from` (or the last one before it, for `step` -1) that `wanted` is true of; -1 for none. */
  seek(from, step, wanted) {
    for (let index = from + step; index >= 0 && index < this.count; index += step) if (wanted(index)) return index;
    return -1;
  }
}

/** How many of the ascending numbers are at most `limit`. */
export function upTo(numbers, limit) {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Unzip what payload.py packed: base64 of gzip of JSON. */
export async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Trace(await new Response(stream).json());
}
