"""What crashes, and when: an observer that raises, which is a crash of the stage that it hears of.

once = Fault("a crash once", "A parser crashes over its third file.", batches=(3,).__contains__)
Experiment(tree, observers=[Crashes(once)])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from palleto.errors import unknown
from palleto.runtime import Consumer, Observer, Process, Producer, ProducerConsumer, System
from palleto.trace import event_id

__all__ = ["BAD", "FAULTS", "KINDS", "Crashes", "Fault", "fault"]

KINDS: Mapping[str, tuple[type[Process], str]] = {
    "producer": (Producer, "handle_demand"),
    "producer-consumer": (ProducerConsumer, "handle_events"),
    "consumer": (Consumer, "handle_events"),
}
"""Who may crash: the first of its kind in the tree. Its batches are the calls of this callback."""
BAD = "bad.gz"
"""A file that crashes whoever parses it."""
FIRST, AGAIN = 2, 2
"""How many files come before the bad one at first, and each time that it comes back."""
MADE = "made on purpose"


def never(batch: int) -> bool:
    """No batch."""
    return False


@dataclass(frozen=True)
class Fault:
    """A crash, and when it comes.

    name: as in the table. what: what happens, in a sentence.
    batches: whether the stage crashes over its n-th batch, counted from 1 through all its lives.
    start:   whether it cannot be started again after its first crash.
    bad:     whether one of the files is bad, and comes back when it is lost.
    """

    name: str
    what: str
    batches: Callable[[int], bool] = never
    start: bool = False
    bad: bool = False

    def __str__(self) -> str:
        return self.name

    def files(self, count: int = 100) -> list[str]:
        """So many files, and the bad one, if there is one."""
        files = [f"{number:02}.gz" for number in range(1, count + 1)]
        return [*files[:FIRST], *[BAD] * self.bad, *files[FIRST:]]


class Crashes(Observer):
    """Lets a stage crash, as a fault says, in each run that it observes.

    who: its kind, a word of KINDS. files: the list that the tree's source takes from: a bad file comes back to it.
    Raises SettingError for a kind that there is not.
    """

    def __init__(self, fault: Fault, who: str = "producer-consumer", files: list[str] | None = None) -> None:
        if who not in KINDS:
            raise unknown(who, KINDS)
        self.fault, self.files = fault, files
        self.kind, self.callback = KINDS[who]

    def attached(self, system: System) -> None:
        self.label: str | None = None
        self.batch = 0
        self.crashed = False

    def started(self, process: Process) -> None:
        if not isinstance(process, self.kind):
            return
        self.label = self.label or process.label
        if self.fault.start and self.crashed and process.label == self.label:
            raise RuntimeError(f"a crash at start, {MADE}")

    def called(self, stage: Any, callback: str, argument: Any) -> None:
        if callback != self.callback or not isinstance(stage, self.kind):
            return
        if self.fault.bad and isinstance(argument, list) and BAD in map(event_id, argument):
            raise RuntimeError(f"{BAD} cannot be read, {MADE}")
        if stage.label == self.label:
            self.batch += 1
            if self.fault.batches(self.batch):
                self.crashed = True
                raise RuntimeError(f"a crash over batch {self.batch}, {MADE}")

    def lost(self, process: Process, events: Any) -> None:
        if self.fault.bad and self.files is not None and BAD in map(event_id, events):
            self.files.insert(AGAIN, BAD)


FAULTS: tuple[Fault, ...] = (
    Fault("nothing", "Nothing crashes."),
    Fault("a crash once", "A stage crashes over its third batch.", (3).__eq__),
    Fault("two in a row", "It crashes over its third batch, and over the fourth.", (3, 4).__contains__),
    Fault("every third", "It crashes over every third batch.", lambda batch: batch % 3 == 0),
    Fault("a crash at start", "It crashes over its third batch, and whenever it is started again.", (3).__eq__, True),
    Fault("a bad file that comes back", "One file cannot be read, and comes back when it is lost.", bad=True),
)
"""All faults; the first is none, to compare with."""


def fault(name: str) -> Fault:
    """The fault of that name. Raises SettingError for a name that there is not."""
    for one in FAULTS:
        if one.name == name:
            return one
    raise unknown(name, [one.name for one in FAULTS])
