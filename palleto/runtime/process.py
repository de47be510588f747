"""What runs under a supervisor: a stage, a task, or another supervisor. It has an id, perhaps a name, and ends once."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, Protocol

import anyio
import anyio.lowlevel

from palleto.core import NORMAL, Reason
from palleto.errors import NotFoundError, SettingError


class Parent(Protocol):
    """Whoever is told when a process that it started has ended: a supervisor, or the run itself."""

    def child_exited(self, child: Process, reason: Reason) -> None:
        """`child` has ended."""


class Home(Protocol):
    """The run, as a process sees it: `System` is one."""

    def enter(self, process: Process) -> str:
        """Take a process in, under its name if it has one. Returns its id."""

    def initialise(self, process: Process) -> None:
        """Call its `init`, in its name."""

    def leave(self, process: Process, reason: Reason, *, started: bool = True) -> Reason:
        """Let an ended process go, or one that could not start. Returns why it ended after all."""


class Process:
    """The life of a process: `start`, `end`, and one call of `exited` in between or after.

    name:  how others find it (`whereis`, `subscribe`, `cast`); None: only by reference. A class may set it, or `child`.
    shown: names of its numbers that a trace tells of and pictures show; a class may set it: `shown = ("owed",)`.
    """

    # What is Palleto's own in a process has two underscores, so that a user's attribute is never the same.

    name: str | None = None
    shown: ClassVar[tuple[str, ...]] = ()
    __id = "#0"
    __running = False
    __system: Any

    def __repr__(self) -> str:
        state = "running" if self.running else "not running"
        return f"<{type(self).__name__} {self.label} {state}>"

    @property
    def id(self) -> str:
        """The id, such as `#7`: never used again in the same run."""
        return self.__id

    @id.setter  # noqa: A003
    def id(self, value: object) -> None:
        refuse_name(self, "id")

    @property
    def running(self) -> bool:
        """Whether it has begun and not ended."""
        return self.__running

    @running.setter
    def running(self, value: object) -> None:
        refuse_name(self, "running")

    @property
    def system(self) -> Any:
        """The run that it is part of, a `System`. Only once it has begun."""
        return self.__system

    @system.setter
    def system(self, value: object) -> None:
        refuse_name(self, "system")

    @property
    def label(self) -> str:
        """The name, or without one the id, such as `#7`."""
        return self.name or self.__id

    @label.setter
    def label(self, value: object) -> None:
        refuse_name(self, "label")

    def start(self, system: Home, parent: Parent) -> None:
        """Begin to run. Raises NameTakenError, SettingError for a `shown` that names no number, and what `init` raises.

        Nothing is left running then.
        """
        self.__id = system.enter(self)
        self.__system, self.__parent = system, parent
        self.__ended: anyio.Event | None = None  # made for who waits: 0.9 kB, and nobody waits for most
        self.__running = True
        try:
            system.initialise(self)
            require_shown(self)
        except BaseException as error:
            self.__running = False
            system.leave(self, error, started=False)
            raise

    def init(self) -> None:
        """Called once, when the process starts: a stage subscribes here, a supervisor may say that it is up."""

    async def end(self, reason: Reason = "shutdown") -> None:
        """Ask the process to end, and wait until it has. One that has ended already is left in peace."""
        raise NotImplementedError

    def drain(self) -> None:
        """Begin no new work; finish what is in hand. Only sources need do anything."""

    def is_busy(self) -> bool:
        """Whether it has something to do."""
        return False

    def is_ending(self) -> bool:
        """Whether it was killed, and has not ended yet."""
        return False

    async def wait(self) -> None:
        """Wait until the process has ended."""
        if not self.__running:
            await anyio.lowlevel.checkpoint()  # as for an event that is set already: others get their turn
            return
        self.__ended = self.__ended or anyio.Event()
        await self.__ended.wait()

    def exited(self, reason: Reason) -> None:
        """The process has ended: give up its name, wake who waits, tell who started it."""
        if not self.__running:
            return
        self.__running = False
        reason = self.__system.leave(self, reason)
        if self.__ended is not None:
            self.__ended.set()
            self.__ended = None
        self.__parent.child_exited(self, reason)


def begin(process: Process, system: Home, parent: Parent) -> None:
    """Start a process by its class's `start`, which refuses what its user has put in the place of Palleto's own.

    Raises what `start` raises; an attribute of the user's called `start` is refused like any other then.
    """
    type(process).start(process, system, parent)


def refuse_name(process: Process, name: str) -> NoReturn:
    """Refuse an attribute that is Palleto's own. Raises SettingError."""
    kind = type(process).__name__
    raise SettingError(f"expected {kind} to keep what it has under another name than {name!r}: that is Palleto's own")


def require_running(process: Process, what: str) -> None:
    """Refuse what only a running process can do. Raises NotFoundError."""
    if not process.running:
        when = "it has not begun: do it in init, or later" if process.id == "#0" else "it has ended"
        raise NotFoundError(f"expected {process} to run when it is to {what}, but {when}")


def require_shown(process: Process) -> None:
    """Hold a process to what its class's `shown` names. Raises SettingError."""
    kind = type(process)
    names = kind.shown
    if not (isinstance(names, tuple) and all(isinstance(name, str) for name in names)):
        raise SettingError(f"expected {kind.__name__}.shown to be a tuple of names, as ('owed',), got: {names!r:.60}")
    for name in names:
        value = getattr(process, name, None)
        if not isinstance(value, int | float):
            raise SettingError(
                f"expected {kind.__name__}, whose `shown` names {name!r}, to set self.{name} to a number in its init, "
                f"got: {value!r:.60}"
            )


def parent_of(process: Process) -> Process | None:
    """The supervisor that started it; None of the process at the top of a run."""
    parent = vars(process).get("_Process__parent")
    return parent if isinstance(parent, Process) else None


def is_crash(reason: Reason) -> bool:
    """Whether a process that ended for this reason did not end as it should."""
    return reason not in NORMAL


def describe(reason: Reason) -> str:
    """The reason in one line."""
    if isinstance(reason, BaseException):
        return f"{type(reason).__name__}: {' '.join(str(reason).split())}".rstrip(": ")
    return reason
