"""An order that somebody decides: who takes the next message, or that time goes on."""

from __future__ import annotations

import anyio
import pytest
from stage_members import idle, of

import palleto
from palleto import Consumer, SettingError, cast, running


class Plain(Consumer):
    def __init__(self, name, log):
        self.name, self.log = name, log

    def handle_cast(self, message):
        self.log.append(f"{self.name}{message}")


class Napping(Plain):
    async def handle_cast(self, message):
        self.log.append(f"{self.name}{message}")
        await anyio.sleep(1)


def by_name(*names):
    """An order that chooses these, by name, None for time, and then whoever waits longest. It waits for each."""
    left = list(names)

    def order(waiting):
        if not left:
            return waiting[0] if waiting else None
        if left[0] is None:
            return left.pop(0)
        chosen = next((stage for stage in waiting if stage.name == left[0]), None)
        if chosen is not None:
            left.pop(0)
        return chosen

    return order


@pytest.mark.parametrize("kind", [Plain, Napping])
async def test_it_decides_message_by_message(kind):
    log = []
    stages = [kind(name, log) for name in "abc"]
    async with running(of(*stages), order=by_name("c", "a", "c", "b")):
        for number in range(2):
            for stage in stages:
                cast(stage, number)
        await anyio.sleep(20)
    assert log[:4] == ["c0", "a0", "c1", "b0"]
    assert sorted(log[4:]) == ["a1", "b1"]


async def test_who_waits_keeps_its_place_and_a_stages_messages_keep_their_order():
    log, seen = [], []

    def order(waiting):
        seen.append("".join(stage.name for stage in waiting))
        return waiting[-1] if waiting else None

    stages = [Plain(name, log) for name in "abc"]
    async with running(of(*stages), order=order):
        for stage in stages:
            cast(stage, 0)
            cast(stage, 1)
        await anyio.sleep(1)
    first, second, third = seen[0]  # trio begins tasks in an order of its own
    assert seen[1:6] == [first + second + third, first + second, first + second, first, first]
    assert log == [f"{name}{number}" for name in (third, second, first) for number in range(2)]


async def test_time_goes_on_although_somebody_could_act():
    log = []
    stage = Plain("a", log)

    async def later():
        await anyio.sleep(5)
        log.append(f"woke at {anyio.current_time():g}")

    async with running(of(stage), order=by_name(None, "a")) as top:
        cast(stage, 0)
        top.system.tasks.start_soon(later)
        await anyio.sleep(9)
    assert log == ["woke at 5", "a0"]


async def test_nobody_is_asked_after_the_end_and_what_waits_ends_too():
    log, asked = [], []

    def never(waiting):
        asked.append(len(waiting))

    stage = Plain("a", log)
    async with running(of(stage), order=never):
        cast(stage, 0)
        await anyio.sleep(1)
        before = len(asked)
        assert before
    assert len(asked) == before
    assert anyio.current_time() == 1  # it need not be cancelled, when its patience is at an end
    assert not stage.running


async def test_who_waits_for_a_turn_can_be_killed():
    log, reported, seen = [], [], []
    stage, other = Plain("a", log), Plain("b", log)

    def only_b(waiting):
        seen.append([one.name for one in waiting])
        return other if other in waiting else None

    async with running(of(stage, other), order=only_b, report=reported.append):
        cast(stage, 0)
        await anyio.sleep(1)
        assert seen[-1] == ["a"]
        stage.kill()
        cast(other, 0)
        await anyio.sleep(1)
        assert not stage.running
        assert seen[-1] == []
    assert log == ["b0"]
    assert reported == ["Plain a crashed: killed"]


async def test_what_is_no_choice_fails_the_run():
    async def run(order):
        stage = Plain("a", [])
        async with running(of(stage), order=order):
            cast(stage, 0)
            await anyio.sleep(1)

    def fails(waiting):
        raise ZeroDivisionError

    with pytest.raises(SettingError, match=r"expected the order to choose one of .* or None, got: 'a'"):
        await run(lambda waiting: "a")
    with pytest.raises(ZeroDivisionError):
        await run(fails)


def test_it_needs_virtual_time(backend):
    async def main():
        async with running(of(), order=lambda waiting: None):
            raise AssertionError("it should not begin")

    with pytest.raises(SettingError, match="expected a run on virtual time, got another; start it with"):
        palleto.run(main, backend=backend)


async def test_idle_waits_for_what_is_not_chosen():
    log = []
    stage = Plain("a", log)
    async with running(of(stage), order=by_name("a")):
        cast(stage, 0)
        await idle()
        assert log == ["a0"]
