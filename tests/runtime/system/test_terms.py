"""What an experiment asks of a run before it starts: on which terms stages subscribe, and with which children."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from palleto import Consumer, Producer, Recorder, SettingError, Supervisor, child, running
from palleto.core import Terms


class Numbers(Producer):
    name = "numbers"

    def __init__(self):
        self.told = []

    def handle_demand(self, demand):
        self.told.append(demand)
        return [0] * demand


class Slow(Consumer):
    def init(self):
        self.subscribe("numbers", max_demand=4, min_demand=1)

    async def handle_events(self, events):
        await anyio.sleep(1)


class Begun(Recorder):
    """Sets `on_terms` as the run begins."""

    def __init__(self, terms):
        super().__init__()
        self.terms = terms

    def attached(self, system):
        super().attached(system)
        system.on_terms = self.terms


async def test_stages_subscribe_on_the_terms_that_the_run_gives_them():
    heard = []

    def other(own: Terms) -> Terms:
        heard.append(own)
        return replace(own, max_demand=3, min_demand=0)

    top = Supervisor([child(Numbers), child(Slow)])
    async with running(top, recorder=Begun(other)):
        await anyio.sleep(0.5)
        numbers, slow = (spec.process for spec in top.children)
        assert numbers.told == [3]
        (window,) = slow.core.windows.values()
        assert (window.most, window.least) == (3, 0)
        slow.kill()  # the one that is started for it asks on the same terms
        await anyio.sleep(0.5)
        assert numbers.told == [3, 3]
    assert [(own.max_demand, own.min_demand) for own in heard] == [(4, 1), (4, 1)]


async def test_children_may_be_others_until_it_starts():
    top = Supervisor([child(Numbers)])
    top.children = [*top.children, child(Slow)]
    async with running(top):
        await anyio.sleep(0.5)
        assert len(top.children) == 2
        assert all(spec.process.running for spec in top.children)
        with pytest.raises(SettingError, match="not to run yet; use start_child and stop_child"):
            top.children = []
        assert len(top.children) == 2
