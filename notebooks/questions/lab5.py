"""The questions of lab 5, answered by the runs, and the way to each answer. A function's name is its question's."""

from palleto.lab.capacity import Measured
from palleto.lab.questions import question
from palleto.replay import evidence


def files_a_second(trace):
    return Measured.of(trace).throughput


@question(
    "Four files arrive a second, and each takes about a second. With `max_demand` 1, which is the least number of "
    "pipelines that keeps up?",
    choices=[1, 2, 4, 6, 12],
    look="the panel of files a second: where does the line of `max_demand` 1 reach the dotted one?",
    hint="While one file is done, how many others arrive?",
    why="Arrivals a second, times the seconds that each takes, are the files that are in work at a time: Little's law.",
)
def enough(traces):
    done = {number: files_a_second(trace) for number, trace in traces.items()}
    number = min(number for number, speed in done.items() if speed >= 0.95 * max(done.values()))
    return number, evidence.last(traces[number], kind="written")


@question(
    "One pipeline, and `max_demand` 10. How many files a second does it do, of the four that arrive?",
    choices=[1, 2, 4, 10],
    tolerance=0.4,
    look="the leftmost point of the dashed line in the panel of files a second",
    hint="What does a producer-consumer do with ten events that it gets at once?",
    why="It downloads them side by side. Demand is not only how much one asks for: it is how much goes on at a time.",
)
def ten(trace):
    return files_a_second(trace), evidence.first(trace, kind="download")


@question(
    "At night a file comes every three seconds or so. Twelve consumers wait for it, and each polls for itself. How many "
    "receives are made for a file?",
    choices={"1": 1, "2": 2, "12": 12, "20": 20},
    tolerance=3.9,
    look="the right panel of the picture: the line that rises",
    hint="A poll that finds nothing waits for two seconds. How many of them begin in three?",
    why="Only one of twelve polls finds the file. The others are paid for as well.",
    under="The cost of polling",
)
def pollers(trace):
    found = Measured.of(trace)
    return found.each("receive"), evidence.last(trace, kind="receive")


@question(
    "At night again, with one loop for three pipelines. A receive may wait for a message for 0, 2 or 20 seconds. With "
    "which wait are the files youngest when they are done?",
    choices=[0, 2, 20],
    look="the column p99 of the three rows",
    hint="After a poll that has found nothing, our loop sleeps for five seconds. When does a file wait, and for whom?",
    why="A receive that waits hands a message out in the moment in which it comes. A loop that sleeps does not.",
    under="How long to wait",
)
def wait(traces):
    ages = {number: Measured.of(trace).p99 for number, trace in traces.items()}
    return min(ages, key=ages.get), evidence.last(traces[min(ages, key=ages.get)], kind="receive")
