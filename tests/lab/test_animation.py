"""The README's moving picture: it is a run, and nothing in it moves before what caused it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from palleto.lab import animation
from palleto.trace import Trace

PICTURE = Path(__file__).parents[2] / "notebooks" / "pipeline.svg"


@pytest.fixture(scope="module")
def trace() -> Trace:
    return animation.recorded()


def test_the_picture_is_the_one_that_the_command_makes(trace: Trace) -> None:
    same = PICTURE.read_text(encoding="utf-8") == animation.svg(trace)
    assert same, "make it anew: python -m palleto.lab.animation notebooks/pipeline.svg"


def test_every_file_goes_from_the_queue_to_the_results_one_place_after_the_other(trace: Trace) -> None:
    files, _ = animation.moves(trace)
    assert len(files) == animation.FILES
    for (_, _, place), *way in files.values():
        assert len(way) == 4  # to the producer, a producer-consumer, a consumer, the results
        assert way[-1][2][0] > animation.RESULTS
        before = 0.0
        for start, here, there in way:
            assert here == place
            assert start >= before
            assert there[0] > here[0], "events go to the right"
            place, before = there, start + animation.TRAVEL


def test_demand_goes_to_the_left_and_arrives_before_the_event_that_answers_it(trace: Trace) -> None:
    files, asks = animation.moves(trace)
    assert all(there[0] < here[0] for _, here, there in asks)
    for number in (1, 2, 3):
        x, y = animation.middle(f"Pipeline{number}ProducerConsumer")
        asked = sorted(start for start, here, _ in asks if here == (x - animation.BOX[0] / 2, y - 12))
        came = sorted(start for way in files.values() for start, _, there in way if there == (x, y + 14))
        for ask, event in zip(asked, came, strict=False):
            assert event >= ask + animation.TRAVEL


def test_nothing_is_loaded_and_times_are_in_order() -> None:
    text = PICTURE.read_text(encoding="utf-8")
    assert not re.search(r"href|url\(|<script|@import", text)
    for times in re.findall(r'keyTimes="(.*?)"', text):
        moments = [float(time) for time in times.split(";")]
        assert moments == sorted(moments)
        assert (moments[0], max(moments) <= 1) == (0, True)


def test_the_command_says_what_it_expects(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert animation.main(["picture.png"]) == 2
    assert capsys.readouterr().err == "usage: python -m palleto.lab.animation FILE.svg\n"
