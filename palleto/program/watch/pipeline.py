"""The pipeline as lines of a terminal: who there is, what each does, and what moves between them.

Events go from left to right, demand from right to left:

    SQS.Server        ◄ ┈┈┈┈┈┈┈┈┈┈┈┈ 12► SQS.Producer      ◄6 ┈┈┈┈┈◄4┈┈┈┈┈ 4► #4  ○ waits
    ⟲ #9, 12 runs                        ○ waits           ◄6 ┈┈┈┈┈┈┈┈2►┈┈ 4► #5  ● works on 2
    wanted 18                            owed 18           ◄6 ┈┈┈┈┈┈┈┈┈┈┈┈ 4► #6  ○ waits

A wire has what is asked and not delivered at its left end, what was delivered in all at its right end, and between them
what moves: each new demand, and each batch of events, with its number. Where that is too wide, the server and the
producers stand above the consumers' rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate, takewhile, zip_longest
from typing import Any

from rich.text import Text

from palleto.program.summary import plural
from palleto.program.watch.signs import BAD, DEMAND, EVENTS, FAINT, GOOD, HEAD, WIDE, Signs, fitted
from palleto.replay import Scene

CROSSING = 0.9
"""Real seconds in which what moves goes along its wire."""
GAP = 0.3
"""Real seconds between two that move the same way; what comes in between is added to the next."""
LIT = 0.4
"""Real seconds for which a stage is seen at work that is done at once."""
FELL, RISEN = 1.2, 2.5
"""Real seconds until which a crash, and then a restart, is seen: the one may follow the other at once."""
TRUNK = 17
"""Columns of a server or producer."""
CELL, SMALL = 14, 11
"""Columns of what a consumer does, and where there are few."""
WIRE, LANE = 12, 30
"""Columns of a wire, at least and at most."""
LEAD = 12
"""Columns of a row's name at most."""


def facts_of(scene: Scene) -> dict[str, Any]:
    """All that there is of the scene's picture now."""
    boxes = [box.facts(scene.now) for box in scene.picture.shown(scene.now)]
    here = {box["place"] for box in boxes}
    links = [link.facts() for link in scene.picture.links.values()]
    return {"boxes": boxes, "links": [link for link in links if here.issuperset((link["from"], link["to"]))]}


class Flow:
    """What moves along one wire."""

    def __init__(self) -> None:
        self.seen = [0, 0]  # asked, delivered
        self.moving: deque[tuple[float, int, int]] = deque()  # since when, which way (0: up), how many

    def see(self, counts: Sequence[int], at: float) -> None:
        """The counts are these now: what is new begins to move."""
        while self.moving and at - self.moving[0][0] >= CROSSING:
            self.moving.popleft()
        for way, count in enumerate(counts):
            if count < self.seen[way]:  # another subscription has taken its place
                self.seen[way] = 0
            busy = any(at - begun < GAP for begun, other, _ in self.moving if other == way)
            if count > self.seen[way] and not busy:
                self.moving.append((at, way, count - self.seen[way]))
                self.seen[way] = count


class Life:
    """When a stage or server was last seen to act, and to crash; in real seconds."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.turns, self.crashes = facts["turns"], facts["crashes"]
        self.acted = self.fell = float("-inf")

    def see(self, facts: dict[str, Any], at: float) -> None:
        """These are its facts now."""
        if facts["turns"] != self.turns:
            self.turns, self.acted = facts["turns"], at
        if facts["crashes"] != self.crashes:
            self.crashes, self.fell = facts["crashes"], at


class Motion:
    """What has changed since the frame before: of each wire its flow, and of each stage and server its life."""

    def __init__(self) -> None:
        self.flows: dict[tuple[int, int], Flow] = {}
        self.lives: dict[int, Life] = {}

    def see(self, facts: dict[str, Any], at: float) -> None:
        """These are the facts of a picture now, at a real time in seconds."""
        for box in facts["boxes"]:
            self.lives.setdefault(box["place"], Life(box)).see(box, at)
        for link in facts["links"]:
            flow = self.flows.setdefault((link["from"], link["to"]), Flow())
            flow.see((link["asked"], link["delivered"]), at)
        here = {box["place"] for box in facts["boxes"]}
        self.lives = {place: life for place, life in self.lives.items() if place in here}
        self.flows = {ends: flow for ends, flow in self.flows.items() if here.issuperset(ends)}

    def rest(self) -> None:
        """Nothing moves any more."""
        for flow in self.flows.values():
            flow.moving.clear()
        for life in self.lives.values():
            life.acted = life.fell = float("-inf")


class Drawing:
    """One drawing of the pipeline: the servers and producers as a trunk, and a row for each chain of consumers."""

    def __init__(
        self, facts: dict[str, Any], motion: Motion, signs: Signs, columns: int, at: float, *, over: bool
    ) -> None:
        self.signs, self.columns, self.at, self.over = signs, columns, at, over
        self.wide = columns >= WIDE
        self.cell = CELL if self.wide else SMALL
        self.flows, self.lives = motion.flows, motion.lives
        self.boxes = {box["place"]: box for box in facts["boxes"]}
        self.into: dict[int, list[dict[str, Any]]] = {place: [] for place in self.boxes}
        self.out: dict[int, list[dict[str, Any]]] = {place: [] for place in self.boxes}
        for link in facts["links"]:
            self.into[link["to"]].append(link)
            self.out[link["from"]].append(link)
        self.chains = sorted(self._chains(), key=self._order)
        in_chains = {place for chain in self.chains for place in chain}
        self.trunk = self._trunk([place for place in self.boxes if place not in in_chains])

    def _chains(self) -> Iterator[list[int]]:
        """From each stage that nobody asks, upwards as long as what it asks is its own."""
        for place, box in self.boxes.items():
            if self.out[place] or not box.get("subscribes"):
                continue
            chain = [place]
            while len(links := self.into[chain[0]]) == 1:
                above = links[0]["from"]
                if len(self.out[above]) != 1 or not self.boxes[above].get("subscribes"):
                    break
                chain.insert(0, above)
            yield chain

    def _order(self, chain: Sequence[int]) -> tuple[int, str]:
        """Pipeline2 before Pipeline10; those without a name, which a restart changes, stay where they are."""
        label = str(self.boxes[chain[-1]]["label"])
        return (0, "") if label.startswith("#") else (len(label), label)

    def _trunk(self, places: Sequence[int]) -> list[list[int]]:
        """The others, in columns from left to right: each behind those that it asks."""
        columns: list[list[int]] = []
        left = list(places)
        while left:
            column = [place for place in left if not any(link["from"] in left for link in self.into[place])] or left
            columns.append(column)
            left = [place for place in left if place not in column]
        return columns

    # ---- lines

    def lines(self, room: int) -> list[Text]:
        """The drawing in so many lines; of the rows that do not fit the number is told."""
        if not self.boxes:
            return [Text("nobody yet", FAINT)]
        # A row has a line at least, so further ones are only counted.
        names = [self._names(chain) for chain in self.chains[:room]]
        lead = min(LEAD, max([0, *(Text(name).cell_len for name, _ in names)]))
        stages = max([0, *map(len, self.chains)])
        trunk, table = len(self.trunk), lead + 1 + stages * self.cell
        fixed = trunk * TRUNK + table
        wires = max(0, trunk - 1) + stages
        wide = fixed + wires * WIRE <= self.columns
        if wide:
            wire = min(LANE, (self.columns - fixed) // max(1, wires))
            left = self._columns(wire)
            indent = trunk * TRUNK + max(0, trunk - 1) * wire
            right = self._rows(names, lead, wire, stages, room, above="")
            return _beside(left[: max(room, len(right))], indent, right)
        upper = self._columns(min(LANE, max(WIRE, (self.columns - trunk * TRUNK) // max(1, trunk - 1))))
        each = max(1, min(stages, (self.columns - lead - 1) // (self.cell + WIRE)))
        wire = min(LANE, (self.columns - lead - 1 - each * self.cell) // each)
        return upper + self._rows(names, lead, wire, each, max(1, room - len(upper)), above=self._above())

    def _columns(self, wire: int) -> list[Text]:
        """The trunk."""
        lines: list[Text] = []
        width = 0
        for number, column in enumerate(self.trunk):
            blocks: list[Text] = []
            for place in column:
                links = [self._wire(link, wire) for link in self.into[place]] if number else []
                pairs = zip_longest(links, self._block(self.boxes[place]))
                blank = Text(" " * (wire if number else 0))
                blocks += [(link or blank) + (told or Text()) for link, told in pairs]
            lines = _beside(lines, width, blocks)
            width += TRUNK + (wire if number else 0)
        return lines

    def _block(self, box: dict[str, Any]) -> list[Text]:
        numbers = [Text(f"{name} {_short(value)}", HEAD) for name, value in box["shown"].items()]
        name = Text(box["label"], HEAD)
        if box["kind"] == "server":
            killed = [Text(f"{_short(box['killed'])} of {_short(box['started'])} killed")] if box["started"] else []
            killed = killed if self.wide else []  # what is said of the loops says it, too
            lines = [name, self._looping(box), *numbers, *killed]
        else:
            buffer = [Text(f"{_short(box['buffered'])} in its buffer")] if box["buffered"] else []
            remembers = [Text(f"remembers {_short(box['remembered'])}")] if not box["shown"] else []
            lines = [name, self._doing(box, TRUNK - 1), *numbers, *remembers, *buffer]
        return [self._fitted(line, TRUNK - 1) for line in lines]

    def _rows(
        self, names: Sequence[tuple[str, list[str]]], lead: int, wire: int, each: int, room: int, *, above: str
    ) -> list[Text]:
        heads = {tuple(rests) for _, rests in names}
        lines: list[Text] = []
        rests = list(next(iter(heads)))[:each] if len(heads) == 1 else []
        if above or any(rests):
            lines.append(self._heading(above, rests, lead, wire))
        rows = [self._row(chain, name, lead, wire, each) for chain, (name, _) in zip(self.chains, names, strict=False)]
        ends = [len(lines) + end for end in accumulate(map(len, rows))]
        shown = sum(end <= room for end in ends)
        if shown < len(self.chains):
            shown = sum(end < room for end in ends)
        lines += [line for row in rows[:shown] for line in row]
        if more := len(self.chains) - shown:
            lines.append(Text(" " * wire + f"and {more} more", FAINT))
        return lines

    def _above(self) -> str:
        """The short name of whom all rows ask; empty where there are several."""
        sources = {link["from"] for chain in self.chains for link in self.into[chain[0]]}
        return str(self.boxes[sources.pop()]["label"]).rpartition(".")[2] if len(sources) == 1 else ""

    def _heading(self, above: str, rests: Sequence[str], lead: int, wire: int) -> Text:
        """A line of names: above the first wire of whom the rows ask, above the stages what they are."""
        line = self._fitted(Text(above, HEAD), wire - 1)
        begins = wire
        for number, rest in enumerate(rests):
            width = (lead + 1 if lead and not number else 0) + self.cell
            name = self._fitted(Text(rest, HEAD), begins + width - line.cell_len - 2)
            at = min(begins, begins + width - 1 - name.cell_len)  # a long one reaches back over its wire
            line += Text(" " * (at - line.cell_len)) + name
            begins += width + wire
        return line

    def _row(self, chain: Sequence[int], name: str, lead: int, wire: int, each: int) -> list[Text]:
        lines = []
        for first in range(0, len(chain), each):
            line = Text(" " * (lead + 1) if first else "")
            for place in chain[first : first + each]:
                links = self.into[place]
                line += self._wire(links[0], wire) if links else Text(" " * wire)
                if place == chain[0] and lead:
                    label = self._fitted(Text(name, HEAD), lead)
                    line += label + Text(" " * (lead + 1 - label.cell_len))
                doing = self._doing(self.boxes[place], self.cell - 1)
                line += doing + Text(" " * max(0, self.cell - doing.cell_len))
            lines.append(line)
            if not first:  # it asks more than one: a line for each further one
                lines += [self._wire(link, wire) for link in self.into[chain[0]][1:]]
        return lines

    def _names(self, chain: Sequence[int]) -> tuple[str, list[str]]:
        """What the stages of a row have in common in their names, and the rest of each."""
        labels = [str(self.boxes[place]["label"]) for place in chain]
        common = labels[0] if len(labels) == 1 else _common(labels)
        if common and not common[-1].isalnum():
            return labels[0], ["" for _ in labels]
        return common, [label.removeprefix(common) for label in labels]

    # ---- parts

    def _looping(self, box: dict[str, Any]) -> Text:
        life, signs = self.lives[box["place"]], self.signs
        if box["status"] == "crashed":
            return Text(f"{signs.crashed} crashed", f"{HEAD} {BAD}")
        if self.at - life.fell < FELL:
            return Text(f"{signs.crashed} loop crashed", f"{HEAD} {BAD}")
        if not box["looping"]:
            return Text(f"{signs.waits} no loop {'runs' if box['started'] else 'yet'}", FAINT)
        label, runs, waits = box["loops"][0]
        if box["looping"] > 1:
            return Text(f"{signs.loop} {box['looping']} loops run", GOOD)
        if waits:
            return Text(f"{signs.again} {label} restarts", f"{HEAD} {DEMAND}")
        told = f"{signs.loop} {label}" + (f", {_short(runs)} {plural('run', runs)}" if runs else "")
        return Text(told, f"{HEAD} {GOOD}" if self.at - life.acted < LIT else GOOD)

    def _doing(self, box: dict[str, Any], width: int) -> Text:
        signs, life = self.signs, self.lives[box["place"]]
        fell = self.at - life.fell
        if box["status"] == "crashed" or fell < FELL:
            told, style = f"{signs.crashed} crashed", f"{HEAD} {BAD}"
        elif box["status"] == "stopped":
            told, style = f"{signs.ended} stopped", FAINT
        elif fell < RISEN:
            told, style = f"{signs.again} restarts", f"{HEAD} {DEMAND}"
        elif box["held"]:
            on = f" on {_short(box['held'])}"
            told, style = f"{signs.work} works", GOOD
            told += on if len(told + on) <= width else ""
        elif self.at - life.acted < LIT:
            told, style = f"{signs.work} works", GOOD
        else:
            told, style = f"{signs.waits} waits", FAINT
        again = f" {signs.again}{box['restarts']}" if box["restarts"] and fell >= RISEN else ""
        return self._fitted(Text.assemble((told, style), (again, DEMAND)), width)

    def _wire(self, link: dict[str, Any], width: int) -> Text:
        """A wire in so many columns; the last one is a space."""
        signs, looks = self.signs, self.boxes[link["from"]]["kind"] == "server"
        if link["gone"] and not self.over:
            middle = f"{signs.crashed} gone".center(width - 1)
            return Text(f"{middle} ", FAINT)
        outstanding = max(0, link["asked"] - link["delivered"])
        start = signs.up if looks else f"{signs.up}{_short(outstanding)}"
        end = f"{_short(link['delivered'])}{signs.down}"
        start, end = f"{start:<2} ", f" {end:>3} "
        lane = self._lane(self.flows[link["from"], link["to"]], max(0, width - len(start) - len(end)))
        strong = "" if looks or outstanding else FAINT
        return Text.assemble(
            (start, f"{DEMAND} {strong}"), lane, (end, f"{EVENTS} {'' if link['delivered'] else FAINT}")
        )

    def _lane(self, flow: Flow, room: int) -> Text:
        """What moves, each where it is now; where two meet, the older one is seen."""
        cells = [(self.signs.wire, FAINT)] * room
        for begun, way, count in flow.moving:
            token = f"{_short(count)}{self.signs.down}" if way else f"{self.signs.up}{_short(count)}"
            passed = (self.at - begun) / CROSSING
            place = round((room - len(token)) * (passed if way else 1 - passed))
            around = cells[max(0, place - 1) : place + len(token) + 1]
            if place >= 0 and all(sign == self.signs.wire for sign, _ in around):
                cells[place : place + len(token)] = [(sign, f"{HEAD} {EVENTS if way else DEMAND}") for sign in token]
        return Text.assemble(*cells[:room])

    def _fitted(self, text: Text, columns: int) -> Text:
        return fitted(text, columns, self.signs)


def _common(labels: Sequence[str]) -> str:
    """What all of them begin with."""
    same = (len(set(signs)) == 1 for signs in zip(*labels, strict=False))
    return labels[0][: sum(takewhile(bool, same))]


def _short(value: Any) -> str:
    """A number in four characters, as far as it is one."""
    if not isinstance(value, int) or abs(value) < 10_000:
        return f"{value:.4g}" if isinstance(value, float) else str(value)
    return f"{value // 1000}k" if abs(value) < 1_000_000 else f"{value // 1_000_000}M"


def _beside(left: Sequence[Text], width: int, right: Sequence[Text]) -> list[Text]:
    """Two blocks of lines side by side; the left one is `width` columns wide."""
    lines = []
    for one, other in zip_longest(left, right):
        line = (one or Text()).copy()
        line.append(" " * max(0, width - line.cell_len))
        lines.append(line + (other or Text()))
    return lines
