"""Solutions of step 2's challenges: each is a pipeline that reaches the goal of its name."""

from palleto import Supervisor, cast, child
from steps.step2 import Consumer, Producer, Server


class Scarce(Server):
    """Looks until all is found."""

    async def loop(self, wanted: int) -> None:
        while wanted > 0:
            found = ["hey"] * min(wanted, 7)
            cast("SQS.Producer", ("enqueue", found))
            wanted -= len(found)


def all_met() -> Supervisor:
    return Supervisor([child(Scarce), child(Producer), child(Consumer)], strategy="rest_for_one")
