"""A slider over one number."""

from __future__ import annotations

import re
from typing import Any

import palleto
from palleto import Supervisor, child
from palleto.lab import Experiment, figures, vary
from steps import step1


def eager(demand: int) -> Experiment:
    class Consumer(step1.Consumer):
        def init(self) -> None:
            self.subscribe("SQS.Producer", min_demand=0, max_demand=demand)

    def pipeline() -> Supervisor:
        return Supervisor([child(step1.Producer), child(Consumer)])

    return Experiment(pipeline, virtual=True, seconds=10)


def consumed(experiment: Experiment) -> int:
    return sum(len(event.ids) for event in experiment.trace.events if event.kind == "handled")


def test_the_slider_goes_from_run_to_run() -> None:
    shown = vary("max_demand", [1, 5], eager, consumed)
    assert consumed(shown.experiment) == 11  # one a second, and the one in hand at the end
    shown._slider.value = 5
    assert (shown.value, consumed(shown.experiment)) == (5, 55)
    assert "<pre>55</pre>" in shown._picture.value
    shown.set(1)
    assert "max_demand = 1" in repr(shown)


def test_the_picture_has_words() -> None:
    shown = vary("max_demand", [2], eager, figures.demand_over_time, lambda run: f"{consumed(run)} <events>")
    value = shown._picture.value
    assert 'src="data:image/png;base64,' in value
    alone = figures.demand_over_time(shown.experiment)._repr_mimebundle_()[0]["text/html"]
    (width,) = re.findall(r'width="(\d+)"', alone)
    assert f'width="{width}"' in value, "as wide as in a cell of its own"
    assert "22 &lt;events&gt;" in value
    bundle: Any = shown._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/plain"] == "<Vary max_demand = 2: 22 <events>>"


def test_a_run_that_fails_is_one_line() -> None:
    def broken() -> Supervisor:
        raise palleto.PalletoError("no pipeline")

    shown = vary("n", [1], lambda n: Experiment(broken, virtual=True), consumed)
    assert shown.line == "failed: no pipeline"
