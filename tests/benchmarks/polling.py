"""What pipelines cost in requests to SQS and S3: step 9 from 1 to 100 pipelines, simulated, in virtual time.

    python tests/benchmarks/polling.py --json polling.json

A download takes 1 s, and a receive or delete 10 ms. Two settings: as in the talk (demand of 1, single deletes), and
with demand and batches of ten. Extensions are the heartbeat of messages that are in hand for long. Nothing here depends
on the machine: the same numbers come out everywhere.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pairs

from palleto import clock
from palleto.cloud import Simulation
from palleto.program import Options, StepRun, queue_empty
from palleto.trace import Recorder, TraceEvent
from steps import step9

LATENCIES = Simulation(get_object=1.0, receive=0.01, delete=0.01)


def measure(pipelines: int, max_demand: int, files: int) -> dict[str, Any]:
    """One run: its requests but for the polls of the empty queue at its end; rates are until the last result."""
    polls = done = 0
    begin = end = 0.0

    async def prepare(cloud: Any, stack: Any) -> None:
        small = gzip.compress(b"a line\n", mtime=0)
        for number in range(files):
            await cloud.monitor.s3.put_object(Bucket=stack.bucket, Key=f"packrat/data/{number:06}.gz", Body=small)

    def look(event: TraceEvent) -> None:
        nonlocal polls, done, begin, end
        if event.kind == "receive" and event.ids:
            polls, begin = performance.cloud.requests["sqs.ReceiveMessage"], begin or event.t
        elif event.kind == "written":
            done, end = done + 1, event.t

    with TemporaryDirectory(prefix="palleto-benchmark-") as output:
        options = Options(
            events=files, files=0, virtual=True, pipelines=pipelines, max_demand=max_demand, output=Path(output),
            quiet=True,
        )  # fmt: skip
        recorder = Recorder(keep=False)
        recorder.listeners.append(look)
        performance = StepRun(
            step9.pipeline, queue_empty, options, recorder=recorder, simulation=LATENCIES, prepare=prepare
        )
        performance.report = lambda line: None
        clock.run(performance, time="virtual")
    sent = performance.cloud.requests
    extensions = sent["sqs.ChangeMessageVisibilityBatch"]
    sqs = polls + sent["sqs.DeleteMessageBatch"] + extensions
    return {
        "pipelines": pipelines,
        "max_demand": max_demand,
        "files_per_second": done / (end - begin),
        "receives_per_second": polls / (end - begin),
        "sqs_per_second": sqs / (end - begin),
        "receives_per_file": polls / done,
        "extensions_per_file": extensions / done,
        "requests_per_file": (sqs + sent["s3.GetObject"]) / done,
    }


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, and print."""
    parser = pairs.parser(__doc__)
    parser.add_argument("--pipelines", type=int, nargs="+", default=[1, 3, 10, 30, 100])
    parser.add_argument("--files", type=int, default=30, help="files for each pipeline (%(default)s)")
    options = parser.parse_args(arguments)
    if options.smoke:
        options.pipelines, options.files = [1, 10], 10
    rows = [measure(n, demand, n * options.files) for demand in (1, 10) for n in options.pipelines]
    pairs.publish(list(rows[0]), rows, options.json)


if __name__ == "__main__":
    main()
