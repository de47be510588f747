"""What a trace answers when it is replayed: the state of a run at any moment, and views that stand on it.

    moment.py       the state of a run at one trace event: who runs, who waits for whom, the loops, the queue
    passport.py     the whole life of one message
    explanation.py  why nothing is happening, as a chain from who waits to the cause
    traits.py       what kind of run this is, in a few sentences that can be compared
    comparison.py   two runs side by side
    rehearsal.py    a run on virtual time that can be repeated, and changed in its middle
    fork.py         the future as it was, and with one change
    schedule.py     a run under many seeds: how often it fails, and the shortest failing trace
    table.py        how all of them show a table

Rehearsals, forks and schedules repeat an experiment of the lab; pictures need matplotlib. `palleto.lab` has what
notebooks use, by name.
"""
