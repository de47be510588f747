"""Two more trees: step 9's own and the talk's, with settings of the learner's in the place of theirs.

Each takes a warehouse in the place of the files: theirs are in a bucket, and a message that is lost comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from palleto.cloud.warehouse import Warehouse
from palleto.lab.talk import talk_step9
from palleto.runtime import Process, Supervisor, child
from steps import step9


def step_9(warehouse: Warehouse, terms: dict[str, Any], **settings: Any) -> Supervisor:
    """Our step 9: it rejects a file that it cannot read, and no stage crashes over it."""
    return tree_of(step9, warehouse, terms, settings)


def talk_9(warehouse: Warehouse, terms: dict[str, Any], **settings: Any) -> Supervisor:
    """The talk's step 9: a stage crashes over a file that it cannot read."""
    return tree_of(talk_step9, warehouse, terms, settings)


def tree_of(step: ModuleType, warehouse: Warehouse, terms: dict[str, Any], settings: dict[str, Any]) -> Supervisor:
    """The tree of a step like step 9: a source, and three pipelines with a supervisor each."""
    stages = [on_terms(stage, terms) for stage in (step.ProducerConsumer, step.Consumer)]

    def pipeline(name: str) -> Supervisor:
        return Supervisor([child(stage, warehouse, name, 1) for stage in stages], name=name, **settings)

    below = [child(pipeline, f"Pipeline{number}") for number in (1, 2, 3)]
    return Supervisor([child(step.Server, warehouse), child(step.Producer), *below], name="Top", **settings)


def on_terms(stage: Callable[..., Process], terms: dict[str, Any]) -> Callable[..., Process]:
    """A stage of a step, whose subscriptions take `terms` besides what the step says."""

    class OnTerms(stage):  # type: ignore[misc, valid-type]  # of the step's own stage
        def subscribe(self, to: Any, **own: Any) -> Any:
            return super().subscribe(to, **own, **terms)

    OnTerms.__name__ = getattr(stage, "__name__", "Stage")
    return OnTerms
