"""The player in headless Chromium: the numbers that stages and supervisors show."""

from __future__ import annotations

import pytest

from palleto.lab.player import Player

pytestmark = pytest.mark.browser


def test_the_picture_shows_the_numbers_of_stages_and_a_server_stands_where_it_stood(events_of, opened, read, tmp_path):
    trace = events_of(5, 7)
    told = [event for event in trace if event.kind == "shown" and event.stage == "SQS.Server"][3]
    page = opened(Player(trace).save(tmp_path / "t.html").as_uri())
    page.evaluate("index => palleto.go(index)", told.seq)
    read(page)
    for stage, number in (("SQS.Server", "wanted = 30"), ("SQS.Producer", "owed = 30")):
        assert page.locator(f".box[data-stage='{stage}'] .number").text_content() == number
    assert page.locator(".now").text_content().startswith("SQS.Server has wanted = 30")
    acting = page.locator(".line.acting")
    assert "return self.take(self.owed)" in acting.text_content()
    assert "SQS.Server" not in acting.locator(".stand").all_inner_texts()
