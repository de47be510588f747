"""A slider over one number."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

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
    alone = figures.demand_over_time(shown.experiment)._repr_mimebundle_()["text/html"]
    head = alone[: alone.index(">") + 1]
    assert head in value, "as it is in a cell of its own"
    assert "22 &lt;events&gt;" in value
    assert shown._repr_mimebundle_()["text/plain"] == "<Vary max_demand = 2: 22 <events>>"


def test_another_figure_is_an_image_with_the_words_of_the_run() -> None:
    shown = vary("max_demand", [2], eager, lambda run: Figure(figsize=(5, 2)), lambda run: "a < b")
    assert 'src="data:image/png;base64,' in shown._picture.value
    assert 'width="360" alt="a &lt; b"' in shown._picture.value


def test_a_run_that_fails_is_one_line() -> None:
    def broken() -> Supervisor:
        raise palleto.PalletoError("no pipeline")

    shown = vary("n", [1], lambda n: Experiment(broken, virtual=True), consumed)
    assert shown.line == "failed: no pipeline"


def test_what_makes_or_shows_no_experiment_is_refused() -> None:
    for run, show, complaint in (
        (None, consumed, "expected a function that makes the experiment for a value of n, got: None"),
        (lambda n: 5, consumed, "expected an experiment for n = 1, got: 5"),
        (eager, None, "expected a function that shows an experiment, such as a figure, got: None"),
    ):
        with pytest.raises(palleto.SettingError, match=complaint):
            vary("n", [1], run, show)
