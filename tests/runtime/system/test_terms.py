"""What an experiment asks of a run before it starts: on which terms stages subscribe, and with which children."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest
from stage_members import Numbers, Slow

from palleto import SettingError, Supervisor, child, running
from palleto.runtime import Observer


class Begun(Observer):
    """Sets `on_terms` as the run begins."""

    def __init__(self, terms):
        self.terms = terms

    def attached(self, system):
        system.on_terms = self.terms


async def test_stages_subscribe_on_the_terms_that_the_run_gives_them():
    heard = []

    def other(own):
        heard.append((own.max_demand, own.min_demand))
        return replace(own, max_demand=3, min_demand=0)

    top = Supervisor([child(Numbers), child(Slow, min_demand=1)])
    async with running(top, observers=[Begun(other)]):
        await anyio.sleep(0.5)
        numbers, slow = (spec.process for spec in top.children)
        assert numbers.told == [3]
        (window,) = slow.core.windows.values()
        assert (window.most, window.least) == (3, 0)
        slow.kill()  # the one that is started for it asks on the same terms
        await anyio.sleep(0.5)
        assert numbers.told == [3, 3]
    assert heard == [(4, 1), (4, 1)]


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
