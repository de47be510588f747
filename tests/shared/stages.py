"""A run of a few stages whose ledger's law is held, for the tests of streams and of iterables."""

from __future__ import annotations

from contextlib import asynccontextmanager

from palleto import Recorder, Supervisor, child, running


@asynccontextmanager
async def stages(*members):
    recorder, reported = Recorder(strict=True), []
    top = Supervisor([child(lambda stage=stage: stage, restart="temporary") for stage in members])
    async with running(top, recorder=recorder, report=reported.append):
        yield reported
    assert recorder.broken is None
