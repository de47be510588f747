"""What the tests of supervisors share: workers that write down when they start and end."""

from __future__ import annotations

import anyio

from palleto import Producer, System, cast, child


class Worker(Producer):
    """Writes down when it starts and ends; a cast of "crash" or "stop" ends it."""

    log: list[str]

    def __init__(self, log, **settings):
        self.log = log

    def init(self):
        self.log.append(f"+{self.name}")

    def handle_cast(self, message):
        if message == "crash":
            raise ValueError("a real crash")
        self.stop("normal")

    def terminate(self, reason):
        self.log.append(f"-{self.name}")


class EndsLate(Worker):
    """Takes a second to end."""

    async def terminate(self, reason):
        await anyio.sleep(1)
        super().terminate(reason)


def workers(log, **restarts):
    return [child(Worker, log, name=name, restart=restart) for name, restart in restarts.items()]


async def after(name, message):
    """Send it, and wait until all that comes of it is done."""
    cast(name, message)
    await System.current().idle()


FOUR = dict.fromkeys("abcd", "permanent")
