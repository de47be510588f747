"""Tests that are coroutines: what a fixture opens is opened in the run that the test is played in."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from palleto import clock

Test = Callable[[Any], Awaitable[None]]


class Opened:
    """A fixture: `play(test)` begins a run and calls `await test(what it opened)` in it."""

    def __init__(self, play: Callable[[Test], Any]) -> None:
        self.play = play


def play(item: pytest.Function) -> bool | None:
    """For `pytest_pyfunc_call`: play a test that is a coroutine, on its backend, with what its one fixture opens."""
    if not inspect.iscoroutinefunction(item.obj):
        return None
    given = {name: item.funcargs[name] for name in inspect.signature(item.obj).parameters}
    opened = [name for name, value in given.items() if isinstance(value, Opened)]
    if not opened:
        clock.run(partial(item.obj, **given), backend=item.funcargs["backend"])
        return True
    (name,) = opened
    given.pop(name).play(lambda thing: item.obj(**given, **{name: thing}))
    return True
