"""Idle, drain, pause, and demand that is set anew."""

from __future__ import annotations

import anyio
import pytest
from stage_members import Numbers, Passing, Slow, of, stages

from palleto import System, running, whereis


async def test_idle():
    slow = Slow(max_demand=2, min_demand=1)

    async with running(of(Numbers(), slow)):
        await anyio.sleep(0.5)
        assert not System.current().is_idle()
        whereis("numbers").demand("accumulate")
        await System.current().idle()
        assert System.current().is_idle()
        assert anyio.current_time() == 2
        await System.current().idle()
        assert anyio.current_time() == 2


async def test_drain():
    """All in hand is done, and handle_demand hears nothing more."""
    numbers, slow, other = Numbers(), Slow("passing"), Slow("passing")

    async with stages(numbers, Passing(max_demand=8), slow, other) as world:
        await anyio.sleep(3.5)
        told = list(numbers.told)
        System.current().quiet()
        await System.current().drain()
        assert numbers.told == told
        # The producer-consumer holds nothing back: the two below want more than they have got.
        assert sorted(slow.got + other.got) == list(range(numbers.next))
        assert slow.running
        await anyio.sleep(10)
        assert numbers.told == told
        assert world.lost == []
    # Told of once, though `quiet`, `drain` and the end of the run each say it.
    assert [event.t for event in world.recorder.events if event.kind == "drain"] == [3.5]


@pytest.mark.parametrize("ends", ["resumed", "in the pause"])
async def test_pause_and_resume(ends):
    slow = Slow("passing")

    async with running(of(Numbers(), Passing(max_demand=8), slow)):
        system = System.current()
        await anyio.sleep(2.5)
        system.pause()
        await anyio.sleep(100)
        assert len(slow.got) == 6  # the batch that ran was finished
        if ends == "resumed":
            system.resume()
            await anyio.sleep(1.5)
            assert len(slow.got) >= 8
    assert anyio.current_time() < 130
    assert not slow.running


async def test_resize():
    numbers, slow = Numbers(), Slow(max_demand=4, min_demand=0)

    async with running(of(numbers, slow)):
        await anyio.sleep(0.5)
        slow.resize(10, 0)
        await anyio.sleep(2)
        # the second ask was due when the first four came; the third is by the new terms
        assert (numbers.told, slow.got) == ([4, 4, 10], list(range(8)))
