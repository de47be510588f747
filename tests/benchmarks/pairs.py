"""What the benchmarks share: a command line, pairs in one run, medians of five, a table, and JSON."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PAIRS = 5
"""How often each pair (peer, ours) is measured; the medians count. A shared machine slows both sides of a pair."""


def paired(measures: dict[str, Callable[[], float]], pairs: int = PAIRS) -> dict[str, float]:
    """Measure each in turn, `pairs` times over, and return the median of each."""
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(pairs):
        for name, measure in measures.items():
            taken[name].append(measure())
    return {name: statistics.median(values) for name, values in taken.items()}


def parser(about: str | None) -> argparse.ArgumentParser:
    """A command line that tells what a benchmark's module says of itself, with what each can be given."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", metavar="FILE", help="write the numbers here too")
    made.add_argument("--smoke", action="store_true", help="tiny numbers, to see that all of it runs")
    return made


def machine() -> dict[str, str]:
    """What the numbers were measured on."""
    return {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}


def short(value: Any) -> str:
    """A number as one reads it: 445 k, 5.40 M, 0.97."""
    if not isinstance(value, float | int):
        return str(value)
    if value >= 1e6:
        return f"{value / 1e6:.3g} M"
    return f"{value / 1e3:.3g} k" if value >= 1e3 else f"{value:.3g}"


def table(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table; a column that a row has not is empty."""
    lines = [columns, ["---"] * len(columns)]
    lines += [[short(row[column]) if column in row else "" for column in columns] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def publish(columns: Sequence[str], rows: Sequence[dict[str, Any]], file: str | None) -> None:
    """Print the table; write it as JSON too, if a file is named."""
    print(table(columns, rows))
    if file is not None:
        Path(file).write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n", encoding="utf-8")
