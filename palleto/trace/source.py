"""Where in the user's code something happened: a callback, the line that called, returned or raised.

Palleto's own lines are never named, nor those of the event loop: an event that no code of the user's caused has none.
"""

from __future__ import annotations

import dis
import inspect
import sys
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

Place = tuple[str, int]
"""The name of a file, without its folder, and a line, from 1."""

_HERE = str(Path(__file__).parents[1])
_TALK = str(Path(__file__).parents[1] / "lab" / "talk")
"""The talk's own steps: code to be read, as a user's is."""
_LOOPS = ("asyncio", "trio", "anyio", "outcome")
NEAR = 16
"""Frames that are looked at for a caller of the user's: the deepest known, a simulated receive, is 10 away."""


@cache
def name_of(file: str) -> str:
    """The last part of a path, as a trace names a file."""
    return Path(file).name


@cache
def of_palleto(file: str) -> bool:
    """Whether a file is Palleto's own, by its path."""
    return file.startswith(_HERE) and not file.startswith(_TALK)


def _package(frame: FrameType) -> str:
    package: str = frame.f_globals.get("__name__", "").partition(".")[0]
    return package


def code_of(callback: Any) -> CodeType | None:
    """The code of a user's function or method; None if it is Palleto's own, or none at all."""
    function = inspect.unwrap(getattr(callback, "__func__", callback))
    code: CodeType | None = getattr(function, "__code__", None)
    return None if code is None or of_palleto(code.co_filename) else code


def entry(code: CodeType) -> Place:
    """Where a function begins."""
    return name_of(code.co_filename), code.co_firstlineno


def exit_of(code: CodeType) -> Place:
    """Where a function returns, if it can return at one line only; else where it begins.

    A function that has returned leaves nothing behind to tell which of several `return`s it was.
    """
    return name_of(code.co_filename), _line_of_exit(code, code.co_filename)


@cache
def _line_of_exit(code: CodeType, file: str) -> int:
    """`file` tells the same function of two steps apart: code equals code of the same text at the same line."""
    found = {
        step.positions.lineno
        for step in dis.get_instructions(code)
        if step.opname in ("RETURN_VALUE", "RETURN_CONST") and step.positions is not None
    }
    lines = [line for line in found if line is not None and line > code.co_firstlineno]
    return lines[0] if len(lines) == 1 else code.co_firstlineno


def user_code(depth: int = 2) -> tuple[CodeType, int] | None:
    """The innermost caller that is not part of Palleto, and its line; None if none is near.

    depth: of the frame to begin with, as `sys._getframe` counts.
    """
    frame = sys._getframe(depth)
    for _ in range(NEAR):
        if frame is None:
            break
        name = frame.f_code.co_filename
        if not of_palleto(name) and (package := _package(frame)) != "contextlib":
            # The event loop drives Palleto's own tasks: no line of the user's acted then.
            return None if package in _LOOPS or name.startswith("<") else (frame.f_code, frame.f_lineno)
        frame = frame.f_back  # type: ignore[assignment]
    return None


def standing(coroutine: Any) -> Place | None:
    """The innermost line of the user's at which a coroutine waits; None if it does not wait, or is none."""
    found: Place | None = None
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        if not of_palleto(frame.f_code.co_filename) and _package(frame) not in _LOOPS:
            found = name_of(frame.f_code.co_filename), frame.f_lineno
        coroutine = coroutine.cr_await
    return found


def raised(error: BaseException | None) -> Place | None:
    """The innermost line of the user's that an error came through; None if it came through none."""
    found: Place | None = None
    traceback = error.__traceback__ if error is not None else None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        library = of_palleto(code.co_filename) or "site-packages" in code.co_filename
        if not library and _package(traceback.tb_frame) not in sys.stdlib_module_names:
            found = name_of(code.co_filename), traceback.tb_lineno
        traceback = traceback.tb_next
    return found
