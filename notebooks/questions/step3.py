"""The questions of step 3, answered by the run, and the way to each answer. A function's name is its question's."""

from palleto.lab.questions import question
from palleto.replay import evidence


@question(
    "`enqueue` is the producer's function. In whose task does it say “Casting events to producer”?",
    choices={"the loop's": "the loop", "the producer's": "SQS.Producer", "the server's": "SQS.Server"},
    look="which lane is lit when that line is said",
    hint="Who calls it?",
    why="A function runs where it is called. Only the message goes to the producer's own task.",
)
def speaker(trace):
    casting = evidence.said(trace, "Casting events to producer")
    names = [loop.label for loop in evidence.loops(trace)]
    return "the loop" if casting.stage in names else casting.stage, casting


@question(
    "Which line stands right before “SQS.Producer got notified about 10 new events”?",
    choices=["Received 0 events", "Server looping: Run 0. Looking for 10 events", "Casting events to producer"],
    look="the line above the first “got notified”, in the log",
    hint="The loop looks, finds, and then calls `enqueue`.",
    why="The message is cast by the loop, and then the producer takes it out of its mailbox.",
)
def line_before(trace):
    lines = evidence.every(trace, kind="said")
    notified = evidence.said(trace, "got notified")
    return lines[lines.index(notified) - 1].data["text"], notified


@question(
    "How many lines does this step say until fifty events are consumed, that step 2 does not?",
    choices=[0, 1, 5, 50],
    look="the log, for a line that step 2 does not have, and count it",
    hint="One line is new. How often is it said?",
    why="Once for each demand, and a demand is for ten events.",
)
def new_lines(trace):
    fiftieth = evidence.every(trace, kind="handled")[4]
    return evidence.tally(trace.until(fiftieth), kind="said", text="Casting events")


@question(
    "Step 2 has consumed fifty events at 5 s. When has this step?",
    choices={"3 s, sooner": 3, "5 s, the same": 5, "10 s, later": 10},
    tolerance=1.9,  # a run may be late, never early
    look="the figure of both steps: where the two lines are after five batches",
    hint="What does it cost to call a function?",
    why="The same message takes the same way. Only who writes it has changed.",
)
def pace(trace):
    return evidence.every(trace, kind="handled")[4]
