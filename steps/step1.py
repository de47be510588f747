"""Step 1: a basic pipeline.

            ◀── pull(10)              ◀── demand 10
    Server                 Producer                  Consumer
            ho, ho, ... ──▶           ho, ho, ... ──▶

Changed: everything, this is the first step.

Why: the consumer says how much it can take. It asks for ten events, handles the ten, and asks again; the producer
makes an event only if somebody asked for it. Nobody is ever flooded, and no queue between the two can overflow.

Unchanged: nothing.

Predict: the consumer takes a second for each batch. How long do thirty events take? What would the producer do if the
consumer took an hour?
"""

from __future__ import annotations

import palleto
from palleto import Supervisor, child, say
from palleto.program import after_events, main

import anyio

# ---- Server ----


class Server:
    """Looks for events, and always finds as many as it should."""

    @staticmethod
    def pull(count: int) -> list[str]:
        say(f"Pulling {count} events from server")
        return ["ho"] * count


# ---- Producer ----


class Producer(palleto.Producer):
    """Turns demand into a pull from the server, and emits what that answers."""

    name = "SQS.Producer"

    def init(self) -> None:
        say(f"Initialised {self.name}")

    def handle_demand(self, demand: int) -> list[str]:
        say(f"{self.name} handling demand of {demand}")
        return self.take(demand)

    def take(self, count: int) -> list[str]:
        say(f"Asking for {count} events")
        events = Server.pull(count)
        say(f"Received {len(events)} events")
        return events


# ---- Consumer ----


class Consumer(palleto.Consumer):
    """Asks for ten events, and takes a second to consume them."""

    def init(self) -> None:
        self.subscribe("SQS.Producer", min_demand=0, max_demand=10)

    async def handle_events(self, events: list[str]) -> None:
        await anyio.sleep(1)
        say(f"Consumed: {', '.join(events)}")


# ---- Pipeline ----


def pipeline() -> Supervisor:
    """The producer first: the consumer subscribes to it by name as soon as it starts."""
    return Supervisor([child(Producer), child(Consumer)])


# ---- Run ----

if __name__ == "__main__":
    main(pipeline, until=after_events(30))
