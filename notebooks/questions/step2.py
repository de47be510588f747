"""The questions of step 2, answered by the run, and the way to each answer. A function's name is its question's."""

from palleto.lab.questions import question
from palleto.replay import evidence


@question(
    "The producer says two lines. Which one comes first?",
    choices=["Received 0 events", "got notified about 10 new events"],
    look="the log: which of the two stands higher",
    hint="`take` says one of them. Does it wait for the loop?",
    why="`pull` answers at once. The loop runs only when the producer is done with the demand.",
)
def first_line(trace):
    received, notified = evidence.said(trace, "Received"), evidence.said(trace, "got notified")
    return "Received 0 events" if received.seq < notified.seq else "got notified about 10 new events", notified


@question(
    "How many times is the producer asked for the first ten events?",
    choices=[1, 2, 10],
    look="the lines “handling demand” above the first “got notified”, in the log",
    hint="It answered the demand with an empty list. Does the consumer notice?",
    why="Once. The empty answer met nothing, so the ten stay outstanding until the message comes.",
)
def asked(trace):
    return evidence.tally(trace.until(evidence.first(trace, kind="emitted")), kind="handle_demand")


@question(
    "When the second demand comes, how many servers loop at that moment?",
    choices=[0, 1, 2],
    look="the second line “There are currently ... servers looping”, in the log",
    hint="How long does the first loop live?",
    why="The first loop found ten events at once and has ended.",
)
def looping(trace):
    second = evidence.every(trace, kind="said", text="servers looping")[1]
    return evidence.number_in(second), second


@question(
    "How many loops are started until fifty events are consumed?",
    choices=[1, 2, 5, 50],
    look="the lanes of the loops",
    hint="One for each demand. How many events is a demand for?",
    why="Each demand is for ten events, and starts a loop of its own.",
)
def started(trace):
    fiftieth = evidence.every(trace, kind="handled")[4]
    return evidence.tally(trace.until(fiftieth), kind="loop_started")
