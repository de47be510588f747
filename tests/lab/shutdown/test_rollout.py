"""Deploys under load: which of them make dead letters, and what prevents that."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from palleto import PalletoError
from palleto.lab.shutdown import Rollout, Rollouts, roll_out
from palleto.lab.shutdown.rollout import START, WORKERS
from palleto.lab.shutdown.service import SPREAD

SECONDS = 15.0


@cache
def rolled(name: str, deadline: float = 5, **settings: Any) -> Rollout:
    return roll_out(name, deadline, SECONDS, **settings)


def files(one: Rollout, *fates: Any) -> int:
    return sum(one.verdict.count(fate)[1] for fate in fates)


def test_without_a_deploy_all_is_done_once():
    one = rolled("kill -9", deploys=0)
    assert files(one, "done once") == len(one.verdict.files) > WORKERS
    assert (one.deploys, one.took, one.dead) == ([], 0, [])


@pytest.mark.parametrize("name", ["kill -9", "cancel"])
def test_deploys_alone_make_dead_letters(name: str):
    one = rolled(name)
    assert files(one, "dead-lettered") == len(one.dead) > 0
    assert files(one, "done once", "done twice", "delayed", "dead-lettered") == len(one.verdict.files)
    assert min(one.dead) > one.deploys[-1][0], "it takes as many deploys as the queue allows receives"


def test_dead_letters_are_a_matter_of_receives():
    one = rolled("kill -9", receives=10)
    assert one.dead == []
    assert files(one, "delayed", "done twice") > 0


def test_a_deadline_longer_than_any_file_prevents_all_of_it():
    one = rolled("drain", SECONDS * (1 + SPREAD) + 1)
    assert files(one, "done once") == len(one.verdict.files)
    assert one.took > WORKERS * START, "it has its price: a kill -9 takes no longer than the starts"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_workers_end_one_after_the_other_and_each_has_a_successor(backend: str):
    one = roll_out("drain and give back", 3, SECONDS, deploys=2, every=20, backend=backend)
    assert len(one.deploys) == 2
    assert len(one.lives) == WORKERS * 3
    for place in range(WORKERS):
        lives = [life for life in one.lives if life.place == place]
        assert [life.start for life in lives[1:]] == [life.gone for life in lives[:-1]]
    ends = sorted((life.told, life.gone) for life in one.lives if life.told is not None)
    assert all(gone <= told for (_, gone), (told, _) in pairwise(ends))


def test_a_trace_tells_the_workers_apart():
    one = rolled("kill -9", deploys=0)
    stages = {event.stage for event in one.trace if event.kind == "written"}
    assert {stage.rpartition(" ")[0] for stage in stages} == {f"worker {place + 1}" for place in range(WORKERS)}


def test_the_table_of_several():
    table = Rollouts({"none": rolled("kill -9", deploys=0), "kill -9": rolled("kill -9")})
    assert [line.split("  ")[0] for line in repr(table).splitlines()] == ["", "none", "kill -9"]
    assert table._repr_html_().count("<tr>") == 3
    assert repr(rolled("kill -9")).startswith("3 deploys, kill -9: ")
    assert "Show me the first dead letter</button>" in rolled("kill -9")._repr_html_()
    assert "Show me" not in rolled("kill -9", deploys=0)._repr_html_()


@pytest.mark.parametrize(
    "settings", [{"every": 0}, {"deadline": "2"}, {"seconds": -2.0}, {"receives": 0}, {"deploys": -1}]
)
def test_what_cannot_be_is_refused_in_one_line(settings: Any):
    with pytest.raises(PalletoError, match=r"expected (every|deadline|seconds|receives|deploys) to be .*, got: "):
        roll_out("drain", **settings)
