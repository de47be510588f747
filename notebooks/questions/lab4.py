"""The questions of lab 4, answered by the runs, and the way to each answer. A function's name is its question's."""

from palleto.lab.overload import Account, lanes, percentile
from palleto.lab.questions import question
from palleto.replay import evidence


@question(
    "How many files does the pipeline with demand hold at most?",
    choices=[1, 10, 50, 300],
    look="what the consumer asks for when it starts",
    hint="A file is downloaded when somebody has asked for it.",
    why="It never holds more than its consumer has asked for. All others wait where they are: at the source.",
)
def demand(traces):
    trace = traces["demand"]
    return Account.of(trace).most["held"], evidence.first(trace, kind="ask")


@question(
    "Half of the files that a pipeline does are done within a certain time from their arrival. "
    "With which of the four is that time the shortest?",
    choices=["unbounded", "bounded", "shedding", "demand"],
    look="the lowest panels, and the solid lines in them",
    hint="Three of the four do every file. All have the same slow step.",
    why="It does not do them all. The other three do, at the same pace, so each file takes as long, wherever it waits.",
)
def soonest(traces):
    half = {name: percentile(Account.of(trace).latency, 0.5) for name, trace in traces.items()}
    best = min(half, key=half.get)
    return best, evidence.first(traces[best], kind="dropped")


@question(
    "A visibility timeout begins when a message is received: here, when its file is downloaded. "
    "How long is a file in the memory of the bounded queue's pipeline at most?",
    choices={"0.1 s": 0.1, "1 s": 1, "5 s": 5, "30 s": 30},
    tolerance=0.6,
    look="the lowest panel of the bounded queue, and the dashed line in it",
    hint="A file that comes in last has the whole queue before it.",
    why="Fifty are before it, and ten are done a second. A full queue is a wait for everybody who enters it.",
)
def in_memory(traces):
    account = Account.of(traces["bounded"])
    longest = max(account.in_hand)
    at = account.ends[account.in_hand.index(longest)]
    return longest, evidence.first(traces["bounded"], kind="written", after=at)


@question(
    "Now the source has room for fifty files, and overwrites the oldest. Demand asks for no more than it can do. "
    "Of how many files are there no results, compared with shedding?",
    choices=["of none", "of half as many", "of about as many", "of twice as many"],
    look="the panels of dropped files",
    hint="How many files can the slow step do while they arrive? Does it matter who throws away the others?",
    why="What cannot be done and cannot wait is lost. Demand only decides where: at the source, which tells nobody.",
    under="Where demand does not help",
)
def lost(traces):
    places = {name: Account.of(trace).places for name, trace in traces.items()}
    share = places["demand"]["missed"] / places["shedding"]["dropped"]
    words = {0.0: "of none", 0.5: "of half as many", 1.0: "of about as many", 2.0: "of twice as many"}
    return words[min(words, key=lambda one: abs(one - share))], evidence.first(traces["demand"], kind="dropped")


@question(
    "Three consumers share a backlog of 120 files, a second each. Their `max_demand` is 100, 10 and 10. "
    "After how many seconds is all done?",
    choices=[40, 60, 100, 120],
    tolerance=5,
    unit="s",
    look="the longest lane",
    hint="Who has the most outstanding demand when the first files come?",
    why="It got all that it had asked for at once, and keeps it. The other two have nothing to do, and cannot help.",
    under="The greedy consumer",
)
def greedy(trace):
    last = max(at for lane in lanes(trace) for at in lane.done)
    return last, evidence.last(trace, kind="written")
