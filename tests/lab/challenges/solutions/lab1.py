"""Solutions of lab 1's challenges: each is a pipeline that reaches the goal of its name."""

from palleto import Supervisor, child, say
from palleto.lab.talk import talk_step8
from palleto.lab.talk.talk_step8 import Producer, ProducerConsumer


class Server(talk_step8.Server):
    """Its loops are started again, and pass over what they cannot read."""

    def pull(self, count):
        self.terminate_loops()
        self.wanted = count
        task = self.start_task(self.loop, restart="transient")
        say(f"Started new server loop with pid {task.id}")
        return []

    def events_in(self, messages):
        events = []
        for message in messages:
            try:
                events.append(self.event_of(message))
            except (KeyError, ValueError):
                say(f"cannot read {message['Body']}")
        return events


class Consumer(talk_step8.Consumer):
    """Replaces a result."""

    @staticmethod
    def write(path, lines):
        path.write_text(f"{lines}\n")


def with_parts(server, consumer):
    def pipeline(warehouse) -> Supervisor:
        stages = [child(Producer), child(ProducerConsumer, warehouse), child(consumer, warehouse)]
        return Supervisor([child(server, warehouse), *stages])

    return pipeline


server = with_parts(Server, talk_step8.Consumer)
results = with_parts(talk_step8.Server, Consumer)
not_server_by_results = with_parts(talk_step8.Server, Consumer)
