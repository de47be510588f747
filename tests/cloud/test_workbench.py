"""Room for one small piece of work at a time, taken by nobody who waits; large work needs none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from threading import Barrier, Thread
from time import sleep

import pytest

from palleto.cloud.workbench import SMALL, Workbench


def taken(workbench: Workbench) -> bool:
    return repr(workbench) == "<Workbench: taken>"


def test_a_chunk_has_room_until_the_next_is_asked_for() -> None:
    workbench = Workbench()

    def from_the_server() -> Iterator[bytes]:
        for chunk in (b"a", b"b"):
            assert not taken(workbench)  # here somebody would wait for an answer
            yield chunk
        assert not taken(workbench)

    with workbench.chunks(from_the_server(), 2) as chunks:
        for chunk in chunks:
            assert (chunk, taken(workbench)) in ((b"a", True), (b"b", True))
    assert not taken(workbench)


def test_work_that_fails_leaves_its_room_while_its_error_is_still_kept() -> None:
    workbench = Workbench()

    def fail(chunks: Iterator[bytes]) -> None:
        raise ValueError(f"bad: {next(chunks)!r}")

    with pytest.raises(ValueError, match="bad") as error, workbench.chunks(iter([b"a", b"b"]), 2) as chunks:
        fail(chunks)
    assert error.value.__traceback__ is not None
    assert not taken(workbench)


def test_a_server_that_fails_leaves_no_room_taken() -> None:
    workbench = Workbench()

    def broken() -> Iterator[bytes]:
        yield b"a"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"), workbench.chunks(broken(), 2) as chunks:
        list(chunks)
    assert not taken(workbench)


def worked(workbench: Workbench, size: int, meet: Callable[[], object]) -> list[int]:
    """How many of three threads were at work at one time, as each of them saw it two hundred times."""
    inside: set[int] = set()
    seen: list[int] = []

    def work(number: int) -> None:
        for _ in range(200):
            with workbench.room(size):
                inside.add(number)
                meet()
                seen.append(len(inside))
                meet()
                inside.discard(number)

    threads = [Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return seen


def test_small_work_is_done_alone() -> None:
    assert worked(Workbench(), SMALL, partial(sleep, 0)) == [1] * 600


def test_large_work_is_done_side_by_side() -> None:
    all_three = Barrier(3, timeout=10)  # which none of them would pass alone
    assert max(worked(Workbench(), SMALL + 1, all_three.wait)) == 3
