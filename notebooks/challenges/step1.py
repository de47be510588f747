"""The challenge of step 1, and how it is judged. Each is a function; its name is the challenge's."""

from palleto.lab.challenges import goal
from palleto.replay import evidence


@goal(
    "Let the producer be asked half as often: a hundred events are consumed, and it was asked five times for them. "
    "A batch takes a second, as before, however many events are in it.",
    hint="How many events does one ask ask for? And after how many is the next one?",
    why="The consumer asks for more at a time. As many events are in its hands at once.",
    seconds=12,
)
def asked_less(trace):
    consumed, before = 0, 0.0
    for batch in evidence.every(trace, kind="handled"):
        if batch.t - before < 0.99:
            return "a batch takes less than a second", batch
        before, consumed = batch.t, consumed + len(batch.ids)
        if consumed >= 100:
            asks = evidence.tally(trace.until(batch), kind="ask")
            return None if asks.value <= 5 else (f"it was asked {asks.value} times for a hundred events", asks.event)
    return f"{consumed} events are consumed in 12 s, not a hundred"
