"""An object is overwritten while its older version is being counted: the newest object's count is the result."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from rig import PREFIX, Meddler, gz

from palleto.cloud import Faults

KEY = f"{PREFIX}k.gz"


@pytest.mark.parametrize("max_demand", [1, 10])
def test_a_delete_marker_does_not_change_what_an_event_meant(rig: Any, backend: str, max_demand: int) -> None:
    """Two versions and a delete marker above them: the events name the versions, and the newer one's count wins."""

    async def overwrite(meddler: Meddler) -> None:
        s3, bucket = meddler.warehouse.cloud.monitor.s3, meddler.warehouse.bucket
        await s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for lines in (9, 1):
            await s3.put_object(Bucket=bucket, Key=KEY, Body=gz(lines))
            await anyio.sleep(1)
        await s3.delete_object(Bucket=bucket, Key=KEY)

    watched = rig(harm=overwrite)
    slow = Faults().slow("s3.GetObject", seconds=12, at=1)
    watched.perform(faults=slow, backend=backend, max_demand=max_demand)
    assert not watched.late
    assert watched.results == {KEY: 1}
    assert watched.ledger.dead_lettered == watched.ledger.visible == watched.ledger.in_flight == 0
