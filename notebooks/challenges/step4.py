"""The challenge of step 4, and how it is judged. Each is a function; its name is the challenge's."""

from palleto.lab.challenges import goal
from palleto.replay import evidence

CRASHES = {32: lambda run: run.crash_loop(), 95: lambda run: run.crash_loop()}


@goal(
    "The loop crashes twice, at 32 s and at 95 s, when it has not found all ten. Survive that: the consumer has had "
    "twenty events at 140 s. How events are found is as it was: two at a time, five seconds apart, none before 25 s.",
    hint="What was found is subtracted from `self.wanted` already. Only: who starts the loop again? A supervisor can: "
    "`start_task` takes a `restart`, as `child` does.",
    why="The loop is started again, and what it still has to find is known to the server.",
    seconds=140,
    during=CRASHES,
)
def survive(trace):
    found = 0
    for number, cast in enumerate(evidence.every(trace, kind="cast")):
        found += len(cast.data["carried"])
        if len(cast.data["carried"]) > 2:
            return f"{len(cast.data['carried'])} events are found at once", cast
        if cast.t < 25 + 5 * (number - len(CRASHES)) - 0.01 or cast.t < 24.99:
            return "events are found sooner than two every five seconds", cast
    done = evidence.consumed(trace)
    if done.value > found:
        return f"{done.value} events are consumed, and {found} were found", done.event
    if done.value < 20:
        return f"{done.value} events are consumed at 140 s, not twenty", done.event
    return None
