"""The live pipeline without a front-end: what it sends, what it says, and what is left of it without a kernel."""

from __future__ import annotations

import asyncio
import html
import json
import re
from typing import Any

import pytest

from palleto import Supervisor, child, running
from palleto.experiment import Experiment
from palleto.lab.dashboard import Dashboard
from palleto.lab.dashboard.pipeline import LivePipeline, still, supervision
from palleto.lab.publish import StaticWidgets
from palleto.replay import Scene
from palleto.trace import TraceEvent
from steps import step5, step9


def scene_of(*events: tuple[str, str, str | None, dict[str, Any]]) -> Scene:
    scene = Scene()
    for seq, (stage, kind, peer, data) in enumerate(events):
        scene.add(TraceEvent(seq, 0.0, stage, kind, peer, data=data))
    return scene


def asked(count: int) -> Scene:
    return scene_of(("P", "subscribe", "C", {}), ("P", "ask", "C", {"count": count}))


def test_it_sends_what_has_changed_and_nothing_else():
    live = LivePipeline()
    sent: list[Any] = []
    live.widget.observe(sent.append, ["facts", "tree"])
    live.show(Scene())
    assert (sent, live.words, repr(live.widget)) == ([], "nobody yet", "Pipeline: nobody yet")
    for _ in range(3):
        live.show(asked(10))
    (change,) = sent
    assert change["name"] == "facts"
    assert json.loads(live.widget.facts)["links"] == [{"from": 0, "to": 1, "asked": 10, "delivered": 0, "gone": False}]
    assert repr(live.widget) == "Pipeline: P: waits; C: waits, wants 10 more, 0 done"
    assert live.widget._repr_mimebundle_()[0]["text/plain"] == repr(live.widget)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_a_browser_has_no_number_for_is_null(number: float):
    live = LivePipeline()
    live.show(scene_of(("S", "shown", None, {"wanted": number})))
    assert json.loads(live.widget.facts, parse_constant=pytest.fail)["boxes"][0]["shown"] == {"wanted": None}


def test_who_supervises_whom():
    class Inner(Supervisor):
        name = "inner"

        def __init__(self) -> None:
            super().__init__([child(step5.Producer)])

    picture = scene_of(("#9", "restart", "inner", {"reason": "x"})).picture

    async def rows() -> list[list[Any]]:
        top = Supervisor([child(step5.Server), child(Inner)])
        async with running(top, say=lambda line: None):
            top.children[0].process.start_task(asyncio.sleep, 9)
            return supervision(top.system, picture)

    assert asyncio.run(rows()) == [
        [0, "#1", "Supervisor", 0],
        [1, "SQS.Server", "Server", 0],
        [2, "#5", "sleep", 0],
        [1, "inner", "Inner", 1],
        [2, "SQS.Producer", "Producer", 0],
    ]


def test_the_dashboard_shows_it_and_says_it():
    dash = Dashboard(Experiment(step9.pipeline, virtual=True, files=4, pipelines=2, seconds=3))
    assert dash.view.children[2] is dash.pipeline.widget
    assert "Pipeline: nobody yet" in repr(dash).splitlines()
    words = asyncio.run(dash.run())
    facts = json.loads(dash.pipeline.widget.facts)
    assert {box["label"] for box in facts["boxes"]} == {
        *("SQS.Server", "SQS.Producer", "Pipeline1ProducerConsumer", "Pipeline1Consumer"),
        *("Pipeline2ProducerConsumer", "Pipeline2Consumer"),
    }
    assert "SQS.Server: wanted 2, " in " ".join(words.split())
    assert sum(box["handled"] for box in facts["boxes"] if not box.get("emits", True)) == 4


def test_without_a_kernel_a_frame_draws_the_last_picture():
    live = LivePipeline()
    live.show(scene_of(("P</script><b>", "subscribe", "<!--", {})))
    state = {"facts": live.widget.facts, "tree": live.widget.tree}
    page = StaticWidgets({"it": {"model_name": "AnyModel", "state": state}}).html("it")
    assert page == still(**state)
    inside = html.unescape(re.fullmatch(r'<iframe [^>]*srcdoc="([^"]*)"></iframe>', page)[1])
    assert inside.count("</script") == 1
    assert "P&lt;/script&gt;&lt;b&gt;: waits" in inside
    assert not re.search(r"\b(?:src|href)=", inside)
