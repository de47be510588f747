"""The view of a run as lines of a terminal: what is seen, where it stands, and that it fits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palleto.program.watch.pipeline import CROSSING, FELL, LIT, RISEN
from palleto.program.watch.signs import ASCII
from palleto.program.watch.view import View
from palleto.replay import Scene
from palleto.trace import TraceEvent

WIDTHS = (60, 120)


def event(t: float, stage: str, kind: str, peer: str | None = None, ids: Any = (), **data: Any) -> TraceEvent:
    return TraceEvent(0, t, stage, kind, peer, tuple(ids), data.pop("ledger", None), None, None, data)


def scene_of(events: Sequence[TraceEvent]) -> Scene:
    scene = Scene()
    for one in events:
        scene.add(one)
    return scene


def seen(
    scene: Scene, columns: int, rows: int = 40, view: View | None = None, at: float = 0, **named: Any
) -> list[str]:
    if view is None:
        view = View("step", **named)
        view.frame(scene, "running", columns, rows, at - 9)  # what was new then moves no more
    lines = view.frame(scene, "running", columns, rows, at)
    assert len(lines) <= rows
    assert all(line.cell_len <= columns for line in lines), "\n".join(line.plain for line in lines)
    return [line.plain for line in lines]


def subscribed(labels: Sequence[str] = ("#4",)) -> Scene:
    scene = Scene()
    for label in labels:
        scene.add(event(0, "P", "subscribe", label))
        scene.add(event(0, "P", "ask", label, count=10))
    return scene


def middle(played: Any) -> Scene:
    """A step's scene when half of its trace is over."""
    return scene_of(played.trace[: len(played.trace) // 2])


def one_line(lines: Sequence[str], pattern: str) -> str:
    (line,) = [line for line in lines if re.search(pattern, line)]
    return line


@given(st.lists(st.tuples(st.floats(0.001, 30), st.integers(1, 50)), min_size=1, max_size=30))
def test_the_rate_is_drawn_however_uneven_it_is(work: list[tuple[float, int]]):
    """What is done at a moment is spread over the time before it, so that a column's count may be any fraction."""
    scene, t = subscribed(), 0.0
    for seconds, done in work:
        t += seconds
        scene.add(event(t, "#4", "handled", ids=["one"] * done, last=True))
    assert f"{scene.consumed} event" in one_line(seen(scene, 120), "^rate")


def test_step_5_at_120_columns(play):
    played = play(5)
    passed = [one for one in played.trace if one.t <= 40]  # the loop has found two events for the fourth time
    lines = seen(scene_of(passed), 120)
    first = one_line(lines, "SQS.Server")
    assert re.search(r"^SQS\.Server +◄  ┈+ +8► SQS\.Producer +◄6 ┈+ +4► #4 ● works on 2$", first), first
    assert re.search(r"^⟲ #9, \d+ runs", one_line(lines, "runs")), lines
    assert re.search(r"wanted 22 +owed 22 +◄8 ┈+ +2► #6 ○ waits$", one_line(lines, "owed"))
    assert re.search("1 running · 2 killed · 3 started$", one_line(lines, "^loops"))
    assert "a second · 6 events consumed" in one_line(lines, "^rate")
    assert not any(line.startswith(("queue", "files")) for line in lines)
    said = [one for one in passed if one.kind == "said"]
    assert lines[-8:] == [f"{one.t:8.1f} s  {one.data['text']}" for one in said[-8:]]


def test_step_5_at_60_columns_has_its_consumers_below(play):
    lines = seen(middle(play(5)), 60)
    above = one_line(lines, "SQS.Server")
    assert re.search(r"^SQS\.Server +◄  ┈+ +\d+► SQS\.Producer$", above)
    below = lines.index("Producer")  # of whom the rows below it ask
    assert below > lines.index(one_line(lines, "owed"))
    for label in ("#4", "#5", "#6"):
        row = one_line(lines, rf"► {label} ")
        assert re.match(r"◄\d+ +┈+ +\d+► ", row)
        assert lines.index(row) > below


@pytest.mark.parametrize("columns", WIDTHS)
def test_step_9_shows_queue_files_loops_and_each_pipeline(play, columns):
    played = play(9, files=40)
    scene = middle(played)
    lines = seen(scene, columns, expected=40)
    for number in (1, 2, 3):
        row = one_line(lines, rf"► Pipeline{number} ")
        assert row.count("◄") == row.count("►") == 2
    heading = one_line(lines, "ProducerConsumer +Consumer")
    assert heading.index(" Consumer") + 1 == row.rindex("►") + 2
    assert heading.startswith("Producer " if columns == 60 else "SQS.Server ")
    assert f"{scene.written} of 40 files done" in one_line(lines, "^files")
    assert one_line(seen(scene, columns), "^files").split(" done")[0].endswith(f" {scene.written} files")
    assert f"{scene.queue.deleted} deleted" in one_line(lines, "^queue")
    assert f"{scene.loops_started} started" in one_line(lines, "^loops")


@pytest.mark.parametrize("columns", WIDTHS)
def test_twelve_pipelines_fit_into_24_rows_and_of_more_the_number_is_told(play, columns):
    twelve = middle(play(9, files=20, pipelines=12))
    lines = seen(twelve, columns, 23, expected=20)
    assert sum("► Pipeline" in line for line in lines) == 12
    assert not any("more" in line for line in lines)
    assert any(" s  " in line for line in lines[-1:]), "expected the last line said, too"
    twenty = middle(play(9, files=30, pipelines=20))
    lines = seen(twenty, columns, 23, expected=30)
    shown = sum("► Pipeline" in line for line in lines)
    assert shown >= 11
    assert one_line(lines, "more").strip() == f"and {20 - shown} more"


def test_every_size_of_a_terminal_has_a_frame_that_fits(play):
    for scene in (Scene(), middle(play(1)), middle(play(9, pipelines=12))):
        for columns in (1, 10, 25, 40, 59, 79, 80, 100, 300):
            for rows in (1, 3, 10, 23, 60):
                assert seen(scene, columns, rows, expected=12)


def test_what_moves_goes_left_as_demand_and_right_as_events():
    scene, view = subscribed(), View("step")
    found = [seen(scene, 60, view=view, at=CROSSING * part) for part in (0, 0.3, 0.6, 0.9)]
    places = [one_line(lines, "#4").rindex("◄10") for lines in found]
    assert places == sorted(places, reverse=True)
    assert len(set(places)) == 4
    scene.add(event(2, "P", "emitted", "#4", "abc"))
    found = [seen(scene, 60, view=view, at=5 + CROSSING * part) for part in (0, 0.3, 0.6, 0.9)]
    places = [one_line(lines, "#4").index("3►") for lines in found]
    assert places == sorted(places)
    assert len(set(places)) == 4
    rest = one_line(seen(scene, 60, view=view, at=9), "#4")
    assert re.match(r".*◄7 ┈+ +3► #4 ", rest), rest


def test_many_at_once_move_as_one():
    scene, view = subscribed(), View("step")
    seen(scene, 120, view=view, at=-9)
    for step in range(4):
        scene.add(event(1, "P", "emitted", "#4", "ab"))
        seen(scene, 120, view=view, at=1 + step / 100)
    assert "6►" in one_line(seen(scene, 120, view=view, at=1.5), "#4").partition("8►")[0]


def test_at_work_crashed_and_restarting_are_told_by_sign_and_word():
    scene, view = subscribed(["#4", "#5"]), View("step")
    assert "#4 ○ waits" in one_line(seen(scene, 60, view=view), "#4")
    scene.add(event(1, "#4", "handle_events", ids="abc"))
    assert "#4 ● works on 3" in one_line(seen(scene, 120, view=view, at=1), "#4")
    scene.add(event(2, "#4", "crash", reason="ValueError: no"))
    scene.add(event(2, "P", "down", "#4"))
    lines = seen(scene, 60, view=view, at=2)
    assert re.match(r".*✕ gone.*#4 ✕ crashed$", one_line(lines, "#4 ✕ crashed$"))
    assert "✕ 1 crashed, 0 restarted; at 2.0 s #4: ValueError: no" in lines
    for one in (
        event(2, "#12", "started", **{"class": "C"}),
        event(2, "#12", "restart", "#1", reason="x"),
        event(2, "P", "subscribe", "#12"),
    ):
        scene.add(one)
    for after, told in ((LIT, "#12 ✕ crashed"), (FELL, "#12 ↻ restarts"), (RISEN, "#12 ○ waits ↻1")):
        assert one_line(seen(scene, 60, view=view, at=2 + after + 0.01), "#12 .").rstrip().endswith(told)


def test_a_loop_that_crashes_and_will_run_again():
    scene = subscribed()
    for one in (
        event(1, "#7", "loop_started", "S"),
        event(2, "#7", "loop_crashed", reason="OSError: no", again=9.0),
    ):
        scene.add(one)
    assert any(line.startswith("↻ #7 restarts") for line in seen(scene, 60))


def test_a_consumer_of_two_producers_has_a_wire_to_each_and_they_stand_one_below_the_other():
    scene = scene_of([event(0, name, "subscribe", "#4") for name in ("A", "B")])
    lines = seen(scene, 100)
    assert one_line(lines, "^A ").count("◄0") == 1
    assert sum("◄0" in line for line in lines) == 2
    assert sum("#4" in line for line in lines) == 1
    assert one_line(lines, "^B")


def test_rows_stand_in_the_order_of_their_numbers_and_without_names_as_they_came():
    for labels, expected in (
        (["Line10", "Line2", "Line1"], ["Line1", "Line2", "Line10"]),
        (["#12", "#5", "#4"], ["#12", "#5", "#4"]),
    ):
        lines = seen(subscribed(labels), 120)
        assert [label for line in lines for label in re.findall(r"► (\S+)", line)] == expected


def test_a_long_chain_goes_on_in_the_next_line():
    names = [f"S{number}" for number in range(7)]
    scene = scene_of([event(0, one, "subscribe", other) for one, other in pairwise(names)])
    assert sum(line.count("○ waits") for line in seen(scene, 60)) == 7


def test_an_end_keeps_what_flowed_in_sight(play):
    played = play(5)
    scene, view = scene_of(played.trace), View("step")
    lines = [line.plain for line in view.frame(scene, "ended", 120, 40, 0)]
    assert lines[0].startswith("■ ended")
    consumed = sum(len(one.ids) for one in played.kinds("handled") if one.stage == "#4")
    assert f" {consumed}► #4" in one_line(lines, "► #4")
    assert not any("gone" in line for line in lines)


def test_signs_for_a_terminal_without_boxes_are_ascii(play):
    scene = middle(play(9))
    lines = seen(scene, 120, view=View("step", 12, signs=ASCII))
    assert all(line.isascii() for line in lines), lines
    assert re.match(r"SQS.Server +< .*> SQS.Producer", one_line(lines, "SQS.Server"))


def test_what_the_step_says_cannot_spoil_the_lines():
    scene = subscribed()
    scene.add(event(1, "#4", "said", text="[bold]two\nlines[/] and \x1b[31mred"))
    (line,) = [line for line in seen(scene, 60) if "two" in line]
    assert "[bold]two\\nlines[/] and" in line
    assert "\x1b" not in line


@pytest.mark.parametrize("columns", WIDTHS)
def test_quiet_shows_no_lines(play, columns):
    assert not any("said" in line for line in seen(middle(play(5)), columns, said=False))
