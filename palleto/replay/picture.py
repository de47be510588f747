"""The pipeline as a picture: who there is, what each holds, and what flows between them, at one moment of a run.

Feed it trace events in order. `facts` gives it as plain data, which a view draws (`lab/player/picture.js`) and
`in_words` says. Its memory, and the size of the facts, are bounded by the number of stages, however long and fast the
run: what flows is told by counts that only grow, so a view that missed some looks moves all the same.

A box belongs to one stage or server, and to whoever was started in its stead: a stage without a name gets a new label
at a restart ("#4", then "#12"), and keeps its box.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import islice
from operator import attrgetter
from typing import Any, ClassVar, Literal

from palleto.trace import TraceEvent

MOST = 64
"""Boxes that are shown; of further ones only the number."""
LINGERS = 1.0
"""Seconds of run time for which a stage is shown that was stopped on purpose."""
GONE = 12
"""Ended stages that are remembered, beyond those that may be started again at any moment."""
LOOPS = 3
"""Loops of a server that are told one by one; of further ones only their number."""
SOON = 10.0
"""Seconds of run time in which a restart follows what it is for."""
OF_ALL = ("place", "label", "kind", "status", "reason", "crashes", "restarts", "turns", "shown")
OF_A_STAGE = (*OF_ALL, "emits", "subscribes", "remembered", "buffered", "held", "handled")
OF_A_SERVER = (*OF_ALL, "started", "killed")
_of_a_stage, _of_a_server = attrgetter(*OF_A_STAGE), attrgetter(*OF_A_SERVER)
_LOOPING = re.compile(r"\blooping\b")


class Box:
    """A stage, or a server: what has started loops, or shows numbers and is no stage."""

    def __init__(self, place: int, label: str, kind: Literal["stage", "server"]) -> None:
        self.place, self.label, self.kind = place, label, kind
        self.status: Literal["running", "crashed", "stopped"] = "running"
        self.reason = ""  # of its last crash, or of its loops'
        self.ended_at = 0.0
        self.crashes = self.restarts = 0
        self.turns = 0  # callbacks begun, or runs of loops
        self.emits = self.subscribes = False
        self.remembered = self.buffered = 0
        self.held = self.handled = 0  # events
        self.shown: dict[str, Any] = {}
        self.loops: dict[str, Loop] = {}
        self.started = self.killed = 0  # loops

    def facts(self, now: float) -> dict[str, Any]:
        """What a view draws of it."""
        if self.kind == "stage":
            return dict(zip(OF_A_STAGE, _of_a_stage(self), strict=True))
        facts = dict(zip(OF_A_SERVER, _of_a_server(self), strict=True))
        facts["loops"] = [[label, loop.runs, loop.again > now] for label, loop in islice(self.loops.items(), LOOPS)]
        facts["looping"] = len(self.loops)
        return facts


class Loop:
    """A loop of a server that runs, and was not killed."""

    def __init__(self) -> None:
        self.runs = 0
        self.again = 0.0  # it crashed and will run again at that time


class Link:
    """What one box has asked of another and was given; of a server, loops started and events cast."""

    def __init__(self, producer: Box, consumer: Box) -> None:
        self.producer, self.consumer = producer, consumer
        self.asked = self.delivered = 0
        self.gone = False

    def facts(self) -> dict[str, Any]:
        """What a view draws of it."""
        looks = self.producer.kind == "server"
        return {
            "from": self.producer.place,
            "to": self.consumer.place,
            "asked": self.producer.started if looks else self.asked,
            "delivered": self.delivered,
            "gone": self.gone,
        }


def in_words(facts: dict[str, Any]) -> str:
    """The facts of a picture in words.

    >>> in_words({"boxes": [], "links": [], "hidden": 0})
    'nobody yet'
    """
    servers = {box["place"] for box in facts["boxes"] if box["kind"] == "server"}
    wanted: Counter[int] = Counter()
    for link in facts["links"]:
        if not link["gone"] and link["from"] not in servers:
            wanted[link["to"]] += max(0, link["asked"] - link["delivered"])
    parts = []
    for box in facts["boxes"]:
        said = _server(box) if box["kind"] == "server" else _stage(box, wanted[box["place"]])
        if box["status"] != "running":
            said = [f"crashed ({box['reason']})" if box["status"] == "crashed" else "stopped", *said]
        said = [f"{name} {value}" for name, value in box["shown"].items()] + said
        parts.append(f"{box['label']}: {', '.join([*said, *_times(box['restarts'])])}")
    return "; ".join([*parts, *([f"{facts['hidden']} more"] if facts["hidden"] else [])]) or "nobody yet"


def _server(box: dict[str, Any]) -> list[str]:
    waits = [f"{label} crashed and will run again" for label, _, waits in box["loops"] if waits]
    return [f"{box['looping']} of {box['started']} loops run", f"{box['killed']} were killed", *waits]


def _stage(box: dict[str, Any], wanted: int) -> list[str]:
    doing = f"works on {box['held']}" if box["held"] else "waits"
    return [
        *([doing] if box["status"] == "running" else []),
        *([f"remembers {box['remembered']}"] if box["remembered"] else []),
        *([f"{box['buffered']} in its buffer"] if box["buffered"] else []),
        *([f"wants {wanted} more"] if wanted else []),
        *([f"{box['handled']} done"] if box["subscribes"] else []),
    ]


def _times(restarts: int) -> list[str]:
    return [f"restarted {restarts} times" if restarts > 1 else "restarted once"] if restarts else []


class Picture:
    """The boxes and links of a run. `picture.add(event)` for each trace event, in order."""

    def __init__(self) -> None:
        self.boxes: dict[str, Box] = {}  # by label, and by those that a box had before
        self.links: dict[tuple[int, int], Link] = {}
        self.restarts: Counter[str] = Counter()  # by supervisor
        self._places = 0
        self._ended: dict[str, float] = {}  # stages without a name that may be started again: when they ended
        self._crashed_at = float("-inf")
        self._over_at = float("inf")  # when the end of the run began
        self._server: dict[str, Box] = {}  # of each loop

    def __repr__(self) -> str:
        return f"<Picture of {len(self.shown(self._over_at))} stages and servers>"

    def shown(self, now: float) -> list[Box]:
        """The boxes to draw, in their order: all but stages that were stopped on purpose a while ago."""
        every = {box.place: box for box in self.boxes.values()}
        return [every[place] for place in sorted(every) if self._is_shown(every[place], now)]

    def _is_shown(self, box: Box, now: float) -> bool:
        return box.status != "stopped" or box.ended_at >= min(self._over_at, now - LINGERS)

    def facts(self, now: float) -> dict[str, Any]:
        """All of it at run time `now`, in seconds: `boxes`, `links` between their places, `hidden`: how many more."""
        boxes = self.shown(now)
        places = {box.place for box in boxes[:MOST]}
        links = [link.facts() for link in self.links.values() if {link.producer.place, link.consumer.place} <= places]
        drawn = [box.facts(now) for box in boxes[:MOST]]
        return {"boxes": drawn, "links": links, "hidden": len(boxes) - len(drawn)}

    # ---- what happens

    def add(self, event: TraceEvent) -> None:
        """Take one trace event in."""
        take = self._takes.get(event.kind)
        box = self.boxes.get(event.stage)
        if box is not None and event.ledger is not None:
            box.remembered, _, box.buffered, _ = event.ledger["after"]
        if take is not None:
            take(self, event, box)

    def _box(self, label: str, kind: Literal["stage", "server"] = "stage") -> Box:
        box = self.boxes.get(label)
        if box is None:
            box = self.boxes[label] = Box(self._places, label, kind)
            self._places += 1
        return box

    def _subscribe(self, event: TraceEvent, box: Box | None) -> None:
        self._forget(event.t)
        producer, consumer = self._box(event.stage), self._box(event.peer or "")
        self.links[producer.place, consumer.place] = Link(producer, consumer)
        producer.emits = consumer.subscribes = True

    def _link(self, event: TraceEvent, box: Box | None) -> Link | None:
        peer = self.boxes.get(event.peer or "")
        return None if box is None or peer is None else self.links.get((box.place, peer.place))

    def _ask(self, event: TraceEvent, box: Box | None) -> None:
        if (link := self._link(event, box)) is not None:
            link.asked += event.data["count"]

    def _emitted(self, event: TraceEvent, box: Box | None) -> None:
        if (link := self._link(event, box)) is not None:
            link.delivered += len(event.ids)

    def _unsubscribe(self, event: TraceEvent, box: Box | None) -> None:
        peer = self.boxes.get(event.peer or "")
        link = self._link(event, box)
        if link is None and box is not None and peer is not None:
            link = self.links.get((peer.place, box.place))
        if link is not None:
            link.gone = True

    def _called(self, event: TraceEvent, box: Box | None) -> None:
        if box is not None:
            box.turns += 1
            box.held = len(event.ids) if event.kind == "handle_events" else 0

    def _handled(self, event: TraceEvent, box: Box | None) -> None:
        if box is not None:
            box.held = 0
            box.handled += len(event.ids)

    def _shown(self, event: TraceEvent, box: Box | None) -> None:
        box = self._box(event.stage, "stage" if event.ledger is not None else "server")
        box.shown = event.data

    # ---- life

    def _started(self, event: TraceEvent, box: Box | None) -> None:
        if box is not None:
            box.status, box.held = "running", 0

    def _stopped(self, event: TraceEvent, box: Box | None) -> None:
        crashed = event.kind == "crash"
        if crashed:
            self._crashed_at = event.t
        if box is None:
            return
        box.status = "crashed" if crashed else "stopped"
        if crashed:
            box.reason = event.data["reason"]
            box.crashes += 1
        box.held, box.ended_at = 0, event.t
        if event.stage.startswith("#") and event.t - self._crashed_at <= SOON:
            self._ended[event.stage] = event.t

    def _restart(self, event: TraceEvent, box: Box | None) -> None:
        self.restarts[event.peer or ""] += 1
        if box is None:
            box = self._successor(event)
        if box is not None:
            box.restarts += 1

    def _successor(self, event: TraceEvent) -> Box | None:
        """The box of a stage without a name that was started in the stead of one; the first of them, as they start."""
        for label in [label for label, ended in self._ended.items() if event.t - ended > SOON]:
            del self._ended[label]
        old = min(self._ended, key=lambda label: int(label[1:]), default=None)
        if old is None:
            return None
        del self._ended[old]
        box = self.boxes[event.stage] = self.boxes[old]
        box.label, box.status = event.stage, "running"
        return box

    def _forget(self, t: float) -> None:
        """Drop what has ended long ago, so that restarts do not add up in memory."""
        gone = [label for label, box in self.boxes.items() if box.label != label or box.status != "running"]
        if len(gone) <= GONE:
            return
        for label in gone[:-GONE]:
            box = self.boxes[label]
            if len(gone) > 256 or t - box.ended_at > SOON:
                del self.boxes[label]
                self._ended.pop(label, None)
        places = {box.place for box in self.boxes.values()}
        self.links = {ends: link for ends, link in self.links.items() if places.issuperset(ends)}

    # ---- loops

    def _loop_started(self, event: TraceEvent, box: Box | None) -> None:
        server = self._server[event.stage] = self._box(event.peer or "", "server")
        server.kind = "server"
        server.loops[event.stage] = Loop()
        server.started += 1
        if not any(link.producer is server for link in self.links.values()):
            roots = [box for box in self.boxes.values() if box.kind == "stage" and box.emits and not box.subscribes]
            if roots:  # until it is known whom it tells
                self.links[server.place, roots[0].place] = Link(server, roots[0])

    def _loop(self, event: TraceEvent) -> Loop:
        server = self._server.get(event.stage)
        return Loop() if server is None else server.loops.get(event.stage, Loop())

    def _loop_killed(self, event: TraceEvent, box: Box | None) -> None:
        server = self._server.get(event.stage)
        if server is not None:
            server.loops.pop(event.stage, None)
            server.killed += event.t < self._over_at  # at the end of the run it is stopped

    def _loop_crashed(self, event: TraceEvent, box: Box | None) -> None:
        self._loop(event).again = event.data.get("again", 0.0)
        if (server := self._server.get(event.stage)) is not None:
            server.crashes += 1
            server.reason = event.data["reason"]

    def _loop_ended(self, event: TraceEvent, box: Box | None) -> None:
        server = self._server.pop(event.stage, None)
        if server is not None:
            server.loops.pop(event.stage, None)

    def _said(self, event: TraceEvent, box: Box | None) -> None:
        server = self._server.get(event.stage)
        if server is not None and _LOOPING.search(event.data["text"]):
            self._loop(event).runs += 1
            server.turns += 1

    def _cast(self, event: TraceEvent, box: Box | None) -> None:
        server, receiver = self._server.get(event.stage), self.boxes.get(event.peer or "")
        if server is None or receiver is None:
            return
        ends = server.place, receiver.place
        link = self.links.get(ends)
        if link is None:
            guessed = [other for other, link in self.links.items() if link.producer is server and not link.delivered]
            for other in guessed:
                del self.links[other]
            link = self.links[ends] = Link(server, receiver)
        link.delivered += len(event.data.get("carried", ()))

    def _drain(self, event: TraceEvent, box: Box | None) -> None:
        self._over_at = min(self._over_at, event.t)

    _takes: ClassVar[dict[str, Callable[[Picture, TraceEvent, Box | None], None]]] = {
        "subscribe": _subscribe,
        "ask": _ask,
        "emitted": _emitted,
        "cancel": _unsubscribe,
        "down": _unsubscribe,
        **dict.fromkeys(("handle_demand", "handle_events", "handle_cast"), _called),
        "handled": _handled,
        "shown": _shown,
        "started": _started,
        "stopped": _stopped,
        "crash": _stopped,
        "restart": _restart,
        "loop_started": _loop_started,
        "loop_killed": _loop_killed,
        "loop_crashed": _loop_crashed,
        "loop_ended": _loop_ended,
        "said": _said,
        "cast": _cast,
        "drain": _drain,
    }
