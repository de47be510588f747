"""`self.after(seconds, message)`: the message comes to `handle_cast` then, unless it is cancelled or its stage ends."""

from __future__ import annotations

import math

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage_members import Quiet, Sink, idle, of, stages

import palleto
from palleto import NotFoundError, Producer, SettingError, StandstillError, Supervisor, System, child, running


class Alarm(Quiet):
    """Writes down what it hears, and when."""

    name = "alarm"

    def __init__(self, *times):
        super().__init__()
        self.times, self.heard = times, []

    def init(self):
        self.timers = [self.after(seconds, seconds) for seconds in self.times]

    def handle_cast(self, message):
        self.heard.append((self.system.now(), message))


class AsyncAlarm(Alarm):
    async def handle_cast(self, message):
        self.heard.append((self.system.now(), message))


@pytest.mark.parametrize("kind", [Alarm, AsyncAlarm])
async def test_each_message_comes_at_its_time_and_of_two_at_once_the_first_comes_first(kind):
    alarm = kind(3, 1, 2, 1.0, 0)
    async with stages(alarm):
        assert repr(alarm.timers[0]) == "<Timer of alarm, due in 3.000 s>"
        assert len(alarm.system.timers) == 5
        await anyio.sleep(2.5)
        assert [timer.active for timer in alarm.timers] == [True, False, False, False, False]
        assert alarm.system.timers.next == alarm.system.started + 3
        await anyio.sleep(1)
    assert alarm.heard == [(0, 0), (1, 1), (1, 1.0), (2, 2), (3, 3)]
    assert [type(message) for _, message in alarm.heard[1:3]] == [int, float]
    assert repr(alarm.timers[0]) == "<Timer of alarm, over>"


async def test_a_cancelled_one_never_comes():
    alarm = Alarm(1, 2)
    async with stages(alarm):
        first, second = alarm.timers
        await anyio.sleep(1.5)
        assert (first.left, second.left) == (0, 0.5)
        assert (first.cancel(), second.cancel(), second.cancel()) == (False, True, False)
        assert (first.left, second.left) == (0, 0)
        await anyio.sleep(5)
    assert alarm.heard == [(1, 1)]


@pytest.mark.parametrize("how", ["end", "kill"])
async def test_they_end_with_their_stage_and_reach_none_that_takes_its_place(how):
    lives = []

    class Weak(Alarm):
        def __init__(self):
            super().__init__(*([] if lives else [2]))
            lives.append(self)

    async with running(Supervisor([child(Weak)])) as top:
        await anyio.sleep(1)
        weak, refused = lives[0], []
        top.system.on_refused.append(refused.append)
        if how == "end":
            await weak.end()
        else:
            weak.kill()
        await anyio.sleep(10)
        assert (weak.heard, refused, weak.timers[0].active, len(top.system.timers)) == ([], [], False, 0)
        assert weak.timers[0].cancel() is False
    assert [life.heard for life in lives] == [[]] * len(lives)


async def test_the_same_stage_started_again_hears_nothing_of_its_former_life():
    alarm = Alarm(2)
    async with running(Supervisor([child(lambda: alarm)])):
        await anyio.sleep(1)
        await alarm.end()
        await anyio.sleep(5)
        assert alarm.heard == [(3, 2)]


def test_neither_a_run_nor_its_drain_nor_its_end_waits_for_them(go):
    async def main():
        async with running(of(Alarm(10), Sink("alarm"))):
            await idle()
            await System.current().drain()
            assert System.current().now() == 0
        return anyio.current_time()

    assert go(main) == 0


async def test_a_drain_cancels_a_producers_timers_and_no_others():
    """A source that ticks has stopped then, though its last tick makes another."""

    class Ticking(Quiet):
        def init(self):
            self.rate(1, 1)
            self.after(1, "tick")

        async def handle_cast(self, message):
            await anyio.sleep(0.5)
            self.timer = self.after(1, "tick")
            return ["a", "b"]

    class Listening(Sink):
        def init(self):
            super().init()
            self.timer = self.after(100, "later")

    source, sink = Ticking(), Listening("quiet")
    async with stages(source, sink) as world:
        await anyio.sleep(3.2)
        await System.current().drain()
        assert (source.timer.active, sink.timer.active) == (False, True)
        assert sink.got == ["a", "b"] * (len(sink.got) // 2)
        assert len(sink.got) >= 4
        await anyio.sleep(10)
    assert world.lost == []


def test_virtual_time_does_not_jump_to_one_that_nobody_waits_for(go):
    async def main():
        alarm = Alarm(50, 100)
        try:
            async with running(of(alarm)):
                for timer in alarm.timers:
                    timer.cancel()
                await anyio.sleep_forever()
        finally:
            assert anyio.current_time() == 0

    with pytest.raises(StandstillError):
        go(main)


async def test_a_thousand_are_no_thousand_tasks_and_are_forgotten_when_cancelled():
    class Counting:
        started = 0

        def __init__(self, tasks):
            self.tasks = tasks

        def start_soon(self, *arguments, **names):
            Counting.started += 1
            self.tasks.start_soon(*arguments, **names)

    alarm, number = Alarm(), 1000
    async with running(of(alarm)):
        system = System.current()
        await idle()
        system.tasks = Counting(system.tasks)
        timers = [alarm.after(1 + (turn * 7919 % number) / number, turn) for turn in range(number)]
        assert (Counting.started, len(system.timers)) == (1, number)
        for timer in timers[::2]:
            timer.cancel()
        await anyio.sleep(3)
        assert len(system.timers) == 0
    assert sorted(turn for _, turn in alarm.heard) == list(range(1, number, 2))
    assert alarm.heard == sorted(alarm.heard, key=lambda heard: heard[0])


@given(st.lists(st.tuples(st.sampled_from(["after", "cancel", "sleep"]), st.integers(0, 5)), max_size=40))
def test_any_mix_sends_each_that_is_not_cancelled_once_and_in_time(moves):
    async def main():
        alarm, due = Alarm(), {}
        async with running(of(alarm)) as top:
            await idle()
            for turn, (move, number) in enumerate(moves):
                if move == "after":
                    due[turn] = alarm.after(number, turn), top.system.now() + number
                elif move == "sleep":
                    await anyio.sleep(number)
                elif due:
                    at = list(due)[number % len(due)]
                    if due[at][0].cancel():
                        del due[at]
            await anyio.sleep(10)
        wanted = sorted(due, key=lambda turn: (due[turn][1], turn))
        assert alarm.heard == [(due[turn][1], turn) for turn in wanted]

    palleto.run(main, time="virtual")


@pytest.mark.parametrize("seconds", [-1, -0.1, math.nan, math.inf, "1", None, True])
async def test_other_numbers_of_seconds_are_refused(seconds):
    alarm = Alarm()
    async with stages(alarm):
        with pytest.raises(SettingError, match="expected seconds to be a number of 0 or more, got: "):
            alarm.after(seconds, "late")
        assert len(alarm.system.timers) == 0


async def test_a_stage_that_does_not_run_has_no_timers():
    alarm = Alarm()
    with pytest.raises(NotFoundError, match=r"expected <Alarm alarm .* told something later, but it has not begun"):
        alarm.after(1, "late")
    async with stages(alarm):
        pass
    with pytest.raises(NotFoundError, match="told something later, but it has ended"):
        alarm.after(1, "late")


async def test_a_timer_made_while_the_run_ends_does_not_keep_it():
    class Last(Producer):
        def terminate(self, reason):
            self.timer = self.after(100, "too late")

    last = Last()
    async with running(of(last)):
        await idle()
    assert not last.timer.active
