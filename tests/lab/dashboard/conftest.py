"""Dashboards that leave no thread behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from palleto import Supervisor
from palleto.experiment import Experiment
from palleto.lab.dashboard import Dashboard


@pytest.fixture
def dash() -> Iterator[Callable[..., Dashboard]]:
    """`dash(pipeline, **settings)`: a dashboard of an experiment of these."""
    made: list[Dashboard] = []

    def make(pipeline: Callable[..., Supervisor], **settings: Any) -> Dashboard:
        made.append(Dashboard(Experiment(pipeline, **settings)))
        return made[-1]

    yield make
    for one in made:
        one.stop()
    for thread in threading.enumerate():
        if thread.name == "palleto button":  # it waits for the run's end, as the test did
            thread.join(60)
    assert not [thread for thread in threading.enumerate() if "palleto" in thread.name]
