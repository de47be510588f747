"""The challenge of lab 3, and how it is judged. Each is a function; its name is the challenge's."""

from palleto.lab.challenges import goal
from palleto.lab.supervision import Crashes, fault
from palleto.replay import CRASHED, GAVE_UP, Cascade, evidence

WRITERS = ("Writer1", "Writer2", "Writer3")


@goal(
    "The first parser crashes over every third file. Let the other writers never stand still for more than a second "
    "and a half, and let no supervisor give up. A budget is three restarts in five seconds, as it is.",
    hint="Who is started after the parser that crashes? Where could a wall be between them?",
    why="A supervisor for each pair is a wall: what happens on one side is not seen on the other.",
    observers=[Crashes(fault("every third"))],
    seeds=25,
    seconds=20,
)
def walls(trace):
    cascade = Cascade(trace)
    supervisors = [each.budget for each in cascade.lives.values() if each.budget is not None]
    if any(most > 3 or seconds < 5 for _, most, seconds in supervisors):
        return "a budget is more than three restarts in five seconds"
    gave_up = cascade.ends(GAVE_UP)
    if gave_up:
        return f"{gave_up[0][0]} gives up", evidence.last(trace, kind="crash", stage=gave_up[0][0])
    if len(cascade.ends(CRASHED)) < 3:
        return "the parser does not crash as it should: leave its batches as they are"
    pauses = cascade.pauses
    if {*WRITERS} - pauses.keys():
        return "not all three writers have done files"
    still = max(WRITERS[1:], key=pauses.__getitem__)
    return f"{still} stands still for {pauses[still]:.1f} s" if pauses[still] > 1.5 else None
