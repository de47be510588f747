"""Sample files are made once: each is the same in every run, and many runs make up these tests."""

from __future__ import annotations

import functools
import importlib

import pytest

samples = importlib.import_module("palleto.cloud.samples")  # `palleto.cloud.samples` itself is a function of that name


@pytest.fixture(scope="session")
def _sample():
    return functools.cache(samples.sample)


@pytest.fixture(autouse=True)
def _samples_are_made_once(monkeypatch, _sample):
    monkeypatch.setattr(samples, "sample", _sample)
