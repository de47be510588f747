"""Days of step 9 in virtual time: files arrive at random, one in a hundred is bad, and nothing piles up."""

from __future__ import annotations

import gc
import random
import sys
from pathlib import Path

import anyio
import pytest
from rig import PREFIX, Meddler, Rig, gz

from palleto import Recorder, clock
from palleto.program import Options, RunState, StepRun, queue_empty
from steps import step9

KEYS = 100  # good files have so many keys, again and again, so that the bucket and the results do not grow either
BAD = 0.01
MEAN = 40.0  # seconds between two arrivals


class Days(Rig):
    """A run of so many hours that keeps no trace. Eight times in it objects are counted, and blocks of memory."""

    hours: float
    good: int = 0
    bad: int = 0
    objects: list[int]
    blocks: list[int]  # of memory that Python holds, strings and bytes among them; tracemalloc takes four times as long
    arrived: bool = False

    async def arrivals(self, meddler: Meddler) -> None:
        """Files come at random."""
        chance = random.Random(1)
        warehouse = meddler.warehouse
        put = warehouse.cloud.monitor.s3.put_object
        self.objects, self.blocks = [], []
        begun = anyio.current_time()
        while (now := anyio.current_time() - begun) < self.hours * 3600:
            if now >= 3600 * len(self.objects) * self.hours / 8:
                gc.collect()
                self.objects.append(len(gc.get_objects()))
                self.blocks.append(sys.getallocatedblocks())
            await anyio.sleep(chance.expovariate(1 / MEAN))
            if chance.random() < BAD:
                self.bad += 1
                await put(Bucket=warehouse.bucket, Key=f"{PREFIX}bad{self.bad}.gz", Body=b"no gzip")
            else:
                self.good += 1
                number = self.good % KEYS + 1
                await put(Bucket=warehouse.bucket, Key=f"{PREFIX}{number:03}.gz", Body=gz(number))
        self.arrived = True

    async def end(self, state: RunState) -> None:
        while not self.arrived:  # noqa: ASYNC110 - an event would have to be made in the run's loop
            await anyio.sleep(60)
        await queue_empty(state)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("hours", [2, pytest.param(48, marks=pytest.mark.long)])
def test_hours_of_arrivals(tmp_path: Path, hours: float) -> None:
    days = Days(lambda *_, **__: None, tmp_path / "output")
    days.hours = hours
    days.harm = days.arrivals
    run = StepRun(
        lambda warehouse, pipelines: days.meddle(step9.pipeline(warehouse, pipelines), warehouse),
        days.end,
        Options(virtual=True, files=0, output=days.output, quiet=True),
        recorder=Recorder(keep=False),
    )
    reported: list[str] = []
    run.report = reported.append
    clock.run(run, time="virtual")
    assert not days.broken
    ledger = run.cloud.simulated.ledger(run.warehouse.queue_url)
    assert ledger.sent == 1 + days.good + days.bad == ledger.deleted + ledger.dead_lettered
    assert days.bad > 0
    assert ledger.dead_lettered == days.bad == sum(line.startswith("cannot process") for line in reported)
    assert days.good > 80 * hours
    assert sum(run.summary.consumed.values()) == days.good
    assert days.results == {f"{PREFIX}{number:03}.gz": number for number in range(1, min(days.good, KEYS) + 1)} | {
        f"{PREFIX}{number:03}.gz": number for number in range(1, KEYS + 1)
    }
    assert run.cloud.simulated.sqs.at("", run.warehouse.queue_url).expired == 0
    # After the first quarter there are no more objects than before, but for what a bad file leaves in two queues; and
    # the simulated queue remembers the last 1,000 messages, with their handles: those of eleven hours.
    settled = max(days.objects[2:4])
    remembered = 2 * min(1000, days.good)
    assert max(days.objects[4:]) < settled * 1.02 + 50 * days.bad + remembered, days.objects
    if hours >= 24:
        settled = max(days.blocks[2:4])
        assert max(days.blocks[4:]) < settled * 1.02 + 100 * days.bad, days.blocks
