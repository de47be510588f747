"""What spins for ever on virtual time (a source that always answers at once) is one clear error, after many turns."""

# ruff: noqa: PT012 -- what raises here is a whole `async with`

from __future__ import annotations

import anyio
import pytest
from stage_members import Numbers, Passing, Sink, of

from palleto import (
    DemandError,
    EndlessError,
    Producer,
    Supervisor,
    async_info,
    cast,
    child,
    clock,
    running,
)
from palleto.runtime.pump import MAX_TURNS

LIMIT = 3000


class Endless(Producer):
    name = "endless"

    def handle_demand(self, demand):
        return [0] * demand


class AsyncEndless(Endless):
    async def handle_demand(self, demand):
        return [0] * demand


class Counting(Sink):
    name = "counting"

    def handle_events(self, events):
        self.got += [len(events)]


class AsyncCounting(Counting):
    async def handle_events(self, events):
        self.got += [len(events)]


@pytest.mark.parametrize(
    ("source", "sink", "waits"),
    [
        (Endless, Counting, True),
        (Endless, Counting, False),
        (AsyncEndless, Counting, False),
        (Endless, AsyncCounting, False),
        (AsyncEndless, AsyncCounting, True),
    ],
)
async def test_an_endless_source(source, sink, waits):
    ended = []

    class Source(source):
        def terminate(self, reason):
            ended.append(reason)

    counting = sink("endless", max_demand=10)
    quiet = Numbers(3, name="quiet")
    with pytest.raises(EndlessError) as caught:
        async with running(of(Source(), counting, quiet, Sink("quiet")), max_turns=LIMIT):
            if waits:
                await anyio.sleep(1)
            await anyio.sleep_forever()
    assert str(caught.value) == (
        "expected virtual time to move, got 3,000 turns of counting, endless at 0.000 s: a source that always answers "
        "at once is endless, and so is a stage that casts to itself; let it wait or end, or give "
        "running(max_turns=...) more"
    )
    assert caught.value.stages == ["counting", "endless"]
    assert ended == ["shutdown"]
    assert anyio.current_time() == 0
    assert LIMIT / 4 < len(counting.got) < LIMIT * 2


async def test_it_is_endless_after_a_while():
    class Later(Endless):
        async def handle_demand(self, demand):
            if anyio.current_time() < 5:
                await anyio.sleep(1)
            return [0] * demand

    with pytest.raises(EndlessError, match=r" at 5\.000 s: "):
        async with running(of(Later(), Counting("endless")), max_turns=LIMIT):
            await anyio.sleep(60)


async def test_a_run_whose_time_moves_may_take_any_number_of_turns():
    class Slow(Endless):
        async def handle_demand(self, demand):
            await anyio.sleep(0.01)
            return [0] * demand

    counting = Counting("endless", max_demand=1)
    async with running(of(Slow(), counting), max_turns=10):
        await anyio.sleep(2)
        assert len(counting.got) > 100


class Again(Producer):
    """Says the same to itself over and over."""

    name = "again"

    def __init__(self):
        self.heard = 0

    def handle_demand(self, demand):
        """Never asked."""

    def handle_cast(self, message):
        self.heard += 1
        if self.heard < 10_000:
            message(self, message)


class AsyncAgain(Again):
    async def handle_cast(self, message):
        super().handle_cast(message)


@pytest.mark.parametrize("source", [Again, AsyncAgain])
@pytest.mark.parametrize("say", [cast, async_info])
async def test_a_stage_that_casts_to_itself(source, say):
    again, reported = source(), []
    with pytest.raises(EndlessError) as caught:
        async with running(Supervisor([child(lambda: again)]), max_turns=LIMIT, report=reported.append):
            cast(again, say)
            await anyio.sleep(1)
    assert caught.value.stages == ["again"]
    assert LIMIT * 0.9 < again.heard < LIMIT * 1.1
    assert anyio.current_time() == 0
    assert "crashed: EndlessError: expected virtual time to move" in reported[0]  # and so says the log, with the line


async def test_a_stage_may_cast_to_itself_as_often_as_it_likes_where_nobody_counts():
    again = Again()
    async with running(of(again), max_turns=None):
        cast(again, cast)
        await anyio.sleep(1)
    assert again.heard == 10_000


@pytest.mark.parametrize("source", [Again, AsyncAgain])
async def test_a_stage_that_casts_to_itself_lets_the_others_have_their_turns(source):
    again, other = source(), Again()
    async with running(Supervisor([child(lambda: again), child(lambda: other, name="other")]), max_turns=None):
        cast(again, cast)
        cast(other, lambda *_: heard.append(again.heard))
        heard = []
        await anyio.sleep(1)
    assert heard[0] < 1000


async def test_a_long_source_is_not_endless():
    sink = Sink("passing", max_demand=1)
    async with running(of(Numbers(5000), Passing(max_demand=1), sink), max_turns=25_000):
        await anyio.sleep(1)
        assert len(sink.got) == 5000


def test_in_real_time_nothing_is_counted(backend):
    class Last(Counting):
        def handle_events(self, events):
            super().handle_events(events)
            if len(self.got) == 1000:
                self.enough.set()

    async def main():
        last = Last("endless", max_demand=1)
        last.enough = anyio.Event()
        async with running(of(Endless(), last), max_turns=10):
            await last.enough.wait()

    clock.run(main, backend=backend)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "many"])
async def test_a_wrong_limit(wrong):
    with pytest.raises(DemandError, match="expected max_turns to be a whole number of 1 or more"):
        async with running(Supervisor([child(Endless)]), max_turns=wrong):
            raise AssertionError


def test_the_limit_lets_a_million_events_pass():
    """One by one through three stages: four turns each."""
    assert MAX_TURNS > 4 * 1_000_000
