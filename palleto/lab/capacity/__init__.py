"""Capacity and cost: what a load needs of step 9's pipeline, or yours, what that costs, and the run that shows it.

    load = Load(rate=4, waits=(0.5, 1.5))            # four files a second; each waits for a second, more or less
    sweep(load)                                      # trials by pipelines and demand, and their knee
    Bill(Trial(load, Setting(pipelines=6)))          # what AWS would charge for a million files
    recommend(load, budget=10)                       # what to choose, in words, each with what was measured
    recommend(load.doing(my_function))               # the same, with what your function of a file takes

Read the modules in this order: load (what comes), setting (what can be chosen), trial (one against the other, run),
measured (its numbers), sweep (many of them), bill (with prices.toml), recommendation; alternatives (other ways to read
a queue), real (workers that are processes, on LocalStack).
"""

from palleto.lab.capacity.alternatives import pollers, processes
from palleto.lab.capacity.bill import Bill, prices
from palleto.lab.capacity.load import Load
from palleto.lab.capacity.measured import Measured
from palleto.lab.capacity.real import on_localstack, workers_on_localstack
from palleto.lab.capacity.recommendation import Recommendation, recommend
from palleto.lab.capacity.setting import Setting, TunedWarehouse
from palleto.lab.capacity.sweep import Sweep, Trials, sweep
from palleto.lab.capacity.trial import Trial

__all__ = [
    "Bill",
    "Load",
    "Measured",
    "Recommendation",
    "Setting",
    "Sweep",
    "Trial",
    "Trials",
    "TunedWarehouse",
    "on_localstack",
    "pollers",
    "prices",
    "processes",
    "recommend",
    "sweep",
    "workers_on_localstack",
]
