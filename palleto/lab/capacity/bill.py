"""What AWS would charge for a million files, by the prices in prices.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from palleto.lab.capacity.trial import Trial
from palleto.replay import html_table, text_table

__all__ = ["Bill", "Prices", "prices"]

FILES = 1_000_000
VCPUS, MEMORY = 1, 2
"""What a worker rents: vCPUs, and GB of memory, the least that goes with one."""


class Prices(dict[str, dict[str, Any]]):
    """What AWS charges, by name: USD `price` for `per` times the `unit`, its `source`, and `as_of` when. As a table."""

    HEAD = ("", "USD", "for", "source", "read at", "as of")

    def __init__(self, text: str) -> None:
        read = tomllib.loads(text)
        self.region, self.compiled = read["region"], read["compiled"]
        super().__init__({name: price for name, price in read.items() if isinstance(price, dict)})

    @property
    def rows(self) -> list[list[str]]:
        """A row a price."""
        return [
            [each["what"], f"{each['price']:g}", plural(each["per"], each["unit"])]
            + [str(each[key]) for key in ("source", "quoted", "as_of")]
            for each in self.values()
        ]

    def __repr__(self) -> str:
        return text_table(self.HEAD, self.rows)

    def _repr_html_(self) -> str:
        return html_table(self.HEAD, self.rows)


@cache
def prices() -> Prices:
    """The prices of prices.toml."""
    return Prices(Path(__file__).with_name("prices.toml").read_text(encoding="utf-8"))


def plural(number: float, unit: str) -> str:
    """A number and its unit: "1 hour", "1,000 requests", "50 GB"."""
    return f"{number:,.0f} {unit}{'' if number == 1 or unit.isupper() else 's'}"


class Line(NamedTuple):
    """A line of a bill: what for, what AWS calls it, how many, of which unit, and USD."""

    what: str
    price: str
    number: float
    unit: str
    usd: float


class Bill:
    """A million files, done as in a trial, on workers that run as long as that takes, in AWS's own region.

    away: the workers are not in AWS: every file goes through the internet, and their own computers cost nothing here.
    """

    def __init__(self, trial: Trial, *, away: bool = False) -> None:
        it, workers = trial.measured, trial.setting.workers
        pace = (trial.load.rate if trial.keeps_up else None) or it.throughput
        hours = workers * FILES / pace / 3600 if pace else float("inf")
        self.lines = [
            _line("the puts", "s3_put", FILES),
            _line("S3's messages", "sqs_request", FILES),
            _line("the receives", "sqs_request", FILES * it.each("receive")),
            _line("the deletes", "sqs_request", FILES * it.each("delete")),
            _line("the extensions", "sqs_request", FILES * it.each("visibility")),
            _line("the downloads", "s3_get", FILES * it.each("download")),
        ]
        if away:
            self.lines.append(_line("the way out of AWS", "transfer_out", FILES * trial.load.mean_size / 1e9))
        else:
            self.lines.append(_line("the workers", "vcpu_hour", hours * VCPUS))
            self.lines.append(_line("their memory", "memory_hour", hours * MEMORY))

    @property
    def total(self) -> float:
        """USD."""
        return sum(line.usd for line in self.lines)

    @property
    def polling(self) -> float:
        """USD for receives, those that find nothing included."""
        return next(line.usd for line in self.lines if line.what == "the receives")

    @property
    def rows(self) -> list[list[str]]:
        """A line each, and their sum."""
        rows = [[line.what, line.price, plural(line.number, line.unit), f"{line.usd:,.2f}"] for line in self.lines]
        return [*rows, ["together", "", "", f"{self.total:,.2f}"]]

    def __repr__(self) -> str:
        return text_table(["a million files", "", "", "USD"], self.rows)

    def _repr_html_(self) -> str:
        after = f"Prices of {prices().region}, put together on {prices().compiled}."
        return html_table(["a million files", "", "", "USD"], self.rows, after=after)


def _line(what: str, name: str, number: float) -> Line:
    price = prices()[name]
    return Line(what, price["what"], number, price["unit"], number / price["per"] * price["price"])
