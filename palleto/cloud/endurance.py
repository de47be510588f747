"""Which errors of the cloud a run endures, and which end it.

| error | what becomes of it |
|---|---|
| passing: 5xx, throttling, no or half an answer | sent again, by `Client` (S3, reads), the server's loop or `Leases` |
| of one object: it is gone, or nobody may read it | of that message alone: redelivery, dead-letter queue in the end |
| access denied by SQS | ends the run with one line: waiting does not mend it |
| the queue does not exist | ends the run; at once if it never answered, else after `QUEUE_AWAY` |

A queue that has answered in this run and is gone now may come back: a LocalStack or moto that was started again has
lost its state, and somebody deploys the stack anew. So its absence is endured for `QUEUE_AWAY` seconds.
"""

from __future__ import annotations

from palleto.cloud.clients.errors import DENIED, no_queue
from palleto.errors import CloudError

QUEUE_AWAY = 60.0
"""Seconds of run time for which a run waits for a queue that has answered before."""


class Endurance:
    """Hears of every answer of the pipeline's requests, and says which error ends the run."""

    def __init__(self) -> None:
        self._answered = False
        self._away_since: float | None = None

    def judge(self, operation: str, answer: object, now: float) -> CloudError | None:
        """The error that ends the run, with what mends it; None to go on. `now`: seconds of run time."""
        if not operation.startswith("sqs."):
            return None
        if not isinstance(answer, CloudError):
            self._answered, self._away_since = True, None
        elif answer.code in DENIED:
            permission = operation.replace(".", ":").removesuffix("Batch")
            return _ending(answer, f"give these credentials the permission {permission} on the queue")
        elif no_queue(answer):
            self._away_since = now if self._away_since is None else self._away_since
            waited = now - self._away_since
            if not self._answered or waited >= QUEUE_AWAY:
                gone = f"it has been away for {waited:.0f} s; " if self._answered else ""
                return _ending(answer, f"{gone}run the step again, which makes the queue anew")
        return None


def _ending(error: CloudError, mends: str) -> CloudError:
    said = str(error).partition(": ")[2].rstrip(".")
    return CloudError(error.operation, error.code, f"{said}; {mends}", error.status)
