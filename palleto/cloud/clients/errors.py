"""What goes wrong with a request: always a `CloudError`, and how long to wait until it may pass (`endurance.py`)."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from palleto.errors import CloudError, PalletoError

LONGEST = 300
"""Characters of what a server says that are told."""
ABANDONED = "Abandoned"
"""The code of a request that the end of the run did not wait for."""


def raise_cloud_error(operation: str, error: Exception, *, whatever: bool = False) -> NoReturn:
    """Raise an exception of boto3's, botocore's, urllib3's or obstore's as a `CloudError`; any other as it is.

    whatever: any other as a `CloudError` too.

    Its code is the error's, or where there was no answer the exception's name.
    """
    from botocore.exceptions import ClientError

    if isinstance(error, ClientError):
        said = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise CloudError(operation, said.get("Code", "Unknown"), _told(said.get("Message", "")), status) from error
    # Not every exception of botocore's is a BotoCoreError: a response that cannot be parsed is not.
    library = type(error).__module__.partition(".")[0]
    # UnicodeError: an argument that no request can hold, such as a key with half of a surrogate pair.
    known = library in ("botocore", "boto3", "obstore", "s3transfer", "urllib3") or isinstance(
        error, OSError | UnicodeError
    )
    if known or whatever:
        raise CloudError(operation, type(error).__name__, _told(str(error))) from error
    raise error


def _told(message: str) -> str:
    """The message, or its beginning; of a web page only that it is one.

    A server that is none of AWS's, or a proxy, sends web pages; and some tell the whole request that they failed at.
    """
    page = re.search(r"<!doctype html|<html", message, re.IGNORECASE)
    return "expected an answer of AWS's API, got a web page; is the endpoint's URL right?" if page else short(message)


def short(message: str) -> str:
    """A message of `LONGEST` characters at most, with one blank where there was other white space."""
    words = " ".join(message.split())
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 3]}..."


def abandoned(operation: str) -> CloudError:
    """The error of a request that was left behind."""
    return CloudError(operation, ABANDONED, "the run ended before it was answered")


@contextmanager
def whole_answers(what: str) -> Iterator[None]:
    """Raise `CloudError` where the block finds no such key, or no number where one must be, in an answer.

    >>> with whole_answers("deploying the stack"):
    ...     {}["QueueUrl"]
    Traceback (most recent call last):
    ...
    palleto.errors.CloudError: deploying the stack failed with ResponseParserError: an answer has no 'QueueUrl': ...
    """
    try:
        yield
    except PalletoError:
        raise
    except (LookupError, ValueError) as error:
        lacks = f"no {error}" if isinstance(error, KeyError) else f"something else than it should ({error})"
        reason = f"an answer has {lacks}: it was damaged on its way, or is none of AWS's; try again"
        raise CloudError(what, "ResponseParserError", reason) from error


def backoff(attempt: int, chance: random.Random, longest: float = 5.0) -> float:
    """Seconds to wait after the `attempt`-th failure in a row, from 0: doubling from 0.1 s, up to half of it off."""
    wait: float = min(longest, 0.1 * 2 ** min(attempt, 20))
    return wait * (1 - chance.random() / 2)
