"""What pipelines cost in requests to SQS and S3: step 9 from 1 to 100 pipelines, simulated, in virtual time.

    python tests/benchmarks/polling.py --json polling.json

A download takes 1 s, and a receive or delete 10 ms. Two settings: as in the talk (demand of 1, single deletes), and
with demand and batches of ten. Nothing here depends on the machine: the same numbers come out everywhere.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from palleto import clock
from palleto.cloud import Simulation
from palleto.options import Options
from palleto.program import Performance, queue_empty
from palleto.recorder import Recorder, TraceEvent
from steps import step9

LATENCIES = Simulation(get_object=1.0, receive=0.01, delete=0.01)


def measure(pipelines: int, max_demand: int, files: int) -> dict[str, Any]:
    """One run: its requests while there were messages, that is from the first file to the last message received."""
    seen: list[tuple[float, Counter[str]]] = []

    async def prepare(cloud: Any, stack: Any) -> None:
        small = gzip.compress(b"a line\n", mtime=0)
        for number in range(files):
            await cloud.monitor.s3.put_object(Bucket=stack.bucket, Key=f"packrat/data/{number:06}.gz", Body=small)

    def look(event: TraceEvent) -> None:
        if (event.kind == "written" and not seen) or (event.kind == "receive" and seen and event.ids):
            seen.append((event.t, Counter(performance.cloud.requests)))

    with TemporaryDirectory(prefix="palleto-benchmark-") as output:
        options = Options(
            events=files, files=0, virtual=True, pipelines=pipelines, max_demand=max_demand, output=Path(output),
            quiet=True,
        )  # fmt: skip
        recorder = Recorder(keep=False)
        recorder.listeners.append(look)
        performance = Performance(
            step9.pipeline, queue_empty, options, recorder=recorder, simulation=LATENCIES, prepare=prepare
        )
        performance.report = lambda line: None
        clock.run(performance, time="virtual")
    (start, before), (end, after) = seen[0], seen[-1]
    done = after - before
    polls, downloads = done["sqs.ReceiveMessage"], done["s3.GetObject"]
    sqs = polls + done["sqs.DeleteMessageBatch"]
    return {
        "pipelines": pipelines,
        "max_demand": max_demand,
        "files_per_second": downloads / (end - start),
        "receives_per_second": polls / (end - start),
        "sqs_per_second": sqs / (end - start),
        "receives_per_file": polls / downloads,
        "requests_per_file": sum(done.values()) / downloads,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipelines", type=int, nargs="+", default=[1, 3, 10, 30, 100])
    parser.add_argument("--files", type=int, default=30, help="files for each pipeline (default 30)")
    parser.add_argument("--json", type=Path, help="also write the table here")
    arguments = parser.parse_args()
    rows = [measure(n, demand, n * arguments.files) for demand in (1, 10) for n in arguments.pipelines]
    print("demand  pipelines   files/s  receives/s  SQS requests/s  receives/file  all requests/file")
    for row in rows:
        print(
            f"{row['max_demand']:6} {row['pipelines']:10} {row['files_per_second']:9.1f} "
            f"{row['receives_per_second']:11.2f} {row['sqs_per_second']:15.1f} {row['receives_per_file']:14.2f} "
            f"{row['requests_per_file']:18.2f}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
