"""Workers that are processes, on LocalStack: they share the files of one queue, and each polls for itself."""

from __future__ import annotations

import pytest

from palleto.errors import PalletoError, SettingError
from palleto.lab.capacity import on_localstack, real, workers_on_localstack


@pytest.mark.localstack
def test_two_processes_share_a_queue_of_localstack_and_receives_are_as_simulated(localstack: str):
    found = workers_on_localstack(2, files=16)
    assert (found.sent, found.done) == (16, 16)
    assert found.throughput > 0
    assert found.requests["download"] == 16
    assert found.each("receive") == pytest.approx(1, abs=0.5)


@pytest.mark.localstack
def test_with_localstack_and_without_numbers_it_says_what_to_name(localstack: str, capsys: pytest.CaptureFixture[str]):
    assert on_localstack() == {}
    assert capsys.readouterr().out.startswith(f"localstack answers at {localstack}; name numbers of workers: ")


def test_without_localstack_one_line_says_how_to_start_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("LOCALSTACK_HOST", "127.0.0.1:1")
    assert on_localstack(1, 2) == {}
    (said,) = capsys.readouterr().out.splitlines()
    assert said.startswith("expected LocalStack at http://127.0.0.1:1, got no answer; start it: ")


@pytest.mark.parametrize(
    ("bad", "said"), [((0,), "workers to be .* 1 or more, got: 0"), ((1, 0), "files to be .* 1 or more, got: 0")]
)
def test_numbers_that_cannot_be(bad: tuple[int, ...], said: str):
    with pytest.raises(SettingError, match=said):
        workers_on_localstack(*bad)


def test_a_worker_that_ends_is_told_with_what_it_said(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv("LOCALSTACK_HOST", "127.0.0.1:1")
    with (
        pytest.raises(PalletoError, match="got one that ended; it said: error: expected LocalStack at http://127"),
        real._processes(tmp_path, 1, 1) as running,
    ):
        real._until(lambda: False, running, tmp_path)
