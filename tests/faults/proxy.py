"""A bad network: a TCP proxy on 127.0.0.1 that cuts connections, delays what they carry, and garbles it.

What goes to the server is garbled by its own rate: AWS refuses a request whose signature does not fit, but moto and
LocalStack do not look, and carry out another request than the one that was sent.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Network:
    """How bad it is: the share of chunks (up to 16 KiB) that are cut, delayed (by up to `longest` seconds), garbled.

    `garble` is the share of the answers' chunks, `garble_requests` that of the requests'.
    """

    seed: int = 0
    cut: float = 0.0
    delay: float = 0.0
    garble: float = 0.0
    garble_requests: float = 0.0
    longest: float = 0.3
    bad: bool = False  # from when on
    harm: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool) -> None:
        """Carry one direction of a connection until it ends, or is cut."""
        with suppress(OSError):
            while data := await reader.read(16384):
                self.harm["chunks"] += 1
                if self._strikes("cut"):
                    writer.write(data[: self._chance.randrange(len(data))])
                    break
                if self._strikes("delay"):
                    await asyncio.sleep(self._chance.uniform(0, self.longest))
                if self._strikes("garble" if back else "garble_requests"):
                    at = self._chance.randrange(len(data))
                    data = data[:at] + bytes([data[at] ^ 1 << self._chance.randrange(7)]) + data[at + 1 :]
                writer.write(data)
                await writer.drain()
        writer.close()

    def _strikes(self, harm: str) -> bool:
        struck = self.bad and self._chance.random() < getattr(self, harm)
        self.harm[harm] += struck
        return struck

    @contextmanager
    def before(self, port: int) -> Iterator[str]:
        """The URL of a proxy before the server at that port, which runs in a thread for the time of the block."""
        urls: list[str] = []
        ready = threading.Event()
        stop: list[Callable[[], object]] = []

        async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                there = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                writer.close()
                return
            await asyncio.gather(self.carry(reader, there[1], back=False), self.carry(there[0], writer, back=True))

        async def main() -> None:
            server = await asyncio.start_server(connect, "127.0.0.1", 0)
            urls.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            over, loop = asyncio.Event(), asyncio.get_running_loop()
            stop.append(lambda: loop.call_soon_threadsafe(over.set))
            ready.set()
            await over.wait()
            server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        thread = threading.Thread(target=asyncio.run, args=(main(),), name="proxy")
        thread.start()
        try:
            assert ready.wait(60)
            yield urls[0]
        finally:
            stop[0]()
            thread.join()
