"""One number varied: a run for each of its values.

runs = Variation("max_demand", [1, 2, 5, 10, 20], lambda n: Experiment(eager(n), virtual=True, seconds=100))
runs.at(5)                                   # the experiment, which has run
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from palleto.errors import SettingError
from palleto.experiment.experiment import Experiment

LONGEST = 60.0
"""Real seconds that are waited for the end of a run."""


class Variation:
    """Runs for `values` (one or more) of the number called `name`. A run is made when it is asked for, and kept.

    run: makes the experiment for a value; it should end by itself (`seconds`, `until`), and soon (`virtual=True`).

    Raises SettingError for no values, or for what makes no experiment.
    """

    def __init__(self, name: str, values: Sequence[Any], run: Callable[[Any], Experiment]) -> None:
        if not values:
            raise SettingError(f"expected one or more values of {name}, got: none")
        if not callable(run):
            raise SettingError(f"expected a function that makes the experiment for a value of {name}, got: {run!r:.60}")
        self.name, self.values = name, list(values)
        self._run = run
        self._runs: dict[Any, Experiment] = {}

    def at(self, value: Any) -> Experiment:
        """The run for a value, at its end."""
        if value not in self._runs:
            experiment = self._run(value)
            if not isinstance(experiment, Experiment):
                raise SettingError(f"expected an experiment for {self.name} = {value!r}, got: {experiment!r:.60}")
            experiment.start().join(LONGEST)
            self._runs[value] = experiment
        return self._runs[value]
