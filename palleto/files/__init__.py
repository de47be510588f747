"""Files on disk: gzip in, counts and results out; nothing is written where it does not belong, or stays after its run.

Read pieces, gzip, lines, results, spool, locks.
"""

from palleto.files.gzip import Zipped, is_small, unzip
from palleto.files.lines import count_lines
from palleto.files.locks import LOCK, lock, locked_folder, sweep
from palleto.files.results import Mark, result_mark, result_path, write_result
from palleto.files.spool import SPARE, Spool

__all__ = [
    "LOCK",
    "SPARE",
    "Mark",
    "Spool",
    "Zipped",
    "count_lines",
    "is_small",
    "lock",
    "locked_folder",
    "result_mark",
    "result_path",
    "sweep",
    "unzip",
    "write_result",
]
