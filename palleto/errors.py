"""The exception tree: every error is one line that says what was expected, what came, and what mends it.

PalletoError
├── DemandError     a call that breaks a rule of demand; nothing was changed
├── ReturnError     a callback returned something that is not a list of events
├── NameTakenError  two running processes want one name
├── NotFoundError   no running process has that name
├── RestartError    a supervisor is out of restarts
├── SettingError    an option, endpoint or file given by the user that cannot be used
├── CloudError      an answer of SQS, S3 or CloudFormation that is an error
└── BadInput        a message or file that cannot be processed, now or ever
    ├── BadMessage  the body of an SQS message is not an S3 event
    └── BadFile     the S3 object is gone, not gzip, cut off or too large
"""

from __future__ import annotations


class PalletoError(Exception):
    """The root of every error that Palleto raises on purpose; `str(error)` is one line."""


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
    """A supervisor restarted its children more often than its budget allows, and gave up."""


class StandstillError(PalletoError):
    """On virtual time nothing can ever happen again: no timer, no worker thread, no I/O."""

    def __init__(self) -> None:
        super().__init__(
            "virtual time stands still: every task waits for something that never comes;"
            " look for a demand or an event that was lost, or run in real time"
        )


class SettingError(PalletoError, ValueError):
    """A setting of the user's (an option, an endpoint, a file) that cannot be used as it is."""


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
