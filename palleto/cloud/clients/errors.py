"""What goes wrong with a request: always a `CloudError`, whether it may pass, and how long to wait until then."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from palleto.errors import CloudError, PalletoError

ABANDONED = "Abandoned"
"""The code of a request that the end of the run did not wait for."""

THROTTLING = frozenset(
    [
        "Throttling",
        "ThrottlingException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "SlowDown",
        "RequestTimeout",
        "OverLimit",
    ]
)
DENIED = frozenset(
    [
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ]
)
OURS = frozenset(
    [
        ABANDONED,
        "NoCredentialsError",
        "ParamValidationError",
        "PartialCredentialsError",
        "UnicodeEncodeError",
    ]
)
"""Errors without an answer that this side is to blame for: the next time would be the same."""


def raise_cloud_error(operation: str, error: Exception, *, whatever: bool = False) -> NoReturn:
    """Raise boto3's, botocore's or urllib3's exception as a `CloudError`; any other as it is, or `whatever` it is.

    Its code is the error's, or where there was no answer the exception's name.
    """
    from botocore.exceptions import ClientError

    if isinstance(error, ClientError):
        said = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise CloudError(operation, said.get("Code", "Unknown"), said.get("Message", ""), status) from error
    # Not every exception of botocore's is a BotoCoreError: a response that cannot be parsed is not.
    library = type(error).__module__.partition(".")[0]
    # UnicodeError: an argument that no request can hold, such as a key with half of a surrogate pair.
    known = library in ("botocore", "boto3", "s3transfer", "urllib3") or isinstance(error, OSError | UnicodeError)
    if known or whatever:
        raise CloudError(operation, type(error).__name__, str(error)) from error
    raise error


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


def passing(error: CloudError) -> bool:
    """Whether the same request may succeed a moment later.

    >>> passing(CloudError("s3.GetObject", "SlowDown", "", 503))
    True
    >>> passing(CloudError("s3.GetObject", "NoSuchKey", "", 404))
    False
    """
    if error.status == 0:  # no answer came, or none that can be read
        return error.code not in OURS and error.code not in DENIED and not no_queue(error)
    return error.status >= 500 or error.status == 429 or error.code in THROTTLING


def no_queue(error: CloudError) -> bool:
    """Whether the error says that the queue does not exist; SQS has two names for that."""
    return error.code.endswith(("NonExistentQueue", "QueueDoesNotExist"))


def backoff(attempt: int, chance: random.Random, longest: float = 5.0) -> float:
    """Seconds to wait after the `attempt`-th failure in a row, from 0: doubling from 0.1 s, up to half of it off."""
    wait: float = min(longest, 0.1 * 2 ** min(attempt, 20))
    return wait * (1 - chance.random() / 2)
