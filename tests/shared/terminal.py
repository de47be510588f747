"""A terminal to run a step in: a pseudo-terminal, and the screen that its bytes draw."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PIECE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|([\r\n])|([^\x1b\r\n]+)|\x1b")


class Screen:
    """The part of a terminal that rich makes use of: lines, the cursor up and down, erasing, and colours.

    `lines` are all lines since the beginning, also those that have been scrolled away.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.cells: list[list[tuple[str, str]]] = [[]]  # of each line: a sign, and its colours
        self.row = self.column = 0
        self.style = ""
        self.cursor = self.whole = True  # whether the cursor is seen, and no frame half drawn

    @property
    def lines(self) -> list[str]:
        return ["".join(sign for sign, _ in line).rstrip() for line in self.cells]

    @property
    def coloured(self) -> list[str]:
        """The lines with their escape sequences."""
        return ["".join(f"{style}{sign}\x1b[0m" for sign, style in line) for line in self.cells]

    def feed(self, text: str) -> None:
        for match in _PIECE.finditer(text):
            numbers, command, control, words = match.groups()
            if words:
                for sign in words:
                    self._put(sign)
            elif control == "\r":
                self.column = 0
            elif control == "\n":
                self._down()
            elif command:
                self._do(command, numbers)

    def _put(self, sign: str) -> None:
        if self.column == self.columns:
            self._down()
            self.column = 0
        line = self.cells[self.row]
        line += [(" ", "")] * (self.column + 1 - len(line))
        line[self.column] = (sign, self.style)
        self.column += 1

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.cells):
            self.cells.append([])

    def _do(self, command: str, numbers: str) -> None:
        top = max(0, len(self.cells) - self.rows)
        if command == "m":
            self.style = "" if numbers in ("", "0") else f"{self.style}\x1b[{numbers}m"
        elif command == "A":
            self.row = max(top, self.row - int(numbers or 1))
        elif command == "K":
            assert numbers == "2", numbers
            self.cells[self.row] = []
        elif command == "H":
            self.row, self.column = top, 0
        elif command == "J":
            for row in range(top, len(self.cells)):
                self.cells[row] = []
        elif command in "hl":
            if numbers == "?25":
                self.cursor = command == "h"
            elif numbers == "?2026":
                self.whole = command == "l"
        else:
            raise AssertionError(f"expected no {command} of rich")


class Terminal:
    """A process in a pseudo-terminal. As a context manager it ends the process."""

    def __init__(self, *arguments: object, columns: int = 100, rows: int = 40, **environment: str) -> None:
        self.screen = Screen(columns, rows)
        self.written = ""
        self.master, slave = os.openpty()
        self.resize(columns, rows)
        kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *map(str, arguments)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=ROOT,
            start_new_session=True,
            env={**kept, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment},
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(60)
        os.close(self.master)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, until: Callable[[list[str]], object] | None = None, seconds: float = 60) -> list[str]:
        """Read on until the lines of the screen are as `until` says (None: to the end); the lines."""
        end = time.monotonic() + seconds
        rest = b""
        while until is None or not (self.screen.whole and until(self.screen.lines)):
            assert time.monotonic() < end, "\n".join(self.screen.lines[-60:])
            if not select.select([self.master], [], [], 1)[0]:
                continue
            try:
                piece = os.read(self.master, 65536)
            except OSError:  # Linux says so that the other side has closed
                piece = b""
            if not piece:
                assert until is None, "\n".join(self.screen.lines[-60:])
                break
            rest += piece
            whole, rest = _whole(rest)
            self.written += whole
            self.screen.feed(whole)
        return self.screen.lines

    def status(self) -> int:
        """The status that it ends with."""
        return self.process.wait(60)


def _whole(piece: bytes) -> tuple[str, bytes]:
    """The text up to the last character and escape sequence that is there in full, and the rest."""
    for cut in range(len(piece), max(-1, len(piece) - 16), -1):
        try:
            text = piece[:cut].decode()
        except UnicodeDecodeError:
            continue
        if not re.search(r"\x1b(\[[?\d;]*)?$", text):
            return text, piece[cut:]
    return "", piece
