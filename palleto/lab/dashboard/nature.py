"""What can be said of a pipeline before it runs: its queue, its server loops, its copies, and what they ask for."""

from __future__ import annotations

import inspect
import logging
import threading
from typing import Any

import anyio

from palleto.core import Terms
from palleto.experiment import Experiment
from palleto.program import UNHEARD, Options
from palleto.runtime import Observer, Supervisor, System, TaskSupervisor, describe, running

LONGEST = 2.0
"""Real seconds that are waited for a pipeline to come up without its run."""


class Nature:
    """Made by a pipeline that starts and ends at once, in a thread of its own, before it has asked for anything.

    has_queue, has_loops: whether it has a queue, and tasks in a task supervisor.
    noun, copies: "pipelines" or "consumers", whichever its last children are, and how many (None: unknown).
    max_demand:   the most that one of its stages asks for (None: unknown).
    error:        why something is unknown, in one line; empty if nothing is.

    The pipeline has no warehouse then: one that needs it to start shows the rest when it runs.
    """

    def __init__(self, experiment: Experiment) -> None:
        takes = inspect.signature(experiment.pipeline).parameters
        self.has_queue = "warehouse" in takes
        self.has_loops = False
        self.noun = "consumers"
        self.copies: int | None = None
        self.max_demand: int | None = None
        self.error = ""
        arguments: dict[str, Any] = {"warehouse": None} if self.has_queue else {}
        try:
            options = Options(**experiment.options)
            arguments |= {name: getattr(options, name) for name in ("pipelines", "max_demand") if name in takes}
            top = experiment.pipeline(**arguments)
            makes = [spec.make for spec in top.children]
        except Exception as error:
            self.error = describe(error)
            return
        kinds = [make for make in makes if isinstance(make, type)]
        self.has_loops = any(issubclass(kind, TaskSupervisor) for kind in kinds)
        if makes:
            self.copies = makes.count(makes[-1])
            self.noun = (
                "pipelines" if isinstance(makes[-1], type) and issubclass(makes[-1], Supervisor) else "consumers"
            )
        glance = threading.Thread(target=anyio.run, args=(self._glance, top), name="palleto nature", daemon=True)
        glance.start()
        glance.join(LONGEST)

    async def _glance(self, top: Supervisor) -> None:
        logging.getLogger("palleto").addHandler(UNHEARD)  # without its warehouse a pipeline may crash
        try:
            async with running(top, recorder=_Terms(self._heard), say=_nobody, report=_nobody):
                pass
        except Exception as error:
            self.error = describe(error)

    def _heard(self, terms: Terms) -> Terms:
        self.max_demand = max(self.max_demand or 0, terms.max_demand)
        return terms


class _Terms(Observer):
    """Hears on which terms stages subscribe."""

    def __init__(self, hear: Any) -> None:
        self.hear = hear

    def attached(self, system: System) -> None:
        system.on_terms = self.hear


def _nobody(line: str) -> None:
    """Takes a line that nobody is to see."""
