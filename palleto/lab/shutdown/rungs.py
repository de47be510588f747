"""Five ways to end a worker, from the rudest to the kindest: each does what the one before it leaves out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from palleto.errors import unknown
from palleto.lab.shutdown.worker import Worker

__all__ = ["RUNGS", "Rung", "rung"]


@dataclass(frozen=True)
class Rung:
    """A way to end a worker. what: what happens, in a sentence. end: does it to a worker that is up."""

    name: str
    what: str
    end: Callable[[Worker], None] = field(repr=False)

    def __str__(self) -> str:
        return self.name


def _stop_polling(worker: Worker) -> None:
    worker.keep()
    worker.leave()


def _drain(worker: Worker) -> None:
    worker.keep()
    worker.tell()


RUNGS: tuple[Rung, ...] = (
    Rung("kill -9", "The process vanishes, and no word of it reaches the queue.", Worker.vanish),
    Rung("cancel", "Its tasks are cancelled. What was sent is answered; nothing more is sent.", Worker.cancel),
    Rung("stop polling", "It receives no more. Each stage finishes the callback that runs, and ends.", _stop_polling),
    Rung("drain", "It receives no more, and finishes what it has in hand, until the deadline.", _drain),
    Rung("drain and give back", "The same, and what is not done then is given back to the queue.", Worker.tell),
)
"""The ladder."""


def rung(name: str) -> Rung:
    """The rung of that name. Raises SettingError for a name that there is not."""
    for one in RUNGS:
        if one.name == name:
            return one
    raise unknown(name, map(str, RUNGS))
