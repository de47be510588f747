"""Solutions of lab 3's challenge: a pipeline that reaches the goal of its name."""

from functools import partial
from typing import Any

from palleto import Supervisor, child
from palleto.lab.supervision import Source, fault, pair


def under(*below: Any, strategy: Any = "rest_for_one", **settings: Any) -> Supervisor:
    return Supervisor([child(Source, fault("nothing").files()), *below], strategy=strategy, **settings)


def pairs(**terms: Any) -> list[Any]:
    return [one for number in (1, 2, 3) for one in pair(number, terms)]


def walls() -> Supervisor:
    numbers = (1, 2, 3)
    return under(*(child(Supervisor, pair(n, {}), name=f"Pipeline{n}", strategy="rest_for_one") for n in numbers))


walls_as_it_is = partial(under, *pairs())
"""The notebook's code, with its gap."""


# ---- what does not count


not_walls_one_for_one = partial(under, *pairs(), strategy="one_for_one")
not_walls_more_restarts = partial(under, *pairs(), strategy="one_for_one", max_restarts=10)
not_walls_fewer = partial(under, *pair(1, {}))
not_walls_that_stand_still = partial(under, *pairs(cancel="temporary"), strategy="one_for_one")
"""Nobody reaches the parser that was started anew, so it crashes no more."""
