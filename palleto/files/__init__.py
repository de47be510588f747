"""Files on disk: unzip within bounds, count lines, and write results where they belong. Read results, spool, locks."""

from palleto.files.locks import LOCK, lock, locked_folder, sweep
from palleto.files.results import PIECE, count_lines, result_path, unzip, write_result
from palleto.files.spool import SPARE, Spool

__all__ = [
    "LOCK",
    "PIECE",
    "SPARE",
    "Spool",
    "count_lines",
    "lock",
    "locked_folder",
    "result_path",
    "sweep",
    "unzip",
    "write_result",
]
