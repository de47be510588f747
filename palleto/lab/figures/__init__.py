"""The closing figures of a notebook: still pictures of a run's trace, drawn with matplotlib.

    demand_over_time(run)     what was asked and not delivered yet; what the producer remembers
    loop_restarts(run)        the lives of the server loops
    throughput(run)           what each consumer or pipeline does
    message_over_time(run, "20160720.gz")   where one message was, and what was done with it
    queue_over_time(run)      where the messages are, and the requests made (steps 6 to 9)
    consumed_over_time({"step 4": run4, "step 5": run5})
    requests_per_file({1: run1, 3: run3})

Each takes an experiment, a recorder or a list of trace events, and gives a figure whose headline is computed from it.
Read picture first (what a figure is, and the look that all share), then the others in any order.
"""

from palleto.lab.figures.consumption import consumed_over_time, throughput
from palleto.lab.figures.demand import demand_over_time
from palleto.lab.figures.loops import loop_restarts
from palleto.lab.figures.message import message_over_time
from palleto.lab.figures.picture import Picture
from palleto.lab.figures.queue import queue_over_time, requests_per_file

__all__ = [
    "Picture",
    "consumed_over_time",
    "demand_over_time",
    "loop_restarts",
    "message_over_time",
    "queue_over_time",
    "requests_per_file",
    "throughput",
]
