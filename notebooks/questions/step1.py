"""The questions of step 1, answered by the run, and the way to each answer. A function's name is its question's."""

from palleto.lab.questions import question
from palleto.replay import evidence


@question(
    "The consumer takes a second for each batch. When has it consumed thirty events?",
    choices={"1 s": 1, "3 s": 3, "10 s": 10, "30 s": 30},
    tolerance=1.9,  # a run may be late, never early
    look="the lines that begin with “Consumed”, in the log, and at their times",
    hint="How many events are in a batch?",
    why="Ten events are one batch, and a batch takes a second, however many events are in it.",
)
def thirty(trace):
    return evidence.every(trace, kind="handled")[2]


@question(
    "The producer handles a second demand for ten. What has happened before that?",
    choices={"The first batch was consumed.": True, "The first batch was sent, not consumed yet.": False},
    look="the lines right above the second “handling demand of 10”, in the log",
    hint="A consumer asks for what it can take. When can it take ten more?",
    why="Process first, then ask. The demand comes in the same moment, but after the work.",
)
def second_demand(trace):
    second = evidence.every(trace, kind="handle_demand")[1]
    return evidence.first(trace, kind="handled").seq < second.seq, second


@question(
    "Count the events that are made and not yet consumed. What is the most in the whole run?",
    choices=[1, 10, 20, 100],
    look="how often a batch is made before the one before it is consumed",
    hint="Nobody makes an event that was not asked for.",
    why="Ten were asked for, so ten are made. The next ten are asked for when these are consumed.",
)
def made_ahead(trace):
    ahead, most, when = 0, 0, None
    for event in trace:
        if event.kind == "emitted":
            ahead += len(event.ids)
        if event.kind == "handled":
            ahead -= len(event.ids)
        if ahead > most:
            most, when = ahead, event
    return most, when


@question(
    "Now the consumer takes an hour for a batch. How many events are made in the first 59 minutes?",
    choices=[0, 10, 590, 35400],
    look="what the consumer has asked for until then",
    hint="How often is the producer asked?",
    why="It was asked for ten, once. A slow consumer slows its producer, without a word between them.",
    under="What happened",
)
def in_an_hour(trace):
    emitted = evidence.every(trace, kind="emitted")
    return sum(len(event.ids) for event in emitted), emitted[-1]
