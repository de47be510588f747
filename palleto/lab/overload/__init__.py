"""Overload: the same files through four pipelines that do with too many of them what pipelines do.

Read the modules in this order: bucket (the files, when they arrive, and what is noted of each); ways (the four
pipelines, and the slow step that they share); account (where the files of a run are, and how long each took, from its
trace); backlog (files that several consumers share); lanes (the busy and idle time of these). The notebook of lab 4
shows ways and backlog.
"""

from palleto.lab.overload.account import Account, Accounts, percentile
from palleto.lab.overload.backlog import Inbox, Worker, workers
from palleto.lab.overload.bucket import Bucket, Downloads, File, note
from palleto.lab.overload.lanes import Lane, lanes
from palleto.lab.overload.ways import bounded, demand, shedding, slow_step, unbounded

__all__ = [
    "Account",
    "Accounts",
    "Bucket",
    "Downloads",
    "File",
    "Inbox",
    "Lane",
    "Worker",
    "bounded",
    "demand",
    "lanes",
    "note",
    "percentile",
    "shedding",
    "slow_step",
    "unbounded",
    "workers",
]
