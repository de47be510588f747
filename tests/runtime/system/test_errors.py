"""What comes out of `running`."""

# ruff: noqa: PT012 -- what raises here is a whole `async with` or `async for`

from __future__ import annotations

import anyio
import pytest
from stage_members import Numbers, Slow, of
from workers import FOUR, workers

from palleto import PalletoError, SettingError, Supervisor, cast, running


class OwnError(Exception):
    pass


@pytest.mark.parametrize("error", [OwnError("as it is"), PalletoError("one of ours"), TimeoutError()])
async def test_an_error_of_the_body_arrives_as_itself(error):
    slow = Slow()
    with pytest.raises(type(error)) as caught:
        async with running(of(Numbers(), slow)):
            await anyio.sleep(2.5)
            raise error
    assert caught.value is error
    assert slow.ended == ["shutdown"]


@pytest.mark.parametrize("top", [None, Numbers])
async def test_what_is_no_process_is_refused(top):
    with pytest.raises(SettingError, match=r"expected a stage or a supervisor to run, got: (None|<class .*Numbers'>)"):
        async with running(top):
            pass


async def test_a_top_stage_that_crashes_ends_the_body():
    with pytest.raises(PalletoError, match=r"<Numbers numbers not running> crashed: ValueError\('oh'\)") as caught:
        async with running(Numbers(), report=lambda line: None):
            cast("numbers", "oh")
            await anyio.sleep_forever()
    assert repr(caught.value.__cause__) == "ValueError('oh')"
    assert anyio.current_time() == 0


async def test_a_top_stage_that_ends_normally_leaves_the_body_alone():
    async with running(Numbers()) as top:
        top.stop()
        await top.wait()
        await anyio.sleep(1)
    assert anyio.current_time() == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_ctrl_c_in_a_callback_ends_the_run_as_it_should(go, error):
    class Interrupted(Numbers):
        def handle_cast(self, message):
            raise error

        def terminate(self, reason):
            self.ended = reason

    slow, numbers = Slow(), Interrupted()

    async def main():
        async with running(of(numbers, slow), report=lambda line: None):
            await anyio.sleep(2.5)
            cast(numbers, 1)
            await anyio.sleep_forever()

    with pytest.raises(error):
        go(main)
    assert (numbers.running, slow.running) == (False, False)
    assert [numbers.ended, *slow.ended] == ["shutdown"] * 2


async def test_of_two_failures_the_first_is_raised():
    with pytest.raises(PalletoError, match="the first"):
        async with running(Numbers(), report=lambda line: None) as top:
            Numbers(name="other").start(top.system, top.system)
            await top.system.idle()
            cast("other", "the first")
            cast("numbers", "the second")
            await anyio.sleep_forever()


async def test_what_still_runs_at_the_end_is_closed_in_reverse_order_of_its_start():
    log = []

    async with running(Supervisor()) as top:
        for spec in workers(log, **FOUR):
            spec.start(top.system, top.system)
    assert log == ["+a", "+b", "+c", "+d", "-d", "-c", "-b", "-a"]
