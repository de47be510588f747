"""How the commands of this package are made: with click, and with errors of one line: what was expected, what came."""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from io import TextIOWrapper
from typing import Any

import click

from palleto.cloud.streams import open_closed, silence, tell
from palleto.errors import PalletoError, meant

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What a write to a full disk, or to a terminal that is gone, fails with."""
SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 120}


class Number(click.ParamType[Any]):
    """A number, made by `made`, that `fits`; `name` says in words which those are."""

    def __init__(self, name: str, made: Callable[[str], float], fits: Callable[[Any], bool]) -> None:
        self.name, self.made, self.fits = name, made, fits

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Fails for what is none, or does not fit."""
        try:
            number = self.made(value) if str(value).isascii() else None
        except (TypeError, ValueError):
            number = None
        if number is None or not self.fits(number):
            self.fail(f"expected {self.name}, got: {value!r}", param, ctx)
        return number


WHOLE = Number("a whole number", int, lambda number: True)
ONE_OR_MORE = Number("a whole number of 1 or more", int, lambda number: number >= 1)
NOT_NEGATIVE = Number("a whole number of 0 or more", int, lambda number: number >= 0)
ABOVE_ZERO = Number("a number above 0", float, lambda number: 0 < number < float("inf"))
SECONDS = Number("a number of seconds, 0 or more", float, lambda number: 0 <= number < float("inf"))
A_PORT = Number("a port, 1 to 65535", int, lambda number: 1 <= number <= 65535)  # with 0 nobody would know which


class OneOf(click.Choice[str]):
    """One of a few words."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """What is said of another."""
        return _expected(f"one of {', '.join(self.choices)}", value, self.choices)


def as_it_stands(text: str | None) -> str:
    """A text for a command's help whose lines stay as they are."""
    return "\n\n".join(f"\b\n{paragraph}" for paragraph in (text or "").strip().split("\n\n"))


def start(command: click.Command, program: str, arguments: Sequence[str] | None = None) -> None:
    """Run a command with the process's arguments, or with those given; `program` is what its user has typed so far.

    Exits with 1 after a PalletoError, 2 for a command line that cannot be used, each with one line on standard error;
    with 130 after Ctrl-C; or with what the command returns or exits with. Returns if that is nothing, or 0.
    """
    open_closed()
    if isinstance(sys.stdout, TextIOWrapper):  # a key may hold characters that the terminal has not, and a diagram does
        sys.stdout.reconfigure(errors="backslashreplace")
    status: Any = None
    try:
        # Not click's `main`: it exits with 1 when a reader has had enough, and writes an empty line after Ctrl-C.
        with command.make_context(program, list(sys.argv[1:] if arguments is None else arguments), **SETTINGS) as ctx:
            status = command.invoke(ctx)
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        status = end.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx is not None else program
        tell(f"{path}: error: {_said(error)} (--help explains the options)")
        status = 2
    except PalletoError as error:
        status = f"error: {error}"
    except (click.Abort, KeyboardInterrupt):
        status = 130
    except BrokenPipeError:  # `| head` has had enough
        silence()  # or the interpreter's last flush fails
    except OSError as error:
        if error.errno not in UNWRITABLE or error.filename is not None:
            raise
        silence()
        status = f"error: {unwritable(error)}"
    if isinstance(status, str):
        tell(status)
        status = 1
    if status:
        sys.exit(status)


def unwritable(error: OSError) -> str:
    """What to say where standard output cannot be written to."""
    return f"cannot write to standard output: {error.strerror}; let it go elsewhere"


def _said(error: click.UsageError) -> str:
    """What cannot be used, in one line, and what was probably meant."""
    match error:
        case click.NoSuchOption(ctx=click.Context() as ctx):
            options = [name for param in ctx.command.get_params(ctx) for name in param.opts if name.startswith("--")]
            return _expected("an option", error.option_name, options)
        case click.NoSuchCommand(ctx=click.Context(command=click.Group() as group) as ctx):
            names = group.list_commands(ctx)
            return _expected(f"one of {', '.join(names)}", error.command_name, names)
        case click.exceptions.NoArgsIsHelpError(ctx=click.Context(command=click.Group() as group) as ctx):
            return f"expected one of {', '.join(group.list_commands(ctx))}, got nothing"
        case click.MissingParameter(param=click.Argument() as argument):
            return f"expected {argument.make_metavar(error.ctx or click.get_current_context())}, got nothing"
        case click.BadParameter(param=click.Parameter() as param):
            return (
                f"{param.opts[-1] if isinstance(param, click.Option) else param.human_readable_name}: {error.message}"
            )
        case click.BadOptionUsage():
            takes = "does not take" not in error.message
            return f"expected {'a' if takes else 'no'} value for {error.option_name}, got {'none' if takes else 'one'}"
        case _:
            message = error.format_message().rstrip(".")
            return re.sub(
                r"^Got unexpected extra arguments? \((.*)\)$", r"expected no more arguments, got: \1", message
            )


def _expected(what: str, got: str, names: Iterable[str]) -> str:
    return f"expected {what}, got: {got!r}{meant(got, (name for name in names if not name.isdigit()))}"
