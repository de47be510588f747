"""The closing figures of a notebook: still pictures of a run's trace, drawn with matplotlib.

    demand_over_time(run)     what was asked and not delivered yet; what the producer remembers
    loop_restarts(run)        the lives of the server loops
    throughput(run)           what each consumer or pipeline does
    message_over_time(run, "20160720.gz")   where one message was, and what was done with it
    queue_over_time(run)      where the messages are, and the requests made (steps 6 to 9)
    consumed_over_time({"step 4": run4, "step 5": run5})
    requests_per_file({1: run1, 3: run3})
    overload_over_time({"unbounded": run, "demand": run})    where files wait, what is dropped, how long each takes
    lanes_over_time(run)      when each consumer is busy, and when idle
    ends_side_by_side(ladder())             what each way to end a worker leaves behind
    rollouts_side_by_side(rollouts())       the same of deploys; rollout_over_time(rollout): one of them
    cascade_over_time(run)    who ends, who is started anew, and how each supervisor's budget empties
    capacity(sweep)           what pipelines do and cost, by their number and demand, and the knee
    scaling({"one poller": {1: trial, 12: trial}})    files a second and receives a file, by the number of consumers

Each takes an experiment, a recorder or a list of trace events, the last two take trials of `palleto.lab.capacity`; each
gives a figure whose headline is computed from it.
It is shown as SVG in the theme of the page. Read picture first (what a figure is, and the look that all share), with
theme and svg, which draws it; then the others in any order.
"""

from palleto.lab.figures.capacity import capacity, scaling
from palleto.lab.figures.cascade import cascade_over_time
from palleto.lab.figures.consumption import consumed_over_time, throughput
from palleto.lab.figures.demand import demand_over_time
from palleto.lab.figures.lanes import lanes_over_time
from palleto.lab.figures.loops import loop_restarts
from palleto.lab.figures.message import message_over_time
from palleto.lab.figures.overload import overload_over_time
from palleto.lab.figures.picture import Picture
from palleto.lab.figures.queue import queue_over_time, requests_per_file
from palleto.lab.figures.shutdown import ends_side_by_side, rollout_over_time, rollouts_side_by_side

__all__ = [
    "Picture",
    "capacity",
    "cascade_over_time",
    "consumed_over_time",
    "demand_over_time",
    "ends_side_by_side",
    "lanes_over_time",
    "loop_restarts",
    "message_over_time",
    "overload_over_time",
    "queue_over_time",
    "requests_per_file",
    "rollout_over_time",
    "rollouts_side_by_side",
    "scaling",
    "throughput",
]
