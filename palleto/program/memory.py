"""How much memory a run's threads keep."""

from __future__ import annotations

import ctypes
from contextlib import suppress

M_ARENA_MAX = -8  # in glibc's malloc.h
ARENAS = 1
"""glibc gives threads arenas of their own, up to eight a core, and each keeps what it was once given: step 9 with eight
pipelines takes 92 MiB so, and 84 with one arena. Python allocates under one lock anyway."""


def share_arenas() -> None:
    """Let all threads that this process starts from now on share `ARENAS`. Where there is no glibc, nothing happens."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)
