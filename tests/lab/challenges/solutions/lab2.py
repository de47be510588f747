"""Solutions of lab 2's challenge: a pipeline that reaches the goal of its name."""

from palleto import Supervisor, child, whereis
from palleto.files import count_lines
from steps import step9


class Gathering(step9.Consumer):
    """The notebook's consumer, with its gap."""

    most = 5

    def init(self):
        super().init()
        self.done = []

    async def handle_events(self, downloads):
        await self.warehouse.write_each([(event.key, path) for event, path in downloads], count_lines)
        self.done += [event for event, _ in downloads]
        if len(self.done) >= self.most:
            await self.delete()

    async def delete(self):
        done, self.done = self.done, []
        await whereis("SQS.Server").release(done)


class Consumer(Gathering):
    async def handle_drain(self):
        await self.delete()


class OneByOne(Gathering):
    most = 1


def with_consumer(consumer):
    def pipeline(warehouse) -> Supervisor:
        below = [child(stage, warehouse, "Pipeline1", 1) for stage in (step9.ProducerConsumer, consumer)]
        return Supervisor([child(step9.Server, warehouse), child(step9.Producer), *below])

    return pipeline


gathered = with_consumer(Consumer)
gathered_as_it_is = with_consumer(Gathering)


# ---- what does not count

not_gathered_one_by_one = with_consumer(OneByOne)
