"""What a pipeline of events is compared with: queues, memory streams, and a bare loop. Each returns events a second.

All of them hand on the items of one prepared list, and do no work for an item. `depth` stages hand on between the first
and the last; `width` of these chains, or only of consumers, stand side by side.
"""

from __future__ import annotations

import asyncio
from time import process_time

import anyio


def asyncio_queue(events: int, *, most: int, depth: int, width: int) -> float:
    """One task a stage, an `asyncio.Queue` of `most` items between them, item by item."""
    each = events // width

    async def main() -> float:
        first: asyncio.Queue[int] = asyncio.Queue(most)
        tasks = []

        async def produce() -> None:
            for item in [0] * (each * width):
                await first.put(item)

        async def hand_on(above: asyncio.Queue[int], below: asyncio.Queue[int]) -> None:
            for _ in range(each):
                await below.put(await above.get())

        async def consume(above: asyncio.Queue[int]) -> None:
            for _ in range(each):
                await above.get()

        tasks.append(produce())
        for _ in range(width):
            above = first
            for _ in range(depth):
                below: asyncio.Queue[int] = asyncio.Queue(most)
                tasks.append(hand_on(above, below))
                above = below
            tasks.append(consume(above))
        start = process_time()
        await asyncio.gather(*tasks)
        return each * width / (process_time() - start)

    return asyncio.run(main())


def anyio_stream(events: int, *, most: int, depth: int, width: int, backend: str = "asyncio") -> float:
    """The same with anyio's memory object streams, on either backend."""
    each = events // width

    async def main() -> float:
        send, receive = anyio.create_memory_object_stream[int](most)
        streams = [(send, receive)]

        async def produce() -> None:
            for item in [0] * (each * width):
                await send.send(item)

        start = process_time()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(produce)
            for _ in range(width):
                above = receive
                for _ in range(depth):
                    below, after = anyio.create_memory_object_stream[int](most)
                    streams.append((below, after))

                    async def hand_on(above=above, below=below) -> None:  # type: ignore[no-untyped-def]
                        for _ in range(each):
                            await below.send(await above.receive())

                    tasks.start_soon(hand_on)
                    above = after

                async def consume(above=above) -> None:  # type: ignore[no-untyped-def]
                    for _ in range(each):
                        await above.receive()

                tasks.start_soon(consume)
        seconds = process_time() - start
        for one, other in streams:
            one.close()
            other.close()
        return each * width / seconds

    return anyio.run(main, backend=backend)


def bare_loop(events: int, *, batch: int, depth: int, width: int) -> float:
    """The limit: no stage, no demand; a loop that slices a list and calls a function for each stage that takes it."""
    items, got = [0] * 1000, 0

    def hand_on(batch: list[int]) -> list[int]:
        return batch

    def consume(batch: list[int]) -> None:
        nonlocal got
        got += len(batch)

    start = process_time()
    while got < events:
        part = items[:batch]
        for _ in range(depth):
            part = hand_on(part)
        consume(part)
    return got / (process_time() - start)
