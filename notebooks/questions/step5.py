"""The questions of step 5, answered by the run, and the way to each answer. A function's name is its question's."""

from palleto.lab.questions import question
from palleto.replay import evidence


@question(
    "Three consumers ask at the start. How many loops are killed before the first event is found?",
    choices=[0, 1, 2, 3],
    look="the lanes of the loops in the first second, and count the crosses",
    hint="The first demand finds no loop to kill.",
    why="The second demand kills the loop of the first, and the third that of the second.",
)
def kills(trace):
    found = evidence.first(trace, kind="emitted")
    return evidence.tally(trace.until(found), kind="loop_killed")


@question(
    "The first consumer has had its ten and asks for ten more. How many does the producer ask the server for?",
    choices=[10, 14, 24, 30],
    look="what the producer owes just before that demand",
    hint="By then 26 of the 30 events have come.",
    why="Four are still owed to the other two, and ten are new.",
)
def asked(trace):
    asking = evidence.every(trace, kind="said", text="Asking for")[3]
    return evidence.number_in(asking, "Asking for"), asking


@question(
    "Then a new loop starts. How many times does it look for all that is wanted, before it looks for less?",
    choices=[1, 5, 6, 14],
    look="the lines of the loop that starts after the long one",
    hint="Where does `run` start, and in which runs does the loop find nothing?",
    why="Runs 0 to 4 find nothing, and run 5 finds two. How far the killed loop was is forgotten.",
)
def again(trace):
    fourth = evidence.every(trace, kind="loop_started")[3]
    wanted = f"Looking for {asked(trace)[0]:.0f} "
    return evidence.tally(trace, kind="said", stage=fourth.stage, text=wanted)


@question(
    "In step 4, one consumer got ten events in 46 s. How long do three take for the last ten of this run?",
    choices={"15 s, a third": 15, "23 s, half": 23, "46 s, the same": 46, "92 s, twice": 92},
    tolerance=11,  # half of what lies between the choices
    look="how far apart the two lines run, in the figure of three against one",
    hint="What does a kill cost, and when does the next one come?",
    why="After each kill come five empty runs, 25 s, just as in step 4.",
)
def pace(trace):
    done = [event for event in evidence.every(trace, kind="handled", last=True) for _ in event.ids]
    return done[-1].t - done[-11].t, done[-1]
