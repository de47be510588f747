"""Solutions of step 9's challenges: each is a pipeline that reaches the goal of its name."""

from palleto import BadFile, Supervisor, child, whereis
from palleto.files import count_lines
from steps.step9 import Consumer, Producer, ProducerConsumer, Server, pipeline


class Batching(Consumer):
    """Releases the messages of a batch together."""

    async def handle_events(self, downloads) -> None:
        written = await self.warehouse.write_each([(event.key, path) for event, path in downloads], count_lines)
        done = []
        for (event, _), result in zip(downloads, written, strict=True):
            if isinstance(result, BadFile):
                self.warehouse.leases.reject(event, result)
            else:
                done.append(event)
        await whereis("SQS.Server").release(done)


class Pair(Supervisor):
    def __init__(self, warehouse, name: str) -> None:
        super().__init__([child(stage, warehouse, name, 4) for stage in (ProducerConsumer, Batching)], name=name)


def no_stall(warehouse) -> Supervisor:
    return pipeline(warehouse)


def half(warehouse) -> Supervisor:
    pairs = [child(Pair, warehouse, f"Pipeline{number}") for number in (1, 2, 3)]
    return Supervisor([child(Server, warehouse), child(Producer), *pairs], strategy="rest_for_one")
