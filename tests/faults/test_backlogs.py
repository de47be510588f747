"""Step 9 processes any backlog to the end, at any timing, with any number of pipelines, whatever crashes meanwhile."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import cycle
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from rig import Meddler, Rig, files, scene

from palleto.cloud import Simulation
from steps import step9

CALM = 32  # runs


async def kill_loops(meddler: Meddler) -> None:
    """As the producer does when more is wanted, but at any moment."""
    chance = random.Random(len(meddler.rig.files))
    server = meddler.system.names["SQS.Server"]
    while True:
        await anyio.sleep(chance.uniform(0, 0.08))
        if server.wanted > 0:
            server.pull(server.wanted)


def seeds(most: int, step: int = 1) -> list[Any]:
    """That many seeds; an eighth of them from day to day, the others in the long part."""
    return [pytest.param(seed, marks=[pytest.mark.long] if seed >= most // 8 else []) for seed in range(0, most, step)]


def check_nothing_redelivered(rig: Rig) -> None:
    rig.check_all_done()
    assert rig.run.summary.redelivered == 0
    assert rig.ledger.sent == rig.ledger.deleted == len(rig.files) + 1  # and the test message
    asked = [event.data["text"] for event in rig.run.kinds("said") if event.data["text"].startswith("Asking for")]
    assert all(int(text.split()[2]) >= 1 for text in asked)


@pytest.mark.parametrize("harm", [None, kill_loops], ids=["calm", "killed loops"])
@pytest.mark.parametrize("seed", seeds(CALM))
def test_any_backlog_at_any_timing_is_processed_to_the_end(rig: Any, seed: int, harm: Any) -> None:
    backlog, options = scene(seed, 300 if seed % 8 == 0 else 60)
    run = rig(files(backlog), harm=harm)
    run.perform(**options)
    check_nothing_redelivered(run)


@pytest.mark.parametrize("seed", seeds(CALM, 4))
def test_by_tens_a_file_costs_a_fifth_of_a_request_to_sqs(rig: Any, seed: int) -> None:
    _, options = scene(3000 + seed, 60)
    options["simulation"] = replace(options["simulation"], arrival=0.0)
    tens = rig(files(400))
    run = tens.perform(**options | {"pipelines": 8, "max_demand": 10})
    check_nothing_redelivered(tens)
    receives = [event for event in run.kinds("receive") if event.ids]
    deletes = run.kinds("delete")
    assert len(receives) + len(deletes) <= 0.25 * len(tens.files)
    written = {key: event.seq for event in run.kinds("written") for key in event.ids}
    names = {
        name: key
        for event in receives
        for name, keys in zip(event.ids, event.data["names"], strict=True)
        for key in keys
    }
    for event in deletes:
        assert all(written[names[name].partition("/")[2]] < event.seq for name in event.ids if name in names)


def test_a_producer_that_crashes_on_a_cast_loses_nothing(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    handle_cast = step9.Producer.handle_cast

    def crash_once(self: step9.Producer, message: Any) -> Any:
        calls.append(message)
        if len(calls) == 2:
            raise RuntimeError("on purpose")
        return handle_cast(self, message)

    monkeypatch.setattr(step9.Producer, "handle_cast", crash_once)
    run = rig(files(20))
    run.perform()
    assert not run.late, f"not done after {run.deadline} s: {run.ledger}"
    assert len(run.results) == 20


def test_a_stage_that_is_killed_leaves_no_file_in_the_spool(rig: Any, backend: str) -> None:
    spooled: list[int] = []

    async def kill(meddler: Meddler) -> None:
        for who in cycle(["Pipeline1ProducerConsumer", "Pipeline1Consumer"]):
            await anyio.sleep(2)
            if who in meddler.system.names:
                meddler.system.names[who].kill()
            await anyio.lowlevel.checkpoint()
            spooled.append(len([path for path in meddler.warehouse.spool.folder.iterdir() if path.name[0] != "."]))

    spool = rig(files(60), harm=kill, deadline=200)
    run = spool.perform(backend=backend, pipelines=2, simulation=Simulation(get_object=(0.0, 1.0), delete=(0.0, 2.0)))
    assert not spool.late
    assert len(spool.results) >= 58
    assert run.kinds("crash")
    assert max(spooled) <= 4  # two pipelines: one file each at the consumer, one on its way to it
