"""The questions of lab 3, each a function of its name: its answer by the run, and the way there."""

from palleto.lab.questions import question
from palleto.lab.supervision import word_of
from palleto.replay import Cascade, evidence

WORDS = {"it goes on": "goes on", "it stands still": "stands still", "the top supervisor gives up": "gives up"}


@question(
    "The strategy is `one_for_one`, and a parser crashes once. How many processes are started anew?",
    choices=[0, 1, 2, 3],
    look="the lanes: in how many does a bar begin again?",
    hint="Who is subscribed to the parser, and what does `cancel` say by default?",
    why="The writer's subscription is permanent: it leaves when the parser is gone. Then the supervisor has two to start.",
)
def anew(trace):
    return len(Cascade(trace).anew), evidence.last(trace, kind="restart")


@question(
    "The parser crashes over two files in a row. The budget is three restarts in five seconds. What comes of it?",
    choices=WORDS,
    look="the supervisor's lane, and how often it gets lower",
    hint="What does one crash cost?",
    why="Each crash costs a restart of the parser, and one of the writer. The fourth is one too many.",
)
def two(trace):
    crashes = evidence.every(trace, kind="crash")
    gave_up = [event for event in crashes if event.data["reason"].startswith("RestartError")]
    return word_of(trace), (gave_up or crashes)[0]


@question(
    'The writer subscribes with `cancel="temporary"`, so it does not leave. The parser crashes once. What comes of it?',
    choices=WORDS,
    look="what the writer does after the crash",
    hint="Who asks the new parser for files?",
    why="The new parser has no subscriber. The writer waits for a parser that is gone, and nobody crashes any more.",
)
def temporary(trace):
    return word_of(trace), evidence.first(trace, kind="restart")


@question(
    "On two floors a parser crashes, and cannot be started again. Its pipeline has a supervisor of its own. "
    "What runs in the end?",
    choices=["all but its pipeline", "only the source", "nothing"],
    look="the topmost lane",
    hint="A supervisor that gives up has crashed. Who starts it anew, and how often?",
    why="Starting anew helps against what passes. What does not pass is handed up, floor by floor.",
    under="Two floors",
)
def floors(trace):
    cascade = Cascade(trace)
    running = {label for label, each in cascade.lives.items() if each.lives[-1].end is None}
    left = {label for label in running if not label.endswith("1")}
    word = "nothing" if not running else "only the source" if left <= {"Top", "Source"} else "all but its pipeline"
    gave_up = [event for event, words, _ in cascade.log if "gives up" in words]
    return word, gave_up[-1] if gave_up else None


@question(
    "A file in the bucket is no gzip, and its message comes back. How many restarts does that cost our step 9?",
    choices=[0, 1, 2, 3],
    look="the lanes of the supervisors",
    hint="What does step 9 do with a file that it cannot read?",
    why="It rejects the file, and no stage crashes. A supervisor is for what nobody has thought of.",
    under="A bad file that comes back",
)
def rejected(trace):
    spent = sum(len(each.spent) for each in Cascade(trace).lives.values())
    return spent, evidence.first(trace, kind="report", text="gzip") or evidence.first(trace, kind="receive")


@question(
    "How many files are lost for good when the parser crashes once, in the first run?",
    choices=[0, 1, 2, 3],
    look="the row in the table that says so",
    hint="One file is in the parser's hand. What does its `max_demand` allow besides?",
    why="What it has in hand is lost, and what waits in its mailbox. Nobody sends them again: there is no queue.",
    under="What happened",
)
def lost(trace):
    cascade = Cascade(trace)
    return len(cascade.lost.keys() - cascade.back), evidence.first(trace, kind="lost")
