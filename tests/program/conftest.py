"""Fixtures of these tests."""

from __future__ import annotations

import functools
import importlib
import sys

import pytest
from ran import Ran, ending

from palleto import program
from palleto.cloud.stack.samples import sample

made_once = functools.cache(sample)


@pytest.fixture(autouse=True)
def _samples_are_made_once(monkeypatch):
    """Each is the same in every run."""
    monkeypatch.setattr(sys.modules["palleto.cloud.stack.samples"], "sample", made_once)


@pytest.fixture(autouse=True)
def _no_place_from_outside(monkeypatch, tmp_path):
    monkeypatch.delenv("PALLETO_PLACE", raising=False)
    monkeypatch.chdir(tmp_path)  # where `output` is made


@pytest.fixture
def run(capsys):
    """Run a step's `main` in this process with the options of a command line."""

    def run(step: int, *arguments: object) -> Ran:
        module = importlib.import_module(f"steps.step{step}")
        status, said = 0, ""
        try:
            program.main(module.pipeline, ending(step), [str(argument) for argument in arguments])
        except SystemExit as end:
            # As the interpreter does: a text goes to standard error, and the status is 1.
            status, said = (1, f"{end.code}\n") if isinstance(end.code, str) else (int(end.code or 0), "")
        output = capsys.readouterr()
        return Ran(status, output.out, output.err + said)

    return run
