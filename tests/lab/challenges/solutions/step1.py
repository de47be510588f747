"""Solutions of step 1's challenges: each is a pipeline that reaches the goal of its name."""

from palleto import Supervisor, child
from steps.step1 import Consumer, Producer


class Frugal(Consumer):
    """Asks for twice as many at a time."""

    def init(self) -> None:
        self.subscribe("SQS.Producer", min_demand=0, max_demand=20)


def asked_less() -> Supervisor:
    return Supervisor([child(Producer), child(Frugal)])
