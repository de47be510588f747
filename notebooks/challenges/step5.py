"""The challenges of step 5, and how each is judged. Each is a function; its name is the challenge's."""

from palleto.lab.challenges import goal
from palleto.replay import evidence


@goal(
    "Make the three consumers three times as fast as the one of step 4, and forget nothing. That is sixty events in "
    "100 seconds, and no event in the producer's buffer that nobody asked for. How long a loop looks is as it was: "
    "five times in vain, then two events every five seconds.",
    hint="What makes a loop slow is its beginning. How many loops may look at the same time, and for whose demand?",
    why="Each demand has a loop of its own, and no loop is killed, so that three look at the same time.",
    seconds=100,
)
def faster(trace):
    found = 0
    for loop in evidence.loops(trace):
        for number, event in enumerate(evidence.every(trace, kind="cast", stage=loop.label)):
            found += len(event.data.get("carried", []))
            if event.t < loop.start + 25 + 5 * number - 0.01 or len(event.data.get("carried", [])) > 2:
                return "a loop finds more, or sooner, than five looks in vain and two events every 5 s after that", event
    for event in trace:
        if event.ledger is not None and event.ledger["after"][2] > 0:
            return f"{event.ledger['after'][2]} events that nobody asked for wait in a buffer", event
    done = evidence.consumed(trace)
    if done.value > found:
        return f"{done.value} events are consumed, and the loops have found {found}", done.event
    if done.value < 60:
        return f"{done.value} events are consumed in 100 s, not 60", done.event
    return None
