"""What runs under a supervisor: a stage, a task, or another supervisor. It has an id, perhaps a name, and ends once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from palleto.core import NORMAL, Reason
from palleto.runtime.system import _actor

if TYPE_CHECKING:
    from palleto.runtime.system import Quits, System


class Process:
    """The life of a process: `start`, `end`, and one call of `exited` in between or after.

    name: how others find it (`whereis`, `subscribe`, `cast`); None: only by reference. A class may set it, or `child`.
    """

    name: str | None = None
    id: str = "#0"
    system: System
    running: bool = False
    busy: bool = False
    killed: bool = False

    def __repr__(self) -> str:
        state = "running" if self.running else "not running"
        return f"<{type(self).__name__} {self.label} {state}>"

    @property
    def label(self) -> str:
        """The name, or without one the id, such as `#7`."""
        return self.name or self.id

    def start(self, system: System, parent: Quits) -> None:
        """Begin to run. Raises NameTakenError, and whatever `init` raises; nothing is left running then."""
        self.id = system.enter(self)
        self.system = system
        self._parent = parent
        self._ended = anyio.Event()
        self.running = True
        if system.recorder is not None:
            system.recorder.started(self)
        acting = _actor.set(self)
        try:
            self.init()
        except BaseException as error:
            self.running = False
            system.leave(self)
            if system.recorder is not None:
                system.recorder.note("crash", self, reason=describe(error), cause=error)
            raise
        finally:
            _actor.reset(acting)

    def init(self) -> None:
        """Called once, when the process starts: a stage subscribes here, a supervisor may say that it is up."""

    async def end(self, reason: Reason = "shutdown") -> None:
        """Ask the process to end, and wait until it has. One that has ended already is left in peace."""
        raise NotImplementedError

    def drain(self) -> None:
        """Begin no new work; finish what is in hand. Only sources need do anything."""

    async def wait(self) -> None:
        """Wait until the process has ended."""
        await self._ended.wait()

    def exited(self, reason: Reason) -> None:
        """The process has ended: give up its name, wake who waits, tell who started it."""
        if not self.running:
            return
        self.running = False
        self.system.leave(self)
        if self.system.recorder is not None:
            kind = "crash" if is_crash(reason) else "stopped"
            self.system.recorder.note(kind, self, reason=describe(reason), cause=reason)
        if is_crash(reason):
            self.system.report(f"{self.label} crashed: {describe(reason)}")
        self._ended.set()
        self._parent.child_exited(self, reason)


def is_crash(reason: Reason) -> bool:
    """Whether a process that ended for this reason did not end as it should."""
    return reason not in NORMAL


def describe(reason: Reason) -> str:
    """The reason in one line."""
    if isinstance(reason, BaseException):
        return f"{type(reason).__name__}: {' '.join(str(reason).split())}".rstrip(": ")
    return reason
