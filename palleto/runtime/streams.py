"""Between stages and plain Python: a producer made of an iterable, and `async for` over a stage's events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import aclosing
from itertools import islice
from typing import Any

import anyio

from palleto.core import Reason
from palleto.errors import PalletoError
from palleto.runtime.kinds import Consumer, Producer
from palleto.runtime.process import Process, describe, is_crash
from palleto.runtime.stage import Stage
from palleto.runtime.system import Quits, System


class IterableProducer(Producer):
    """Emits what an iterable gives, on demand, and stops, normally, when that has no more."""

    def __init__(self, iterable: Iterable[Any], name: str | None = None) -> None:
        self.name = name
        self._iterator = iter(iterable)

    def handle_demand(self, demand: int) -> list[Any]:
        events: list[Any] = []
        try:
            events += islice(self._iterator, demand)  # event by event: those before an error are kept
        except Exception as error:  # a broken source is a crash of its producer
            self.stop(error)
        else:
            if len(events) < demand:
                self.stop()
        return events


class AsyncIterableProducer(Producer):
    """Emits what an async iterable gives, each event as soon as it is there, and reads no further than demand goes."""

    def __init__(self, iterable: AsyncIterable[Any], name: str | None = None) -> None:
        self.name = name
        self._iterator = aiter(iterable)
        self._wanted = 0

    def start(self, system: System, parent: Quits) -> None:
        self._more = anyio.Event()
        self._reading = anyio.CancelScope()
        super().start(system, parent)
        system.tasks.start_soon(self._read, name=f"{self.label} reader")

    def handle_demand(self, demand: int) -> None:
        self._wanted += demand
        self._more.set()

    def drain(self) -> None:
        super().drain()
        self._reading.cancel()

    def terminate(self, reason: Reason) -> None:
        self._reading.cancel()

    async def _read(self) -> None:
        try:
            with self._reading:
                while True:
                    while not self._wanted:
                        self._more = anyio.Event()
                        await self._more.wait()
                    event = await anext(self._iterator)
                    self._wanted -= 1
                    self.emit([event])
        except StopAsyncIteration:
            self.stop()
        except Exception as error:  # a broken source is a crash of its producer
            self.stop(error)
        finally:
            if isinstance(self._iterator, AsyncGenerator):
                with anyio.move_on_after(self.patience, shield=True):
                    await self._iterator.aclose()


class _Listener(Consumer):
    """Hands each event to `stream`, and takes the next batch only when the last one was fetched."""

    patience = 0.0  # whoever stopped reading fetches no more

    def __init__(self, to: str | Stage, terms: dict[str, Any]) -> None:
        self.to, self.terms = to, terms
        self.reason: Reason = "normal"

    def init(self) -> None:
        self.subscribe(self.to, **self.terms)
        self.sender, self.events = anyio.create_memory_object_stream[Any](0)

    async def handle_events(self, events: list[Any]) -> None:
        for event in events:
            await self.sender.send(event)

    def terminate(self, reason: Reason) -> None:
        self.sender.close()

    def child_exited(self, child: Process, reason: Reason) -> None:
        self.reason = reason


async def stream(
    to: str | Stage, *, max_demand: int = 1000, min_demand: int | None = None, **terms: Any
) -> AsyncIterator[Any]:
    """A stage's events, with the demand of the one who reads.

    async for event in stream("Numbers", max_demand=10): ...

    Leave it early with `async with aclosing(stream(...)) as events`, and its subscription ends there and then.
    Ends when the stage stops; raises PalletoError if it crashed, NotFoundError if it does not run. Inside a run only.
    """
    listener = _Listener(to, {"max_demand": max_demand, "min_demand": min_demand, **terms})
    listener.start(System.current(), listener)
    try:
        async for event in listener.events:
            yield event
        await listener.wait()
        if is_crash(listener.reason):
            raise PalletoError(f"{to if isinstance(to, str) else to.label} crashed: {describe(listener.reason)}")
    finally:
        with anyio.CancelScope(shield=True):
            await listener.end()
        listener.events.close()


__all__ = ["AsyncIterableProducer", "IterableProducer", "aclosing", "stream"]
