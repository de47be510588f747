"""A run of step 5, and a question to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from palleto import Trace
from palleto.lab import evidence
from palleto.lab.questions import Question, question


@pytest.fixture
def five(play: Any) -> Trace:
    return play(5, seconds=100.0).trace


@pytest.fixture
def kills() -> Callable[..., Question]:
    """`kills(run)`: two are right."""

    def ask(of: Any = None, **more: Any) -> Question:
        return question(
            "How many loops are killed at the start?",
            answer=lambda trace: evidence.tally(trace, kind="loop_killed", before=1),
            of=of,
            choices=[0, 1, 2, 3],
            **more,
        )

    return ask
