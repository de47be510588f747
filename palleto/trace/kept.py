"""What a tape keeps of events: as little as their ids can be told from at any time, whatever becomes of the events.

The less is held on to, the better: a page of memory that was not used before costs 4 us. Numbers take 40 bytes each as
objects, of which a run uses the same few again and again unless somebody keeps them, and 5 as `marshal` writes them.
"""

from __future__ import annotations

from marshal import dumps, loads
from typing import Any

from palleto.trace.event import ids_of
from palleto.trace.law import Account

FIXED = frozenset({int, str, float, bool, type(None)})
"""What never changes."""

Kept = Any
"""One fixed event as it is; numbers as `marshal` writes them; else a tuple of fixed events, or of the ids of others."""


def kept(events: Any) -> Kept:
    """What is kept of events, as they are now."""
    if events.__class__ is not list or not events:
        return ids_of(events)
    if len(events) == 1 and events[0].__class__ in FIXED:
        return events[0]
    if events[0].__class__ is int:
        try:
            data = dumps(events, 2)
        except ValueError:
            return ids_of(events)
        # Numbers of 32 bits: five bytes for the list, then an "i" and four bytes for each. This takes a third of what a
        # look at each one's type takes. Of anything else marshal may write what it reads as something else, but then
        # another letter stands at the first such place.
        if not data[5::5].strip(b"i"):
            return data
    return tuple(events) if _are_fixed(events) else ids_of(events)


def kept_of(account: Account | None, events: Any) -> Kept:
    """What was kept of events at the moment at which they were sent, if that is known; else as they are now."""
    if len(events) == 1 and events[0].__class__ in FIXED:
        return events[0]
    if account is not None:
        while account.older:
            batch, ids = account.older.popleft()
            if batch is events:
                return ids
        if account.batch is events:
            account.batch = None
            return account.ids
    return kept(events)


def ids_of_kept(events: Kept) -> tuple[str, ...]:
    """The ids of events of which this was kept."""
    return ids_of(loads(events) if events.__class__ is bytes else events)


def _are_fixed(events: list[Any]) -> bool:
    """Whether nothing that happens later can change their texts: numbers and strings."""
    if len(events) > 8 and events[0].__class__ is str:  # a quarter of the time that a look at each one's type takes
        try:
            return bool("".join(events))
        except TypeError:
            return False
    return FIXED.issuperset(map(type, events))
