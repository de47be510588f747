"""What a scene remembers of the past in bounded memory: values that hold, counts a second, shares of time."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

POINTS = 600
"""The most points that a series keeps."""
BUCKETS = 120
"""The most buckets that counts over time are kept in."""
STRETCH = 10.0
"""Seconds of run time that "lately" means."""
TICKS = 120
"""Moments of one loop that are remembered; beyond that every second one is forgotten."""
GRAIN = 0.25
"""Seconds of run time: the first width of a bucket, and how exactly "lately" is measured."""


class Series:
    """A number that holds until it changes, at most `POINTS` of its changes; older ones are thinned out evenly."""

    __slots__ = ("_changed", "_into", "_key", "_next", "_sums", "times", "values")

    def __init__(self) -> None:
        self._key: tuple[float, int] | None = None
        self._next = 0
        self._sums: list[float] = []
        self._changed: list[int] = []
        self._into: list[float] = []
        self.times: list[float] = []
        self.values: list[float] = []

    def set(self, t: float, value: float) -> None:
        """The number is `value` from `t` on."""
        if not self.times:
            self.times.append(t)
            self.values.append(value)
        elif value != self.values[-1]:
            if t == self.times[-1]:
                self.values[-1] = value
                return
            self.times.append(t)
            self.values.append(value)
            if len(self.times) > POINTS:
                self._thin()

    def _thin(self) -> None:
        """Keep the last point of each of half as many equal spans, and the first of all."""
        start, span = self.times[0], self.times[-1] - self.times[0]
        kept = {int((t - start) / span * (POINTS // 2 - 2)): i for i, t in enumerate(self.times)}
        indexes = sorted({0, *kept.values()})
        self.times = [self.times[i] for i in indexes]
        self.values = [self.values[i] for i in indexes]
        self._key = None

    @property
    def last(self) -> float:
        """The number now; 0 before the first change."""
        return self.values[-1] if self.values else 0

    def at(self, t: float) -> float:
        """The number at `t`; 0 before the first change."""
        index = bisect_right(self.times, t)
        return self.values[index - 1] if index else 0

    def columns(self, end: float, count: int, *, steps: bool = True) -> list[float]:
        """The number in each of `count` equal spans between 0 and `end`, its mean there; the last one holds.

        In a span with one change, and none in the spans beside it, it is what it changed to: a step stays a step.
        With steps=False it is the mean there, too, for series that must add up.
        """
        if self._key != (end, count):
            self._key, self._next, self._sums = (end, count), 0, [0.0] * count
            self._changed, self._into = [0] * count, [0.0] * count
        width = end / count
        last = len(self.times) - 1
        for index in range(self._next, last):  # what was summed up before holds
            self._enter(self.times[index] / width, self.values[index])
            _add(self._sums, self.times[index] / width, self.times[index + 1] / width, self.values[index])
        self._next = max(0, last)
        found = self._sums.copy()
        if last < 0:
            return found
        _add(found, self.times[-1] / width, count, self.values[-1])
        if not steps:
            return found
        changed = [0, *self._changed, 0]
        column = int(self.times[-1] / width)
        if column < count:  # the last change counts, too
            changed[column + 1] += 1
        for index in self._steps(changed):
            found[index] = self.values[-1] if index == column else self._into[index]
        return found

    @staticmethod
    def _steps(changed: list[int]) -> list[int]:
        """The columns with one change and none beside them; `changed` has one more at either end."""
        return [
            index - 1
            for index, count in enumerate(changed)
            if count == 1 and not changed[index - 1] and not changed[index + 1]
        ]

    def _enter(self, place: float, value: float) -> None:
        column = int(place)
        if column < len(self._changed):
            self._changed[column] += 1
            self._into[column] = value


def _add(sums: list[float], start: float, stop: float, value: float) -> None:
    """Add a value to the columns between `start` and `stop`, to those at the edges in part."""
    first, last = int(start), min(int(stop), len(sums))
    if first >= len(sums) or not value:
        return
    if first == last:
        sums[first] += (stop - start) * value
        return
    sums[first] += (first + 1 - start) * value
    if last - first > 1:
        sums[first + 1 : last] = [old + value for old in sums[first + 1 : last]]
    if last < len(sums):
        sums[last] += (stop - last) * value


class Counts:
    """How many there were in each bucket of time, for any number of names; all buckets are `width` seconds wide.

    What is counted at a moment was done in the time since the one before of that name (in the last `STRETCH` seconds at
    most), and is counted there: so a steady rate is the same in all buckets, however wide they are.
    """

    def __init__(self, width: float = GRAIN) -> None:
        self.width = width
        self.buckets: dict[str, list[float]] = {}
        self._last: dict[str, tuple[float, float]] = {}  # the moment before the last one, and the last one

    def add(self, name: str, t: float, count: int) -> None:
        """There were `count` more at `t`, which never goes back."""
        while t / self.width >= BUCKETS:
            self.width *= 2
            for key, old in self.buckets.items():
                self.buckets[key] = [sum(old[i : i + 2]) for i in range(0, len(old), 2)]
        before, last = self._last.get(name, (0.0, 0.0))
        if t > last:
            before = last
        self._last[name] = (before, t)
        bucket = self.buckets.setdefault(name, [])
        stop = t / self.width
        bucket += [0.0] * (int(stop) + 1 - len(bucket))
        start = max(before, t - STRETCH) / self.width
        if start < stop:
            _add(bucket, start, stop, count / (stop - start))
        else:
            bucket[int(stop)] += count

    def rename(self, name: str, to: str) -> None:
        """Count what there was of one name with another's."""
        old, into = self.buckets.pop(name, []), self.buckets.setdefault(to, [])
        self._last[to] = max(self._last.pop(name, (0.0, 0.0)), self._last.get(to, (0.0, 0.0)))
        into += [0.0] * (len(old) - len(into))
        for index, count in enumerate(old):
            into[index] += count


class Peaks:
    """The most in each bucket of time; all buckets are `width` seconds wide."""

    def __init__(self) -> None:
        self.width = GRAIN
        self.values: list[float] = []

    def add(self, t: float, value: float) -> None:
        """There were `value` at `t`, which never goes back."""
        index = int(t / self.width)
        while index >= BUCKETS:
            self.width *= 2
            index = int(t / self.width)
            self.values = [max(self.values[i : i + 2]) for i in range(0, len(self.values), 2)]
        self.values += [0] * (index + 1 - len(self.values))
        self.values[index] = max(self.values[index], value)


class Meter:
    """A total that grows, and how fast it grew lately."""

    __slots__ = ("_marks", "total")

    def __init__(self) -> None:
        self.total = 0
        self._marks: deque[tuple[float, int]] = deque(maxlen=int(STRETCH / GRAIN) + 2)

    def add(self, t: float, count: int) -> None:
        """There were `count` more at `t`."""
        if not self._marks or t - self._marks[-1][0] >= GRAIN:
            self._marks.append((t, self.total))
        self.total += count

    def rate(self, now: float) -> float:
        """How many a second there were in the last `STRETCH` seconds (or since the start), exact to a `GRAIN`."""
        before = next((total for t, total in self._marks if t > now - STRETCH), self.total)
        return (self.total - before) / max(1.0, min(STRETCH, now))


class Busy:
    """For how long something was busy, in all and lately. What runs in parallel counts once."""

    __slots__ = ("_marks", "since", "total")

    def __init__(self) -> None:
        self.total = 0.0
        self.since: float | None = None
        self._marks: deque[tuple[float, float]] = deque([(0.0, 0.0)], maxlen=int(STRETCH / GRAIN) + 2)

    def begin(self, t: float) -> None:
        """It is busy from `t` on."""
        self._mark(t)
        self.since = t

    def end(self, t: float) -> None:
        """It is busy no longer."""
        if self.since is not None:
            self.total += t - self.since
            self.since = None
            self._mark(t)

    def _mark(self, t: float) -> None:
        if t - self._marks[-1][0] >= GRAIN:
            self._marks.append((t, self.until(t)))

    def until(self, now: float) -> float:
        """Seconds that it has been busy."""
        return self.total + (0.0 if self.since is None else now - self.since)

    def share(self, now: float) -> float:
        """The share of the last `STRETCH` seconds (or since the start) that it was busy, 0 to 1."""
        start = max(0.0, now - STRETCH)
        if now <= start:
            return 0.0
        before = self._marks[0]
        for mark in (*self._marks, (now, self.until(now))):
            if mark[0] > start:
                break
            before = mark
        else:
            mark = (now, self.until(now))
        if mark[0] <= before[0] or start <= before[0]:
            at_start = before[1]
        else:
            at_start = before[1] + (mark[1] - before[1]) * (start - before[0]) / (mark[0] - before[0])
        return min(1.0, max(0.0, (self.until(now) - at_start) / (now - start)))


class Ticks:
    """Moments; at most `TICKS` of them, but all are counted."""

    def __init__(self) -> None:
        self.count = 0
        self.times: list[float] = []
        self._stride = 1

    def add(self, t: float) -> None:
        """One more."""
        if self.count % self._stride == 0:
            self.times.append(t)
            if len(self.times) > TICKS:
                self.times = self.times[::2]
                self._stride *= 2
        self.count += 1
