"""The challenge of lab 4, and how it is judged. Each is a function; its name is the challenge's."""

from itertools import pairwise

from palleto.lab.challenges import goal
from palleto.lab.overload import lanes
from palleto.replay import evidence


@goal(
    "One of the three consumers is four times slower than the others: it takes four seconds a file. A request still "
    "takes half a second, however many files it is for. Do all 120 files in 60 seconds.",
    hint="A consumer keeps what it has got. How long does the slow one take for all that it may have in hand?",
    why="What a consumer has in hand is a promise. The slow one promises little, and the fast ones need not wait.",
    seeds=25,
    seconds=60,
)
def together(trace):
    found = lanes(trace)
    if len(found) != 3:
        return f"{len(found)} consumers ask, not three"
    paces = sorted(min((b - a for a, b in pairwise(lane.done)), default=60.0) for lane in found)
    if paces[0] < 0.99 or paces[-1] < 3.99:
        return "a file takes a second, and four in one of the lanes"
    for before, after in pairwise(sorted({event.t for event in evidence.every(trace, kind="download")})):
        if after - before < 0.499:
            return "a request takes less than half a second", evidence.first(trace, kind="download", after=after)
    done = sum(len(lane.done) for lane in found)
    return None if done == 120 else (f"{done} files are done in 60 s, not 120", evidence.last(trace, kind="written"))
