"""A run from its begin to its end: a block, in which a supervisor or a stage runs."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio

from palleto.clock import virtual_time
from palleto.core import whole
from palleto.errors import SettingError
from palleto.runtime.observer import METHODS, Observer, one_of
from palleto.runtime.order import Order
from palleto.runtime.process import Process, begin
from palleto.runtime.pump import MAX_TURNS
from palleto.runtime.standstill import watch
from palleto.runtime.system import System, the_system

P = TypeVar("P", bound=Process)


def _print_error(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _warn(line: str) -> None:
    logging.getLogger("palleto").warning("%s", line)


def require_methods(observers: Iterable[Observer]) -> None:
    """Hold observers to the names of their methods: a number under one would crash the stages. Raises SettingError."""
    for one in observers:
        for name in METHODS:
            if not callable(getattr(one, name)):
                raise SettingError(
                    f"expected {type(one).__name__} to keep what it has under another name than {name!r}: "
                    "an observer hears of a run by it"
                )


@asynccontextmanager
async def running(
    top: P,
    *,
    recorder: Observer | None = None,
    observers: Iterable[Observer] = (),
    seed: int | None = None,
    order: Order | None = None,
    say: Callable[[str], None] = print,
    report: Callable[[str], None] = _print_error,
    max_turns: int | None = MAX_TURNS,
    on_standstill: Callable[[str], None] = _warn,
) -> AsyncIterator[P]:
    """Run `top` (a supervisor, a stage) and all it starts inside the block; stop them, last first, at its end.

    recorder: what hears of everything that happens. observers: any number of others, which hear of it after that, in
    their order: see `palleto.runtime.observer`. seed, order: see `System`.
    say, report: take the lines of the lesson and those about crashes; they print to standard output and standard error.
    max_turns: on virtual time, the turns that stages may take without time moving, 1 or more (5,000,000); None: any
    number. More fail the run with EndlessError: a source that always answers at once would go on for ever, and so
    would a stage that casts to itself.
    on_standstill: takes a line, once, when the run stands: demand is owed, nothing runs, and nothing is expected to (no
    task of a TaskSupervisor, no async iterable that is read, no timer). It says who waits for whom, up to the source; a
    warning of the logger `palleto`, by default. On virtual time that is seen before time moves, else within 5 s of it.
    Of what is outside of the stages (the block, a task group of its own) nobody knows that it will emit or cast.
    Raises what `top` failed with, for example RestartError from a supervisor that is out of restarts,
    or what `order` failed with; SettingError for a `top` that is neither, for an order without virtual time, and for an
    observer with an attribute of its own that has the name of a method.
    """
    if not isinstance(top, Process):
        raise SettingError(f"expected a stage or a supervisor to run, got: {top!r:.80}")
    if order is not None:
        virtual_time()
    if max_turns is not None:
        whole("max_turns", max_turns, 1)
    told = [*([] if recorder is None else [recorder]), *observers]
    observer = one_of(None, told)
    require_methods(told)
    error: Exception | None = None
    async with anyio.create_task_group() as tasks:
        system = System(
            tasks,
            observer=observer,
            seed=seed,
            order=order,
            say=say,
            report=report,
            max_turns=max_turns,
        )
        token = the_system.set(system)
        tasks.start_soon(system.pump.run, name="palleto pump")
        end_watch = watch(system, on_standstill)
        if system.order is not None:
            tasks.start_soon(system.order.decide, name="palleto order")
        try:
            if observer is not None:
                observer.attached(system)
            begin(top, system, system)
            with system.body:
                yield top
        except Exception as caught:
            # Raised after the task group has closed, so that it arrives as itself and not in an ExceptionGroup.
            error = caught
        finally:
            with anyio.CancelScope(shield=True):
                end_watch()
                if observer is not None:
                    observer.ending()
                if system.order is not None:
                    system.order.let_go()  # or nobody would take the message to stop
                system.resume()
                if top.running:
                    await top.end("shutdown")
                await system.close()
            the_system.reset(token)
    if system.interrupt is not None:
        raise system.interrupt
    if system.failure is not None:
        raise system.failure
    if error is not None:
        raise error
