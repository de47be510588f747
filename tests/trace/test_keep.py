"""How many trace events a recorder keeps: all, none, or the first so many. Listeners hear all."""

from __future__ import annotations

import anyio
import pytest

from palleto import Consumer, Producer, Recorder, Supervisor, child, running


class Numbers(Producer):
    name = "numbers"

    def handle_demand(self, demand):
        return list(range(demand))


class Slow(Consumer):
    def init(self):
        self.subscribe("numbers", max_demand=2)

    async def handle_events(self, events):
        await anyio.sleep(1)


@pytest.mark.parametrize(("keep", "kept"), [(True, None), (False, 0), (4, 4)])
async def test_the_first_so_many_are_kept_and_listeners_hear_all(keep, kept):
    recorder, heard = Recorder(keep=keep), []
    recorder.listeners.append(heard.append)
    async with running(Supervisor([child(Numbers), child(Slow)]), recorder=recorder):
        await anyio.sleep(3.5)
    assert len(heard) > 10
    assert recorder.events == heard[:kept]
