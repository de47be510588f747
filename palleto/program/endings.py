"""What ends a run of a step: a number of events, an empty queue, a file that comes a second time.

An ending is called with the run and waits until the run should end. Steps name theirs; `--events`, `--for` and
`--forever` take its place.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import anyio

from palleto.errors import CloudError
from palleto.trace import Recorder, TraceEvent

if TYPE_CHECKING:
    from palleto.cloud.warehouse import Warehouse
    from palleto.program.options import Options
    from palleto.runtime import Process

LOOK = 0.5
"""Seconds of run time between two looks at the queue."""


class Run:
    """What an ending may look at: the trace as it grows, the warehouse if there is one, and whether all files are up.

    end: called at the moment that the end is reached, so that nothing more is asked for.
    `begun`: the first file is up, or there is none to come; `uploaded`: all are; `playing`: the pipeline runs.
    """

    def __init__(self, recorder: Recorder, warehouse: Warehouse | None, end: Callable[[], None]) -> None:
        self.recorder = recorder
        self.warehouse = warehouse
        self.end = end
        self.begun = anyio.Event()
        self.playing = anyio.Event()
        self.uploaded = anyio.Event()

    async def until(self, reached: Callable[[TraceEvent], bool]) -> None:
        """Wait for the trace event for which `reached` is true."""
        event = anyio.Event()

        def listen(trace: TraceEvent) -> None:
            if not event.is_set() and reached(trace):
                event.set()
                self.end()

        self.recorder.listeners.append(listen)
        try:
            await event.wait()
        finally:
            self.recorder.listeners.remove(listen)


Ending = Callable[[Run], Coroutine[Any, Any, None]]


def after_events(count: int) -> Ending:
    """End when the consumers have consumed `count` (1 or more) events."""

    async def ending(run: Run) -> None:
        consumed, enough = 0, anyio.Event()

        def hear(consumer: Process, more: int) -> None:
            nonlocal consumed
            consumed += more
            if consumed >= count and not enough.is_set():
                enough.set()
                run.end()

        run.recorder.on_consumed.append(hear)
        try:
            await enough.wait()
        finally:
            run.recorder.on_consumed.remove(hear)

    return ending


async def second_time(run: Run) -> None:
    """End when an event has been consumed that had been consumed before, or when the queue is empty and none can be."""
    seen: set[str] = set()

    def reached(event: TraceEvent) -> bool:
        if event.kind != "handled" or not event.data["last"]:
            return False
        again = not seen.isdisjoint(event.ids)
        seen.update(event.ids)
        return again

    await first_of(lambda run: run.until(reached), queue_empty)(run)


def first_of(*endings: Ending) -> Ending:
    """End when the first of `endings` does."""

    async def ending(run: Run) -> None:
        async with anyio.create_task_group() as tasks:

            async def end(one: Ending) -> None:
                await one(run)
                tasks.cancel_scope.cancel()

            for one in endings:
                tasks.start_soon(end, one)

    return ending


async def queue_empty(run: Run) -> None:
    """End when every file is up, the queue holds no message, seen or unseen, and none is in hand.

    Messages that another worker has in hand are among the unseen: a worker does not end while they might come back, so
    a worker that is killed is made good by the others, one visibility timeout later. A worker that joins (`--files 0`)
    an empty queue ends at once: start the one that puts the files first, or join with `--forever`.
    A server that does not answer is asked again.
    """
    await run.uploaded.wait()
    warehouse = run.warehouse
    assert warehouse is not None, "this ending is for steps with a queue"
    empty = 0
    # SQS counts approximately: two looks in a row must agree. And but for the places in this process, S3 announces a
    # file some time after it has answered the put: 0.5 s on a LocalStack of a loaded machine.
    looks = 2 if warehouse.cloud.place.name in ("simulated", "embedded") else 6
    while empty < looks:
        try:
            is_empty = warehouse.leases.idle and await messages_in(warehouse, warehouse.queue_url) == 0
        except CloudError:  # the pipeline's own requests say what becomes of the run
            is_empty = False
        empty = empty + 1 if is_empty else 0
        await anyio.sleep(LOOK)


async def messages_in(warehouse: Warehouse, queue_url: str) -> int:
    """How many messages a queue holds: visible, in flight and delayed.

    An answer that was damaged on its way is asked for again, twice. Raises CloudError.
    """
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    for _ in range(3):
        answer = await warehouse.cloud.monitor.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        try:
            return sum(int(answer["Attributes"][name]) for name in names)
        except (KeyError, ValueError) as error:
            reason = f"the answer has no number of messages: {error}"
    raise CloudError("sqs.GetQueueAttributes", "ResponseParserError", reason)


def endings(until: Ending, options: Options, *, cloud: bool) -> list[Ending]:
    """The endings of a run: those that the options name, else `until`. `cloud`: the step has a queue."""
    found: list[Ending] = []
    if options.events is not None:
        enough = after_events(options.events)
        # Nobody but this run can put files on the simulated place: an empty queue there stays empty for ever.
        found.append(first_of(enough, queue_empty) if options.virtual and cloud else enough)
    if options.seconds is not None:
        seconds = options.seconds
        found.append(lambda run: anyio.sleep(seconds))
    if options.forever:
        return found
    return found or [until]
