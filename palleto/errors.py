"""The exception tree: every error is one line that says what was expected, what came, and what mends it.

PalletoError
├── DemandError     a call that breaks a rule of demand; nothing was changed
├── ReturnError     a callback returned something that is not a list of events
├── NameTakenError  two running processes want one name
├── NotFoundError   no running process has that name
├── RestartError    a supervisor is out of restarts
├── EndlessError    virtual time cannot move: stages take turn after turn
├── DrainError      a drain took longer than it might
├── SettingError    an option, endpoint or file given by the user that cannot be used
├── CloudError      an answer of SQS, S3 or CloudFormation that is an error
└── BadInput        a message or file that cannot be processed, now or ever
    ├── BadMessage  the body of an SQS message is not an S3 event
    └── BadFile     the S3 object is gone, not gzip, cut off or too large
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def one_line(text: str) -> str:
    r"""A text in one line that a terminal only prints: line breaks and control characters as Python writes them.

    What came from outside (the key of an object, the answer of a server) may hold what moves a terminal's cursor, gives
    it another title, or stands in for a line of ours.

    >>> print(one_line("a\nb \x1b[31m 日本"))
    a\nb \x1b[31m 日本
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


class PalletoError(Exception):
    """The root of every error that Palleto raises on purpose; `str(error)` is one line that a terminal only prints."""

    def __str__(self) -> str:
        return one_line(super().__str__())

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in a notebook in place of a traceback: the line says what mends it."""
        return [str(self)]


class DemandError(PalletoError, ValueError):
    """A call that breaks a rule of demand (a negative ask, `min_demand` not below `max_demand`).

    It is raised before anything is changed: the stage goes on as if the call had not been made.
    """


class ReturnError(PalletoError, TypeError):
    """A callback returned something else than it may; its stage crashes with this error."""


class NameTakenError(PalletoError):
    """A process was started under a name that a running process has."""


class NotFoundError(PalletoError, LookupError):
    """No running process has the name that was asked for."""


class RestartError(PalletoError):
    """A supervisor restarted its children more often than its budget allows, and gave up.

    `__cause__` is the crash that was one too many; None if its last child to end did not crash on an exception.
    """


class DrainError(PalletoError, TimeoutError):
    """A drain took longer than its `timeout`, in seconds of run time. The run goes on as it is.

    `unfinished` says what is not done: the names of processes, and what each of them is at.
    """

    def __init__(self, timeout: float | None, unfinished: dict[str, str]) -> None:
        what = "; ".join(f"{name} {why}" for name, why in unfinished.items()) or "nothing that can be named"
        super().__init__(f"expected the drain to end within {timeout:g} s, got: {what}")
        self.timeout = timeout
        self.unfinished = unfinished


class StandstillError(PalletoError):
    """On virtual time nothing can ever happen again: no timer, no worker thread, no I/O."""

    def __init__(self) -> None:
        super().__init__(
            "virtual time stands still: every task waits for something that never comes;"
            " look for a demand or an event that was lost, or run in real time"
        )


class EndlessError(PalletoError):
    """On virtual time, stages took as many turns as they may (`running(max_turns=...)`) at one moment.

    A source that always answers at once is endless, and so is a stage that casts to itself: time moves only when nobody
    can run. `stages` are the names of those that took the last turns.
    """

    def __init__(self, turns: int, stages: list[str], now: float) -> None:
        super().__init__(
            f"expected virtual time to move, got {turns:,} turns of {', '.join(stages)} at {now:.3f} s: a source that "
            "always answers at once is endless, and so is a stage that casts to itself; let it wait or end, or give "
            "running(max_turns=...) more"
        )
        self.stages = stages


class SettingError(PalletoError, ValueError):
    """A setting of the user's (an option, an endpoint, a file) that cannot be used as it is."""


def unknown(name: object, known: Iterable[str]) -> SettingError:
    """The error of a name that there is not: those that there are, and the one that was probably meant.

    >>> print(unknown("corupt gzip", ["nothing", "corrupt gzip"]))
    expected one of: nothing, corrupt gzip; got: 'corupt gzip'; did you mean corrupt gzip?
    """
    names = [*known]
    return SettingError(f"expected one of: {', '.join(names)}; got: {name!r}{meant(name, names)}")


def meant(name: object, known: Iterable[str]) -> str:
    """The end of a line about a name that there is not: which one was probably meant; empty if none is near.

    >>> meant("--pipeline", ["--pipelines", "--place"])
    '; did you mean --pipelines?'
    """
    words = {_own_part(one): one for one in known}
    near = get_close_matches(_own_part(str(name)), words, 1)
    return f"; did you mean {words[near[0]]}?" if near else ""


def _own_part(name: str) -> str:
    """A name without what many begin with alike, which tells none apart: the dashes of an option, "step5."."""
    return name.lstrip("-").rpartition(".")[2]


class CloudError(PalletoError):
    """An operation of the cloud that failed: its code, in boto3's words, and one line of what it said.

    `operation` is `"sqs.ReceiveMessage"`, `code` boto3's error code (`"NoSuchKey"`) or, where no answer came,
    the name of botocore's exception (`"EndpointConnectionError"`); `status` the HTTP status, 0 without one.
    """

    def __init__(self, operation: str, code: str, message: str, status: int = 0) -> None:
        super().__init__(f"{operation} failed with {code}: {' '.join(message.split())}")
        self.operation = operation
        self.code = code
        self.status = status


class BadInput(PalletoError, ValueError):
    """A message or a file that cannot be processed, however often it is tried."""


class BadMessage(BadInput):
    """The body of an SQS message that is not an S3 event."""


class BadFile(BadInput):
    """An S3 object that is gone, not gzip, cut off, or unzips to more than `--max-bytes`."""
