"""Somebody removes the spool and the folder for results while a run goes on: no file is blamed for it."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from rig import Meddler, files

from palleto.cloud import Simulation
from palleto.cloud.clients.body import WholeBody


@pytest.mark.parametrize("max_demand", [1, 10])
def test_good_files_are_counted_all_the_same(
    rig: Any, backend: str, max_demand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WholeBody, "here", None)  # as that of a large object: it goes to the spool

    async def remove(meddler: Meddler) -> None:
        warehouse = meddler.warehouse
        shutil.rmtree(warehouse.output)

        def look(event: Any) -> None:
            if event.kind == "emitted" and "ProducerConsumer" in event.stage and int(event.ids[0][-6:-3]) % 3 == 0:
                shutil.rmtree(warehouse.spool.folder, ignore_errors=True)

        meddler.system.observer.listeners.append(look)

    watched = rig(files(30), harm=remove)
    run = watched.perform(backend=backend, max_demand=max_demand, simulation=Simulation(get_object=(0.0, 0.1)))
    watched.check_all_done()
    assert run.summary.redelivered == 0
    assert run.requests["s3.GetObject"] > 30
