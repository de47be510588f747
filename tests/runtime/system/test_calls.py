"""Calls: their answer, their time-out, and a stage that dies."""

from __future__ import annotations

import anyio
import pytest
from stage_members import Numbers, of

from palleto import NotFoundError, Producer, Supervisor, call, cast, child, running
from palleto.runtime import Observer


async def test_call_timeout():
    class Late(Numbers):
        async def handle_call(self, message):
            await anyio.sleep(message)
            return message, []

    async with running(of(Late())):
        assert await call("numbers", 4.5) == 4.5
        with pytest.raises(TimeoutError):
            await call("numbers", 6)
        assert anyio.current_time() == 9.5
        assert await call("numbers", 1) == 1  # the answer that came too late disturbs nobody
        with pytest.raises(TimeoutError) as caught:
            await call("numbers", 1, timeout=0.5)
        assert str(caught.value) == (
            "expected Late numbers to answer 1 within 0.5 s, but it waits in its handle_call; give call(timeout=...) "
            "more, or let handle_call return a Reply and answer later"
        )


@pytest.mark.parametrize("how", ["ended", "crash", "crash before", "kill"])
async def test_call_to_a_stage_that_dies(how):
    class Late(Numbers):
        async def handle_cast(self, message):
            await anyio.sleep(1)
            raise ValueError(message)

    numbers = Late()
    async with running(of(numbers), report=lambda line: None):
        if how == "ended":
            await numbers.end()
        if how in ("crash before", "kill"):
            cast(numbers, "before")
            await anyio.sleep(0.5)
        if how == "kill":
            numbers.kill()
        with pytest.raises(NotFoundError, match=r"expected Late numbers to answer, but it has ended: .+"):
            await call(numbers, "crash")
        assert anyio.current_time() == {"crash before": 1, "kill": 0.5}.get(how, 0)


async def test_call_that_is_answered_before_the_crash():
    class Raises(Observer):
        def returned(self, stage, callback, argument):
            raise ValueError(callback)

    numbers = Numbers()
    async with running(of(numbers), recorder=Raises(), report=lambda line: None):
        assert await call("numbers", 1) == 1
        assert not numbers.running


async def test_call_to_a_stage_whose_init_failed():
    class Broken(Producer):
        def init(self):
            raise RuntimeError("no")

    async with running(Supervisor()) as top:
        broken = Broken()
        with pytest.raises(RuntimeError, match="no"):
            top.start_child(child(lambda: broken))
        with pytest.raises(NotFoundError, match="it has ended"):
            await call(broken, "anybody there?")
        assert anyio.current_time() == 0
