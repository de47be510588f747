"""The same files through several pipelines, side by side: where they wait, what is dropped, how long each takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from palleto.lab.figures.picture import (
    BLUE,
    GREEN,
    ORANGE,
    VERMILLION,
    Picture,
    dress,
    label,
    legend_of_all,
    nothing,
    whole_numbers,
)
from palleto.lab.figures.theme import INK
from palleto.lab.overload.account import DROPPED, HELD, MISSED, WAITING, Account, Accounts
from palleto.replay.series import Series

ROWS = {
    HELD: ("files\nin memory", BLUE, ""),
    WAITING: ("files\nat the source", GREEN, "///"),
    "gone": ("files dropped\nso far", VERMILLION, "xxx"),
}
"""What is drawn below each other: the label of the axis, colour and hatch."""


def overload_over_time(runs: Mapping[str, Any]) -> Picture:
    """A column a run: files in memory, files at the source, files dropped, and the seconds that each file took.

    runs: `{"unbounded": run, "demand": run}`, each an experiment, a recorder or a list of trace events. They share
    their axes, so that what is higher is more.
    """
    accounts = Accounts(runs)
    if not accounts or not all(account.sent for account in accounts.values()):
        return nothing("No file arrived in one of these runs: run the cells above first.")
    end = max(account.end for account in accounts.values())
    picture = Picture(9.5, 7.2)
    rows = picture.subplots(len(ROWS) + 1, len(accounts), sharex=True, sharey="row", squeeze=False)
    handles: list[Any] = []
    for column, (name, account) in enumerate(accounts.items()):
        axes = [row[column] for row in rows]
        for one in axes:
            dress(one)
        handles = _column(axes, account)
        axes[0].set_title(name, fontsize=11.5, fontweight="bold", color=INK)
        axes[-1].set_xlim(0, end)
        label(axes[-1], x="run time (s)")
    for axes, words in zip(rows[:, 0], [*(words for words, _, _ in ROWS.values()), "seconds\nof a file"], strict=True):
        label(axes, y=words)
        whole_numbers(axes)
    for row in rows:
        row[0].set_ylim(0, max(1.0, *(axes.dataLim.y1 for axes in row)) * 1.08)
    legend_of_all(picture, handles, below=True)
    most = ", ".join(f"{account.most[HELD]} {name}" for name, account in accounts.items())
    gone = ", ".join(f"{count} {name}" for name, account in accounts.items() if (count := _gone(account)))
    each = "; ".join(f"{name}: {_words(account)}" for name, account in accounts.items())
    return picture.say(f"Files in memory at most: {most}; dropped: {gone or 'none'}", f"{each}.")


def _column(axes: list[Any], account: Account) -> list[Any]:
    """Draw one run. Returns the handles of its last panel for a legend."""
    for place, panel in zip(ROWS, axes, strict=False):
        _, colour, hatch = ROWS[place]
        times, values = _steps(account, place)
        panel.fill_between(times, values, step="post", facecolor=colour, alpha=0.75, hatch=hatch, edgecolor=INK, lw=0)
    last = axes[-1]
    whole = last.plot(
        account.ends, account.latency, color=ORANGE, linewidth=2.4, label="from its arrival until it is done"
    )
    hand = last.plot(
        account.ends, account.in_hand, color=BLUE, linewidth=2, linestyle=(0, (3, 1)), label="of these, in memory"
    )
    return [*whole, *hand]


def _steps(account: Account, place: str) -> tuple[list[float], list[float]]:
    """The moments at which a number changed, and the number from each on, until the end."""
    if place == "gone":
        dropped, missed = (account.over.get(name, Series()) for name in (DROPPED, MISSED))
        times = sorted({0.0, *dropped.times, *missed.times})
        values = [dropped.at(t) + missed.at(t) for t in times]
    else:
        series = account.over.get(place, Series())
        times, values = [0.0, *series.times], [0.0, *series.values]
    return [*times, account.end], [*values, values[-1]]


def _gone(account: Account) -> int:
    return account.places[DROPPED] + account.places[MISSED]


def _words(account: Account) -> str:
    return (
        f"{account.most[HELD]} in memory and {account.most[WAITING]} at the source at most, {_gone(account)} dropped, "
        f"the oldest was {account.oldest:.1f} s old"
    )
