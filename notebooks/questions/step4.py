"""The questions of step 4, answered by the run, and the way to each answer. A function's name is its question's."""

from palleto.lab.questions import question
from palleto.replay import evidence


@question(
    "The loop looks every five seconds, from 0 s on. Five looks find nothing. When are events consumed first?",
    choices={"1 s": 1, "6 s": 6, "21 s": 21, "26 s": 26},
    tolerance=4.9,  # a run may be late, never early
    look="the lines of the loop: in which run does it find something, and when is that",
    hint=["When is the sixth look?", "Consuming takes a second, too."],
    why="The sixth look is at 25 s, and the consumer takes a second.",
)
def first_events(trace):
    return evidence.moment(trace, kind="handled")


@question(
    "Two events come at a time. When does the consumer ask the second time?",
    choices={
        "when the first two are consumed": 1,
        "when four are consumed": 2,
        "when six are consumed": 3,
        "when all ten are consumed": 5,
    },
    look="how many batches are consumed before the second “handling demand”",
    hint="It subscribed with `min_demand=0, max_demand=10`. How many are outstanding after the first two?",
    why="It asks when nothing is outstanding any more. Five batches of two make ten.",
)
def second_demand(trace):
    second = evidence.every(trace, kind="ask")[1]
    return evidence.count(trace.until(second), kind="handled"), second


@question(
    "How many times does the first loop look, from its start to its end?",
    look="the ticks of the first loop, in the figure of the loops",
    hint="Five looks find nothing. How many more does it take to find ten events?",
    why="Five in vain, and five that find two each.",
)
def looks(trace):
    loop = evidence.loops(trace)[0]
    return len(loop.runs), evidence.last(trace, kind="said", text="Looking for", stage=loop.label)


@question(
    "How many loops are killed while the pipeline runs?",
    choices=[0, 1, 2, 10],
    look="the end of each lane in the figure of the loops: a cross is a kill",
    hint="When the next demand comes, does the loop of the last one still run?",
    why="A loop has found its ten and ends by itself. The next demand comes a second later.",
)
def kills(trace):
    loops = evidence.loops(trace)
    return sum(loop.killed is not None and not loop.over for loop in loops), evidence.first(trace, kind="loop_ended")
