// The state at any event, quickly: a keyframe every so many events, and from there forward.
//
// Going forward applies each event once; going back starts at the keyframe before. So the state at an index is the same
// whichever way it was reached, and costs at most `every` events.

import { apply, copy, initial } from "./state.js";

const LEAST = 256; // events between keyframes
const MOST = 128; // keyframes, so that a long run costs no more memory than that many states

export class Replay {
  constructor(trace, every = Math.max(LEAST, Math.ceil(trace.count / MOST))) {
    this.trace = trace;
    this.every = every;
    this.keyframes = [initial()]; // [n] is the state before event n * every
    this.now = initial();
  }

  /** The state after the event of that index; -1: before the first. It holds until the next call. */
  at(index) {
    const frame = Math.min(this.keyframes.length - 1, Math.floor((index + 1) / this.every));
    const start = frame * this.every - 1;
    if (this.now.index > index || this.now.index < start) this.now = copy(this.keyframes[frame]);
    while (this.now.index < index) {
      const next = this.now.index + 1;
      if (next === this.keyframes.length * this.every) this.keyframes.push(copy(this.now));
      apply(this.now, this.trace.event(next));
    }
    return this.now;
  }
}
