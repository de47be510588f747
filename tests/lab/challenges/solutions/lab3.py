"""Solutions of lab 3's challenge: a pipeline that reaches the goal of its name."""

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


def walls_as_it_is() -> Supervisor:
    """The notebook's code, with its gap."""
    return under(*pairs())


# ---- what does not count


def not_walls_one_for_one() -> Supervisor:
    return under(*pairs(), strategy="one_for_one")


def not_walls_more_restarts() -> Supervisor:
    return under(*pairs(), strategy="one_for_one", max_restarts=10)


def not_walls_fewer() -> Supervisor:
    return under(*pair(1, {}))


def not_walls_that_stand_still() -> Supervisor:
    """Nobody reaches the parser that was started anew, so it crashes no more."""
    return under(*pairs(cancel="temporary"), strategy="one_for_one")
