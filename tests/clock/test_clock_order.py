"""A seeded run on virtual time repeats its order, to the last task."""

from __future__ import annotations

import contextlib

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
from clocks import fail, virtual


def interleaving(backend: str, seed: int | None) -> str:
    seen: list[str] = []

    async def worker(name: int) -> None:
        for turn in range(5):
            seen.append(f"{name}.{turn}@{anyio.current_time()}")
            await (anyio.sleep(1) if turn % 2 else anyio.lowlevel.checkpoint())

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for name in range(20):
                tasks.start_soon(worker, name)

    virtual(main, backend, seed)
    return "\n".join(seen)


def test_the_same_seed_gives_the_same_order(backend: str) -> None:
    assert len({interleaving(backend, 7) for _ in range(5)}) == 1
    assert interleaving(backend, None) == interleaving(backend, 0)


def test_cancelling_repeats_its_order(backend: str) -> None:
    def order() -> list[int]:
        ended: list[int] = []

        async def worker(name: int) -> None:
            with anyio.CancelScope() if name % 2 else contextlib.nullcontext():
                try:
                    await anyio.sleep_forever()
                finally:
                    ended.append(name)

        async def main() -> None:
            async with anyio.create_task_group() as tasks:
                for name in range(20):
                    tasks.start_soon(worker, name)
                await anyio.sleep(1)
                tasks.cancel_scope.cancel()

        virtual(main, backend)
        assert sorted(ended) == list(range(20))
        return ended

    kept = []  # objects in between, so that addresses differ from run to run
    orders = []
    for number in range(10):
        orders.append(order())
        kept.append([object() for _ in range(number * 7)])
    assert orders == orders[:1] * 10


def test_seeds_explore_other_orders_on_trio() -> None:
    assert len({interleaving("trio", seed) for seed in range(10)}) == 10
    assert interleaving("asyncio", 1) == interleaving("asyncio", 2)


def test_trio_is_left_as_it_was() -> None:
    from trio._core import _run

    before = _run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r.getstate()
    interleaving("trio", 3)
    with pytest.raises(ZeroDivisionError):
        virtual(fail, "trio")
    assert (_run._ALLOW_DETERMINISTIC_SCHEDULING, _run._r.getstate()) == before
