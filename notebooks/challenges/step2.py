"""The challenge of step 2, and how it is judged. Each is a function; its name is the challenge's."""

from palleto.lab.challenges import goal
from palleto.replay import evidence


@goal(
    "Now there is little to find: no message of a loop carries more than seven events. Meet all demand with such "
    "messages: forty events in ten seconds, and none that nobody asked for.",
    hint="The consumer asks once for its ten. Who knows that three are still to be found?",
    why="The loop looks until it has found all that it was started for. Nobody had to be asked again.",
    seconds=10,
)
def all_met(trace):
    found = 0
    for cast in evidence.every(trace, kind="cast"):
        found += len(cast.data["carried"])
        if len(cast.data["carried"]) > 7:
            return f"a message carries {len(cast.data['carried'])} events", cast
    for event in trace:
        if event.ledger is not None and event.ledger["after"][2] > 0:
            return f"{event.ledger['after'][2]} events that nobody asked for are in the producer's buffer", event
    done = evidence.consumed(trace)
    if done.value > found:
        return f"{done.value} events are consumed, and the messages carried {found}", done.event
    return None if done.value >= 40 else (f"{done.value} events are consumed in ten seconds, not forty", done.event)
