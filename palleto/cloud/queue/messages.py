"""What is in a message, and which messages are in other things."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from palleto.errors import BadMessage

Message = dict[str, Any]
"""A message as boto3's `receive_message` gives it."""

E = TypeVar("E")


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
