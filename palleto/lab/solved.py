"""Which questions and challenges a learner has solved, kept in a file in the folder of the notebooks.

The file is `.palleto-progress.json`: `{"questions": ["step5.kills"], "challenges": ["step5.faster"]}`. It is written
whole or not at all. One that cannot be read counts as empty, and where it cannot be written, nothing is kept.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

__all__ = ["FILE", "add", "read", "write"]

FILE = ".palleto-progress.json"
"""In the working folder: a notebook's kernel has the folder of the notebook."""

KINDS = ("questions", "challenges")


def add(kind: str, name: str) -> None:
    """Keep that a question or a challenge was solved. kind: "questions" or "challenges"; name: as "step5.kills"."""
    known = read()
    if name not in known[kind]:
        write({**known, kind: [*known[kind], name]})


def read() -> dict[str, list[str]]:
    """The names of what was solved, by kind, in the order in which it was."""
    try:
        content = json.loads(Path(FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # not there yet, or not ours
        content = None
    found = content if isinstance(content, dict) else {}
    return {kind: _names(found.get(kind)) for kind in KINDS}


def _names(value: object) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def write(content: dict[str, list[str]]) -> None:
    """Put the content in the file's place, whole or not at all."""
    whole = Path(f"{FILE}.{os.getpid()}")  # of this kernel: another notebook's may write too
    with suppress(OSError):  # a folder that is not the learner's own, a full disk
        try:
            whole.write_text(json.dumps(content, indent=1), encoding="utf-8")
            whole.replace(FILE)
        finally:
            whole.unlink(missing_ok=True)
