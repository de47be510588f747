"""Sample files: a day of app events each, JSON Lines in gzip, the same bytes on every machine with one zlib.

Day 0 is 2016-07-20, and day 11, the talk's last, 2016-07-31. A day has 2,000 to 5,999 events, and no two of 4,000 days
in a row have as many, so that a count tells which file it is of.
"""

from __future__ import annotations

import gzip
import hashlib
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache
from itertools import count as count_from

PREFIX = "packrat/data/"
FIRST_DAY = date(2016, 7, 20)
FEWEST, SPREAD = 2_000, 4_000  # lines a day: at least, and from how many more one number is drawn

NAMES = ("app_opened", "item_packed", "item_unpacked", "list_shared", "search", "app_closed")
# Looked up, because formatting three numbers with leading zeros takes longer than the rest of a line.
TWO_DIGITS = [f"{number:02}" for number in range(60)]
MINUTES = [f"{hour}:{minute}" for hour in TWO_DIGITS[:24] for minute in TWO_DIGITS]
PLATFORMS = ("android", "ios", "web")


@dataclass(frozen=True)
class Sample:
    """One day's file: its S3 key, the gzip bytes, and how many lines they hold."""

    key: str
    data: bytes = field(repr=False)
    lines: int

    @property
    def size(self) -> int:
        """The size of the gzip file in bytes."""
        return len(self.data)

    @property
    def etag(self) -> str:
        """The ETag that S3 gives it: the MD5 of the bytes, in hexadecimal, without quotation marks."""
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()

    def open(self) -> bytes:
        """The bytes of the file, as `upload` puts them."""
        return self.data


@lru_cache(maxsize=64)  # a run that is repeated uploads the same again, up to 60 files in a lesson: 50 kB each
def sample(day: int) -> Sample:
    """The file of one day, counted from 0; made in about 7 ms.

    >>> sample(0)
    Sample(key='packrat/data/20160720.gz', lines=2851)

    Raises ValueError for a day before day 0.
    """
    if day < 0:
        raise ValueError(f"expected a day of 0 or more, got {day}")
    chance = random.Random(day)
    date_ = FIRST_DAY + timedelta(days=day)
    lines = FEWEST + (851 + 1_597 * day) % SPREAD  # 1,597 and 4,000 have no common factor
    # A day's events are drawn from 600 made ones: drawing each field of each line would take three times as long.
    events = [
        f'"event":"{name}","user":"{chance.getrandbits(32):08x}","platform":"{chance.choice(PLATFORMS)}"'
        for name in NAMES
        for _ in range(100)
    ]
    seconds = [86_400 * number // lines for number in range(lines)]
    text = "".join(
        f'{{"at":"{date_}T{MINUTES[s // 60]}:{TWO_DIGITS[s % 60]}Z",{event},"items":{s % 17}}}\n'
        for s, event in zip(seconds, chance.choices(events, k=lines), strict=True)
    )
    data = gzip.compress(text.encode(), compresslevel=1, mtime=0)
    return Sample(key_of(day), data, lines)


def key_of(day: int) -> str:
    """The key of the file of a day, counted from 0.

    >>> key_of(11)
    'packrat/data/20160731.gz'
    """
    return f"{PREFIX}{FIRST_DAY + timedelta(days=day):%Y%m%d}.gz"


def samples(count: int) -> Iterable[Sample]:
    """The files of the first `count` days, made one by one as they are asked for."""
    return (sample(day) for day in range(count))


def endless_samples(distinct: int = 60) -> Iterator[Sample]:
    """The files of the first `distinct` days (1 or more), over and over, each time under the key of the next day.

    So no two have one key, and a file costs nothing to make after the first round.
    """
    return (replace(sample(day % distinct), key=key_of(day)) for day in count_from())
