"""The sweep and its knee, the bill, and the recommendation: each by what runs show."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from palleto.errors import SettingError
from palleto.lab.capacity import (
    Bill,
    Load,
    Recommendation,
    Setting,
    Trial,
    Trials,
    prices,
    recommend,
    recommendation,
    sweep,
)

LOAD = Load(rate=4, waits=(0.5, 1.5), files=20)


@pytest.fixture(scope="module")
def tried() -> Any:
    return sweep(LOAD, [1, 2, 4, 6], [1, 10])


@pytest.fixture(scope="module")
def advice() -> Recommendation:
    return recommend(LOAD, budget=10, pipelines=[1, 6])


# ---- the sweep


def test_at_the_knee_more_pipelines_do_no_more(tried: Any):
    assert (tried.pipelines, tried.demands) == ([1, 2, 4, 6], [1, 10])
    for demand in tried.demands:
        knee = tried.knee(demand)
        done = {number: tried[number, demand].measured.throughput for number in tried.pipelines}
        assert all(done[knee] >= 0.95 * speed for speed in done.values())
        assert all(done[number] < 0.95 * max(done.values()) for number in done if number < knee)
    assert tried.knee(10) < tried.knee(1), "a pipeline that asks for ten downloads ten side by side"
    assert (tried[1, 1].keeps_up, tried[6, 1].keeps_up) == (False, True), "before the knee files pile up"


def test_it_is_shown_as_a_table_with_the_knees(tried: Any):
    lines = repr(tried).splitlines()
    assert lines[0].split()[:3] == ["files", "a", "second"]
    assert len(lines) == 9
    assert [line.split("  ")[0] for line in lines if "knee" in line] == [
        f"{tried.knee(demand)} x {demand} knee" for demand in (1, 10)
    ]
    assert ">p99 in s</th>" in tried._repr_html_()


@pytest.mark.parametrize("none", [[], 3])
def test_a_sweep_of_no_numbers(none: Any):
    with pytest.raises(SettingError) as refused:
        sweep(LOAD, none, [1])
    assert str(refused.value) == f"expected numbers of pipelines and of max_demand, got: {none!r} and [1]"


# ---- the bill


def test_each_price_has_a_unit_a_source_and_a_date():
    assert {*prices()} == {"sqs_request", "s3_put", "s3_get", "transfer_out", "vcpu_hour", "memory_hour"}
    assert isinstance(prices().compiled, datetime.date)
    for price in prices().values():
        assert price["price"] > 0
        assert price["per"] >= 1
        assert price["unit"] in ("request", "hour", "GB")
        assert price["source"].startswith("https://aws.amazon.com/")
        assert price["quoted"].startswith("https://")
        assert price["as_of"] == "undated" or price["as_of"] < prices().compiled
    assert len(repr(prices()).splitlines()) == 1 + len(prices())


def test_a_bill_is_the_sum_of_its_lines_and_each_is_its_number_by_its_price(tried: Any):
    trial = tried[6, 1]
    bill, it = Bill(trial), trial.measured
    assert bill.total == pytest.approx(sum(line.usd for line in bill.lines))
    numbers = {line.what: line.number for line in bill.lines}
    assert numbers["the receives"] == pytest.approx(1e6 * it.each("receive"))
    assert numbers["the downloads"] == 1e6
    assert numbers["the workers"] == pytest.approx(1e6 / 4 / 3600), "as long as a million files take to arrive"
    assert bill.polling == pytest.approx(1e6 * it.each("receive") * 0.40 / 1e6)
    assert bill.rows[-1] == ["together", "", "", f"{bill.total:,.2f}"]
    assert repr(bill).splitlines()[-1].endswith(f"{bill.total:,.2f}")


def test_workers_outside_of_aws_pay_for_the_traffic_and_not_for_themselves(tried: Any):
    bill = Bill(tried[6, 1], away=True)
    (out,) = [line for line in bill.lines if line.unit == "GB"]
    assert out.number == pytest.approx(50)
    assert "the workers" not in [line.what for line in bill.lines]


def test_slow_workers_are_paid_for_longer(tried: Any):
    assert Bill(tried[1, 1]).total > 1.5 * Bill(tried[6, 1]).total
    assert Bill(Trial(LOAD, Setting(6, workers=2))).total > Bill(tried[6, 1]).total


def test_what_does_nothing_has_no_price():
    nothing = Trial(LOAD, Setting(), lambda warehouse: 1 / 0)  # type: ignore[arg-type, return-value]
    assert repr(Trials({"nothing": nothing})).splitlines()[1].split() == ["nothing", "0.00", "nan", "nan"]


# ---- the recommendation


def test_what_is_recommended_has_been_run_and_keeps_up(advice: Recommendation):
    trial, bill = advice.trial, advice.bill
    assert trial.keeps_up
    assert advice.affordable is (bill.total <= 10) is True
    named = {choice.partition(":")[0]: choice for choice, _ in advice.reasons}
    assert [*named] == ["workers", "pipelines", "max_demand", "wait time", "visibility timeout"]
    assert str(trial.setting.pipelines) in named["pipelines"]
    assert trial.setting.wait == 20
    assert trial.setting.visibility >= 3 * trial.measured.in_hand
    assert repr(advice).splitlines()[-1] == advice.line
    assert f"{bill.total:,.2f} USD for a million files; the budget of 10.00 USD pays for it." in advice.line


def test_each_reason_has_the_numbers_of_its_run(advice: Recommendation):
    trial = advice.trial
    setting = trial.setting
    best = advice.sweep[setting.pipelines, setting.max_demand].measured
    reasons = dict(advice.reasons)
    assert f"{best.throughput:.2f} a second were done" in reasons[f"pipelines: {setting.pipelines} in each"]
    assert f"{best.sqs:.2f} requests to SQS a file" in reasons[f"max_demand: {setting.max_demand}"]


def test_a_budget_buys_younger_files(advice: Recommendation):
    cheap = recommend(LOAD, pipelines=[1, 6])
    assert cheap.bill.total < advice.bill.total
    assert advice.trial.measured.p99 < cheap.trial.measured.p99
    poor = recommend(LOAD, budget=1, pipelines=[6], max_demand=[1])
    assert not poor.affordable
    assert poor.line.endswith("the budget of 1.00 USD does not do.")


def test_work_that_takes_the_core_needs_workers():
    advice = recommend(Load(rate=4, waits=0.0, works=0.5, files=16), pipelines=[2], max_demand=[1])
    assert advice.trial.setting.workers == 4


def test_what_nothing_keeps_up_with(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recommendation, "WORKERS", (1, 2))
    advice = recommend(Load(rate=40, waits=1.0, files=12), pipelines=[1], max_demand=[1])
    assert advice.trial is None
    assert not advice.affordable
    assert repr(advice).startswith("Nothing that was tried keeps up with 40 files a second; ")


def test_a_backlog_has_no_recommendation_and_a_budget_is_above_nothing():
    with pytest.raises(SettingError, match=r"expected a load with a rate, .*; got rate=None"):
        recommend(Load(rate=None))
    for budget in (-1, "10"):
        with pytest.raises(SettingError, match=f"expected a budget above 0 USD, or None, got: {budget!r}"):
            recommend(LOAD, budget=budget)  # type: ignore[arg-type]
