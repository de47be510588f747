"""Solutions of step 4's challenges: each is a pipeline that reaches the goal of its name."""

from palleto import Supervisor, child
from steps.step4 import Consumer, Producer, Server


class Surviving(Server):
    """Has a loop that crashed started again."""

    def pull(self, count: int) -> list[str]:
        self.terminate_loops()
        self.wanted = count
        self.start_task(self.loop, restart="transient")
        return []


def survive() -> Supervisor:
    return Supervisor([child(Surviving), child(Producer), child(Consumer)], strategy="rest_for_one")
