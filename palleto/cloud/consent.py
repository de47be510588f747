"""A last question before anything is made on AWS, where it is somebody's account and may cost something."""

from __future__ import annotations

import sys

from palleto.errors import SettingError


def consent(where: str) -> None:
    """Print whose account and which region it is, and ask on the terminal whether to go on; blocks until answered.

    Raises `SettingError` when there is no terminal, or the answer is not yes.
    """
    if not sys.stdin.isatty():
        raise SettingError(f"expected a terminal to ask on before anything is made, got none; add --yes ({where})")
    print(f"{where}\nThis makes a bucket, two queues and a stack there, and may cost money. Go on? [y/N] ", end="")
    sys.stdout.flush()
    answer = sys.stdin.readline().strip()
    if answer.lower() not in ("y", "yes"):
        raise SettingError(f"expected yes, got {answer!r}; nothing was made")
