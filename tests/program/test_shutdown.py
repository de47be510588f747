"""How a run ends, apart from the run."""

from __future__ import annotations

import anyio
import pytest

from palleto import CloudError, Consumer, SettingError, cast, running
from palleto.program.shutdown import HURRY, Shutdown


def test_the_first_error_is_the_runs(go):
    async def main():
        shutdown = Shutdown(1.0, limit=lambda seconds: None, report=lambda line: None)
        shutdown.verdict()
        first = SettingError("the cause")

        async def fails():
            raise first

        await shutdown.attempt(fails)
        shutdown.fail(CloudError("sqs.ReceiveMessage", "Abandoned", "what came of it"))
        with pytest.raises(SettingError) as caught:
            shutdown.verdict()
        assert caught.value is first

    go(main)


def test_what_is_not_finished_in_time_is_cut_short(go):
    """The drain takes its 5 s, then nobody waits for the consumer's hour, and the cloud is waited for a second."""

    class Slow(Consumer):
        def init(self):
            self.seen = "nothing"

        async def handle_cast(self, message):
            self.seen = "begun"
            await anyio.sleep(3600)
            self.seen = "done"

    async def main():
        limits = []
        shutdown = Shutdown(5.0, limit=limits.append, report=lambda line: None)
        start = anyio.current_time()
        async with running(Slow()) as slow:
            shutdown.system = slow.system
            cast(slow, "work")
            await anyio.sleep(1)
            shutdown.begin()
            await shutdown.follow(slow.system)
        assert slow.seen == "begun"
        assert limits == [HURRY]
        assert anyio.current_time() - start == 6
        shutdown.verdict()  # it is no error

    go(main)
