"""What a frame of the dashboard costs the kernel, in a real kernel, while the run goes on. No assertions: for a reader.

    python tests/benchmarks/dashboard.py

Processor time of the thread that makes the frame, from the scene to the messages that are handed to ZeroMQ: of the live
pipeline alone, of all panels, and of these without the pipeline; each the mean of 60 frames, a tenth of a second apart;
what a frame costs on average, as the panels are drawn in every third one; and the largest message that the pipeline
sends. `fast` is a stage that makes as many events as it can.
"""

from __future__ import annotations

from pathlib import Path

from palleto.errors import SettingError
from palleto.lab.extra import required
from palleto.lab.publish import execute

RUNS = {
    "step 5, speed 20": "from steps.step5 import pipeline\nrun = Experiment(pipeline, speed=20)",
    "step 9, 3 pipelines": "from steps.step9 import pipeline\n"
    "run = Experiment(pipeline, files=500, rate=10.0, place='simulated')",
    "step 9, 12 pipelines": "from steps.step9 import pipeline\n"
    "run = Experiment(pipeline, files=900, rate=40.0, pipelines=12, place='simulated')",
    "fast": """
import anyio
from palleto import Consumer, Producer, Supervisor, child
class Source(Producer):
    name = "Source"
    shown = ("made",)
    def init(self): self.made = 0
    def handle_demand(self, demand):
        self.made += demand
        return list(range(demand))
class Sink(Consumer):
    def init(self): self.subscribe("Source", max_demand=10)
    async def handle_events(self, events): await anyio.sleep(0)
run = Experiment(lambda: Supervisor([child(Source), child(Sink), child(Sink), child(Sink)]))""",
}
MEASURE = """
import statistics, time
from palleto.lab import Dashboard
from palleto.lab.dashboard import dashboard
dash = Dashboard(run)
dash._follow = lambda: None  # frames are made here
dash.start()
time.sleep(2)
times = {"pipeline": [], "all panels": [], "without the pipeline": [], "on average": []}
largest = 0
before = dash.scene.events, time.monotonic()
def timed(name, make):
    start = time.thread_time()
    make()
    times[name].append(1000 * (time.thread_time() - start))
show = dash.pipeline.show
for number in range(60):
    time.sleep(0.1)
    if not run.running: break
    timed("pipeline", lambda: show(dash.scene, run.system))
    largest = max(largest, len(dash.pipeline.widget.facts))
    for name, shown in (("all panels", show), ("without the pipeline", lambda *_: None)):
        dash.pipeline.show = shown
        time.sleep(0.1)
        timed(name, dash._frame)
    dash.pipeline.show = show
for number in range(60):
    time.sleep(0.1)
    if not run.running: break
    timed("on average", dash._next_frame)
rate = (dash.scene.events - before[0]) / (time.monotonic() - before[1])
dash.stop()
told = ", ".join(f"{name} {statistics.mean(each):.2f}" for name, each in times.items())
print(f"{told} ms a frame; message {largest:,} bytes; {rate:,.0f} trace events a second")
"""


def main() -> None:
    try:
        nbformat = required("nbformat")
    except SettingError as error:
        raise SystemExit(f"error: {error}") from None
    for name, setting in RUNS.items():
        code = f"from palleto.lab import Experiment\n{setting}\n{MEASURE}"
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        done = execute(Path("dashboard.ipynb").resolve(), notebook, PYTHONPATH=str(Path(__file__).parents[2]))
        texts = [output.get("text", "") for output in done.cells[0].outputs if output.output_type == "stream"]
        print(f"{name}: {''.join(texts).strip()}", flush=True)


if __name__ == "__main__":
    main()
