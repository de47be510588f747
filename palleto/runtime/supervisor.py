"""Supervisors: they start processes in order, start them again when they crash, and stop them in reverse order.

What a supervisor decides when a child ends is in plain functions: which children are restarted, and when it gives up.

>>> restarts("permanent", "normal"), restarts("transient", "normal"), restarts("temporary", ValueError())
(True, False, False)
>>> affected("one_for_one", 1, 4), affected("rest_for_one", 1, 4), affected("one_for_all", 1, 4)
([1], [1, 2, 3], [0, 1, 2, 3])
>>> budget = Budget(max_restarts=3, max_seconds=5)
>>> [(budget.spend(now), budget.left(now)) for now in (0, 1, 2, 3, 9)]
[(True, 2), (True, 1), (True, 0), (False, 0), (True, 2)]
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Literal, ParamSpec, TypeVar, overload

import anyio

from palleto.core import NORMAL, Reason, whole
from palleto.errors import NotFoundError, RestartError, SettingError
from palleto.runtime.process import Home, Parent, Process, begin, describe, require_running

P = ParamSpec("P")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

Restart = Literal["permanent", "transient", "temporary"]
"""When a child that ended is started again: always, after a crash, or never."""
Strategy = Literal["one_for_one", "rest_for_one", "one_for_all"]
"""Who is started again with it: nobody else, those that were started after it, or all."""


def restarts(restart: Restart, reason: Reason) -> bool:
    """Whether a child that ended for `reason` is started again: always, only after a crash, or never."""
    return restart == "permanent" or (restart == "transient" and reason not in NORMAL)


def affected(strategy: Strategy, index: int, count: int) -> list[int]:
    """Which of `count` children are stopped (last first) and started (first first) again for the one at `index`."""
    if strategy == "one_for_one":
        return [index]
    return list(range(index if strategy == "rest_for_one" else 0, count))


class Budget:
    """How often a supervisor may restart: `max_restarts` (0 or more; 3) times in any `max_seconds` (above 0; 5)."""

    def __init__(self, max_restarts: int = 3, max_seconds: float = 5.0) -> None:
        self.max_restarts = whole("max_restarts", max_restarts, 0)
        if max_seconds <= 0:
            raise SettingError(f"expected max_seconds to be above 0, got: {max_seconds!r}")
        self.max_seconds = max_seconds
        self._spent: deque[float] = deque()

    def left(self, now: float) -> int:
        """How many restarts are left at `now`, in seconds of run time, which never goes back."""
        while self._spent and now - self._spent[0] >= self.max_seconds:
            self._spent.popleft()
        return self.max_restarts - len(self._spent)

    def spend(self, now: float) -> bool:
        """Take one restart at `now` (seconds of run time) out of the budget; False if there is none left."""
        if self.left(now) < 1:
            return False
        self._spent.append(now)
        return True


def out_of_restarts(budget: Budget, supervisor: Process, last: str, reason: Reason) -> RestartError:
    """What a supervisor ends with when its budget is spent; the last of its children to end, by label, and why."""
    error = RestartError(
        f"expected at most {budget.max_restarts} restarts in {budget.max_seconds:g} s under {supervisor.label}, "
        f"got one more; the last to end was {last}: {describe(reason)}"
    )
    error.__cause__ = reason if isinstance(reason, BaseException) else None
    return error


class Child:
    """How to start one child, now and at each restart: a class and its arguments, made anew every time.

    name:    gives the process its name, over that of its class.
    restart: "permanent" (always; the default), "transient" (after a crash) or "temporary" (never).
    """

    def __init__(
        self, make: Callable[..., Process], *args: Any, name: str | None, restart: Restart, **settings: Any
    ) -> None:
        if restart not in ("permanent", "transient", "temporary"):
            raise SettingError(f"expected restart to be permanent, transient or temporary, got: {restart!r}")
        self.make, self.args, self.settings = make, args, settings
        self.name, self.restart = name, restart
        self.process: Process | None = None

    def __repr__(self) -> str:
        return f"<Child {self.name or getattr(self.make, '__name__', self.make)}, {self.restart}: {self.process}>"

    def start(self, system: Home, parent: Parent) -> Process:
        """Make the process and start it."""
        process = self.make(*self.args, **self.settings)
        if self.name is not None:
            process.name = self.name
        self.process = process  # first: a supervisor whose children fail to start still wants to be ended
        begin(process, system, parent)
        return process


# A type checker sees from these whether the arguments fit the class. It takes keywords of the class's own only where
# neither `name` nor `restart` stands beside them (PEP 612): elsewhere bind them with `functools.partial`.
@overload
def child(make: Callable[P, Process], *args: P.args, **settings: P.kwargs) -> Child: ...
@overload
def child(make: Callable[[], Process], *, name: str | None = ..., restart: Restart = ...) -> Child: ...
@overload
def child(make: Callable[[A], Process], a: A, /, *, name: str | None = ..., restart: Restart = ...) -> Child: ...
@overload
def child(
    make: Callable[[A, B], Process], a: A, b: B, /, *, name: str | None = ..., restart: Restart = ...
) -> Child: ...
@overload
def child(
    make: Callable[[A, B, C], Process], a: A, b: B, c: C, /, *, name: str | None = ..., restart: Restart = ...
) -> Child: ...
def child(  # type: ignore[misc]  # mypy: not everything that fits a ParamSpec fits it, which is so: `name` is its own
    make: Callable[..., Process], *args: Any, name: str | None = None, restart: Restart = "permanent", **settings: Any
) -> Child:
    """A child for a supervisor: `child(Consumer, "Pipeline1", name="Pipeline1Consumer")`. See `Child`."""
    return Child(make, *args, name=name, restart=restart, **settings)


class Supervisor(Process):
    """Starts its children in order; restarts those that end, by its strategy, until its budget is spent.

    strategy:     "one_for_one" restarts the child that ended; "rest_for_one" that and those after it; "one_for_all"
                  all.
    children:     in the order in which they are started; each is a `child(...)` of its own.
    max_restarts: 0 or more in any `max_seconds` of run time; 3 in 5 by default. Over that, it stops all its children
                  and fails with RestartError, which its own supervisor sees as a crash. `budget` knows how many are
                  left.
    """

    strategy: Strategy = "one_for_one"
    max_restarts: int = 3
    max_seconds: float = 5.0

    def __init__(
        self,
        children: Iterable[Child] = (),
        *,
        name: str | None = None,
        strategy: Strategy | None = None,
        max_restarts: int | None = None,
        max_seconds: float | None = None,
    ) -> None:
        specs = list(children)
        self._children = dict.fromkeys(specs)  # in order, and among ten thousand one is forgotten at once
        if len(self._children) < len(specs):
            raise SettingError(f"expected a child(...) of its own for each of {len(specs)} children, got one twice")
        if name is not None:
            self.name = name
        self.strategy = self.strategy if strategy is None else strategy
        if self.strategy not in ("one_for_one", "rest_for_one", "one_for_all"):
            raise SettingError(f"expected strategy to be one_for_one, rest_for_one or one_for_all, got: {strategy!r}")
        self.budget = Budget(
            self.max_restarts if max_restarts is None else max_restarts,
            self.max_seconds if max_seconds is None else max_seconds,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.label} {self.strategy}, {len(self._children)} children>"

    @property
    def children(self) -> list[Child]:
        """How each child is started, in their order: a new list. `start_child` adds to it, `stop_child` takes away.

        May be set to others before it starts.
        """
        return list(self._children)

    @children.setter
    def children(self, specs: Iterable[Child]) -> None:
        if self.running:
            raise SettingError(f"expected {self} not to run yet; use start_child and stop_child while it runs")
        self._children = dict.fromkeys(specs)

    def start(self, system: Home, parent: Parent) -> None:
        self._exits: deque[tuple[Process, Reason]] = deque()
        self._busy = False
        self._wake = anyio.Event()
        self._stopping: Reason | None = None
        self._started: dict[Process, Child] = {}  # whose process: among ten thousand, one is found at once
        super().start(system, parent)
        self.system.tasks.start_soon(self._watch, name=self.label)
        try:
            for spec in self.children:
                self._started[spec.start(system, self)] = spec
        except BaseException:
            self._stopping = "shutdown"  # those that run already are stopped
            self._wake.set()
            raise

    def start_child(self, spec: Child) -> Process:
        """Start one more child, after all others. Raises NotFoundError if this supervisor does not run."""
        require_running(self, "start a child")
        process = spec.start(self.system, self)
        self._started[process] = spec
        self._children[spec] = None
        return process

    async def stop_child(self, process: Process) -> None:
        """Stop a child and forget it. Raises NotFoundError if it is not this supervisor's."""
        spec = self._started.pop(process, None)
        if spec is None or spec.process is not process:
            raise NotFoundError(f"expected a child of {self}, got: {process}")
        del self._children[spec]
        await process.end("shutdown")

    def is_busy(self) -> bool:
        return self._busy

    def child_exited(self, child: Process, reason: Reason) -> None:
        """A child ended: handled by this supervisor's own task, one exit after the other."""
        self._exits.append((child, reason))
        self._busy = True
        self._wake.set()

    async def end(self, reason: Reason = "shutdown") -> None:
        if self.running:
            self._stopping = self._stopping or reason
            self._wake.set()
            await self.wait()

    async def _watch(self) -> None:
        try:
            while self._stopping is None:
                self._busy = bool(self._exits)  # a child may have ended before this task began
                self.system.look_idle()
                await self._wake.wait()
                self._wake = anyio.Event()
                while self._exits and self._stopping is None:
                    await self._replace(*self._exits.popleft())
        finally:  # also where the whole run is cancelled: then nobody is restarted any more
            with anyio.CancelScope(shield=True):
                for spec in reversed(self.children):
                    if spec.process is not None and spec.process.running:
                        await spec.process.end("shutdown")
            self.exited(self._stopping or "shutdown")

    async def _replace(self, process: Process, reason: Reason) -> None:
        """Restart for a child that ended, as its terms and the strategy say."""
        ended = self._started.pop(process, None)
        if ended is None or ended.process is not process:  # stopped on purpose, or restarted for another's sake already
            return
        if not restarts(ended.restart, reason):
            if ended.restart == "temporary":
                del self._children[ended]
            return
        specs = [ended]
        if self.strategy != "one_for_one":
            children = self.children
            specs = [children[place] for place in affected(self.strategy, children.index(ended), len(children))]
        if not self.budget.spend(self.system.now()):
            self._stopping = out_of_restarts(self.budget, self, process.label, reason)
            return
        for spec in reversed(specs):
            if spec.process is not None:
                if spec.process.running:
                    await spec.process.end("shutdown")
                # Out of the list, or its end would be taken for one of itself, and it started before those before it.
                if self._started.pop(spec.process, None) is not None and spec.restart == "temporary":
                    del self._children[spec]
        for spec in specs:
            if self._stopping is not None or (len(specs) > 1 and spec not in self._children):
                continue  # temporary, or stopped for good meanwhile
            try:
                started = spec.start(self.system, self)
                self._started[started] = spec
                if self.system.observer is not None:
                    self.system.observer.restarted(started, self, reason)
            except Exception as error:
                # A crash like any other. Those that ended meanwhile come first: it may have needed one of them.
                failed = spec.process or process
                self.system.log(failed, f"{failed} could not be started again: {describe(error)}", error)
                self._started[failed] = spec
                self._exits.append((failed, error))
                return
