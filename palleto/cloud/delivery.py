"""One message as it was delivered: whether it is whole, what is in it, and which messages are in other things."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from palleto.errors import BadMessage

Message = dict[str, Any]
"""A message as boto3's `receive_message` gives it."""

E = TypeVar("E")


def intact(message: object) -> bool:
    """Whether a message came as it was sent: SQS says the MD5 of each body, and boto3 does not look.

    >>> intact({"MessageId": "1", "ReceiptHandle": "h", "Body": "hey", "MD5OfBody": "6057f13c496ecf7fd777ceb9e79ae285"})
    True
    >>> intact({"MessageId": "1", "ReceiptHandle": "h", "Body": "hay", "MD5OfBody": "6057f13c496ecf7fd777ceb9e79ae285"})
    False
    """
    if not isinstance(message, dict):
        return False
    parts = [message.get(name) for name in ("MessageId", "ReceiptHandle", "Body")]
    if not all(isinstance(part, str) for part in parts):
        return False
    count = message.get("Attributes", {}).get("ApproximateReceiveCount", "1")
    body = str(parts[2]).encode("utf-8", "surrogatepass")
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return message.get("MD5OfBody", md5) == md5 and str(count).isdecimal()


def handles_in(things: Iterable[Any]) -> Iterator[str]:
    """The receipt handles of events, and of those that are part of something: of a download, of a message of a stage.

    >>> from typing import NamedTuple
    >>> class Event(NamedTuple):
    ...     receipt_handle: str
    >>> list(handles_in([Event("a"), (Event("b"), "a path"), ("enqueue", [Event("c")]), "hey"]))
    ['a', 'b', 'c']
    """
    for thing in things:
        handle = getattr(thing, "receipt_handle", None)
        if isinstance(handle, str):
            yield handle
        elif isinstance(thing, list | tuple):
            yield from handles_in(thing)


def parsed(message: Message, parse: Callable[[Message], list[E]]) -> list[E]:
    """What `parse` makes of a message. Raises BadMessage, whatever `parse` raises."""
    try:
        return parse(message)
    except BadMessage:
        raise
    except Exception as error:  # nesting too deep for `json`, for one
        raise BadMessage(f"expected a message that can be parsed, got {type(error).__name__}: {error}") from error


def one_line(text: str) -> str:
    r"""A text in one line that a terminal only prints: line breaks and control characters as Python writes them.

    >>> print(one_line("a\nb \x1b[31m 日本"))
    a\nb \x1b[31m 日本
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
