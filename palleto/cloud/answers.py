"""Answers that lack what they must have: one clear line, in place of a KeyError.

An answer that was damaged on its way, or comes from something that is no server of AWS's API, is often read without an
error, and has only some of its keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from palleto.errors import CloudError, PalletoError


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
