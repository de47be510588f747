"""What a thousand files cost on AWS, as localstack/aws.env.example adds it up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from palleto.lab.capacity import prices

TEXT = (Path(__file__).parents[2] / "localstack/aws.env.example").read_text(encoding="utf-8")
LINES = re.findall(r"^#   ([\d,]+) (PUTs|GETs|SQS requests).*? ([\d.]+) USD$", TEXT, re.MULTILINE)
NAMES = {"PUTs": "s3_put", "GETs": "s3_get", "SQS requests": "sqs_request"}
PRICES = {kind: prices()[name]["price"] / prices()[name]["per"] for kind, name in NAMES.items()}


def test_each_line_is_its_count_by_its_price() -> None:
    assert [kind for _, kind, _ in LINES] == ["PUTs", "GETs", "SQS requests", "SQS requests"]
    for count, kind, amount in LINES:
        assert float(amount) == pytest.approx(int(count.replace(",", "")) * PRICES[kind], abs=5e-6)


def test_the_sum_is_that_of_the_lines() -> None:
    (together,) = re.findall(r"^#   together +([\d.]+) USD$", TEXT, re.MULTILINE)
    assert float(together) == pytest.approx(sum(float(amount) for *_, amount in LINES))


def test_the_requests_are_those_of_runs() -> None:
    """With downloads of a second, as `polling.py` measures them; its sum has one GET a file besides."""
    import polling

    made = re.search(r"([\d.]+) if they take a second; ([\d.]+) with one pipeline", TEXT)
    batched = re.search(r"With --max-demand 10 it makes ([\d.]+), or ([\d.]+) with one pipeline", TEXT)
    assert made
    assert batched
    for demand, (three, one) in {1: made.groups(), 10: batched.groups()}.items():
        for told, pipelines in ((three, 3), (one, 1)):
            found = polling.measure(pipelines, demand, 30 * pipelines)["requests_per_file"] - 1
            assert float(told) == pytest.approx(found, abs=0.006)
    assert f"{1000 * float(made[2]):,.0f} SQS requests by step 9" in TEXT
