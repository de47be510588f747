"""The README's moving picture: demand and events of a run of step 9, as an SVG that moves by itself.

    python -m palleto.lab.animation notebooks/pipeline.svg

The run is simulated, in virtual time, so the same picture comes out everywhere. What takes no time in the run takes
`TRAVEL` seconds in the picture; so a move begins when the run says so, and not before what caused it has arrived.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from palleto.errors import PalletoError
from palleto.trace import Trace, TraceEvent

TRAVEL, AFTER = 0.6, 2.5
"""Seconds from one box to the next, and from the last move to the beginning of the next round."""
FILES = 12
SLOT, BOX = 24, (138, 62)
"""The side of a file's place, and the size of a box, in units of the picture."""
ROWS = (64, 152, 240)
"""The middle of each pipeline's row; the queue and the producer are in the second."""
COLUMNS = {"queue": 80, "SQS.Producer": 262, "ProducerConsumer": 486, "Consumer": 680}
"""The middle of each box."""
RESULTS, CORNER = 768, (28, 118)
"""The left edge of the results, and the first file's place in the queue."""

STYLE = """
.paper { fill: #ffffff }
text { font: 12px system-ui, sans-serif; fill: #1a1a1a; text-anchor: middle }
.name { font-weight: 600 } .quiet { fill: #595959 } .said { text-anchor: start }
.box { fill: #f3f3f3; stroke: #8a8a8a } .link { stroke: #b5b5b5; fill: none }
.file rect { fill: #e69f00; stroke: #1a1a1a } .file text { font-size: 11px; fill: #1a1a1a }
.ask { fill: #ffffff; stroke: #0072b2; stroke-width: 3 }
@media (prefers-color-scheme: dark) {
  .paper { fill: #161616 } text { fill: #e6e6e6 } .quiet { fill: #adadad } .box { fill: #262626 }
  .link { stroke: #5a5a5a } .ask { fill: #161616; stroke: #56b4e9 }
}
"""

Point = tuple[float, float]
Move = tuple[float, Point, Point]
"""When it begins, from where, to where; it takes `TRAVEL` seconds."""


def recorded() -> Trace:
    """The run: downloads of 1 to 2.4 s, and what else a server's answer takes."""
    from palleto.cloud import Simulation
    from palleto.experiment import Experiment
    from palleto.program import queue_empty
    from palleto.replay import events_of
    from steps import step9

    world = Simulation(get_object=(1.0, 2.4), receive=0.4, delete=0.1)
    run = Experiment(
        step9.pipeline, virtual=True, place="simulated", files=FILES, until=queue_empty, simulation=world
    ).start()
    run.join()
    return events_of(run)


def middle(stage: str) -> Point:
    """The middle of the box of a stage, or of the queue."""
    if stage in COLUMNS:
        return COLUMNS[stage], ROWS[1]
    number = int(stage.removeprefix("Pipeline")[0])
    return COLUMNS[stage.removeprefix(f"Pipeline{number}")], ROWS[number - 1]


def name_of(path: str) -> str:
    """A file's name, without its bucket and folders."""
    return path.rpartition("/")[2]


def moves(trace: Iterable[TraceEvent]) -> tuple[dict[str, list[Move]], list[Move]]:
    """The moves of each file, by its name, and those of demand."""
    files: dict[str, list[Move]] = {}
    asks: list[Move] = []
    free: dict[str, float] = {}  # when a stage has sent on what it was about
    asked: dict[str, float] = {}  # when what a stage asked for last has arrived above it
    results: dict[str, int] = {}

    def ask(start: float, who: str, whom: str) -> None:
        (x, y), (to_x, to_y) = middle(who), middle(whom)
        asks.append((start, (x - BOX[0] / 2, y - 12), (to_x + BOX[0] / 2, to_y - 12)))
        asked[who] = start + TRAVEL

    def carry(path: str, start: float, to: Point) -> float:
        file = name_of(path)
        begin, _, place = files[file][-1]
        start = max(start, begin + TRAVEL)
        files[file].append((start, place, to))
        return start

    for event in trace:
        if event.kind == "sent":
            column, row = len(files) % 4, len(files) // 4
            place = (CORNER[0] + (SLOT + 2) * column + SLOT / 2, CORNER[1] + (SLOT + 2) * row + SLOT / 2)
            files[name_of(event.ids[0])] = [(-TRAVEL, place, place)]
        elif event.kind == "ask":
            ask(max(event.t, free.get(event.peer or "", 0)), event.peer or "", event.stage)
        elif event.kind == "handle_demand" and event.stage == "SQS.Producer":
            ask(max(event.t, asks[-1][0] + TRAVEL), event.stage, "queue")
        elif event.kind == "receive":
            for name in (name for names in event.data.get("names", ()) for name in names):
                x, y = middle("SQS.Producer")
                carry(name, max(event.t, asked["SQS.Producer"]), (x, y + 14))
        elif event.kind == "events":
            x, y = middle(event.stage)
            free[event.peer or ""] = carry(event.ids[0], max(event.t, asked[event.stage]), (x, y + 14))
        elif event.kind == "written":
            number = results[event.stage] = results.get(event.stage, -1) + 1
            _, y = middle(event.stage)
            place = (RESULTS + (SLOT + 2) * (number % 3) + SLOT / 2, y - 13 + (SLOT + 2) * (number // 3))
            free[event.stage] = carry(event.ids[0], event.t, place)
    return files, asks


def animate(name: str, values: Iterable[str], times: Iterable[float], seconds: float) -> str:
    """An animation of one attribute that begins again after `seconds`; `times` are the moments of its values."""
    element = "animateTransform" if name == "transform" else "animate"
    how = 'type="translate"' if name == "transform" else 'calcMode="discrete"'
    moments = ";".join(f"{time / seconds:.4f}" for time in times)
    return (
        f'<{element} attributeName="{name}" {how} dur="{seconds:.1f}s" repeatCount="indefinite" '
        f'values="{";".join(values)}" keyTimes="{moments}"/>'
    )


def file_drawn(name: str, way: list[Move], seconds: float) -> str:
    """A file on its way, with the day that is in its name."""
    times, places = [0.0], [way[0][1]]
    for start, here, there in way[1:]:
        times += [start, start + TRAVEL]
        places += [here, there]
    values = [f"{x:.0f} {y:.0f}" for x, y in [*places, places[-1]]]
    return (
        f'<g class="file" transform="translate({values[0]})"><rect x="-11" y="-11" width="22" height="22" rx="4"/>'
        f'<text y="4">{name[6:8]}</text>{animate("transform", values, [*times, seconds], seconds)}</g>'
    )


def ask_drawn(move: Move, seconds: float) -> str:
    """What is asked, on its way."""
    start, (x, y), (to_x, to_y) = move
    times, values = [0.0, start, start + TRAVEL, seconds], [f"{x:.0f} {y:.0f}"] * 2 + [f"{to_x:.0f} {to_y:.0f}"] * 2
    shown = animate("opacity", "010", [0.0, start, start + TRAVEL], seconds)
    moved = animate("transform", values, times, seconds)
    return f'<circle class="ask" r="7" opacity="0" transform="translate({values[0]})">{moved}{shown}</circle>'


def boxes() -> Iterator[str]:
    """The queue, the stages, and the links between them."""
    stages = [f"Pipeline{number}{role}" for role in ("ProducerConsumer", "Consumer") for number in (1, 2, 3)]
    for stage, above in zip(stages, ["SQS.Producer"] * 3 + stages, strict=False):
        (x, y), (to_x, to_y) = middle(above), middle(stage)
        yield f'<path class="link" d="M{x + BOX[0] / 2:.0f} {y} L{to_x - BOX[0] / 2:.0f} {to_y}"/>'
    x, y = middle("SQS.Producer")
    yield f'<path class="link" d="M{COLUMNS["queue"] + BOX[0] / 2:.0f} {y} L{x - BOX[0] / 2:.0f} {y}"/>'
    yield from box("queue", "SQS queue", height=130)
    yield from box("SQS.Producer", "Producer")
    for stage in stages:
        yield from box(stage, stage[len("Pipeline1") :])
    for number, row in enumerate(ROWS, 1):
        yield f'<text class="quiet" x="{COLUMNS["ProducerConsumer"]}" y="{row - 37}">Pipeline {number}</text>'
        yield f'<text class="quiet" x="{RESULTS + 38}" y="{row - 37}">results</text>'


def box(stage: str, name: str, height: int = BOX[1]) -> Iterator[str]:
    """A box and its name."""
    x, y = middle(stage)
    left, top = x - BOX[0] / 2, y - height / 2
    yield f'<rect class="box" x="{left:.0f}" y="{top:.0f}" width="{BOX[0]}" height="{height}" rx="8"/>'
    yield f'<text class="name" x="{x}" y="{top + 18:.0f}">{name}</text>'


def svg(trace: Iterable[TraceEvent]) -> str:
    """The picture."""
    files, asks = moves(trace)
    seconds = max(start for way in files.values() for start, _, _ in way) + TRAVEL + AFTER
    asks = [ask for ask in asks if ask[0] + TRAVEL < seconds]
    legend = (
        '<circle class="ask" cx="210" cy="306" r="7"/>'
        '<text class="said" x="226" y="310">demand: who is free asks</text>'
        '<g class="file" transform="translate(466 306)"><rect x="-11" y="-11" width="22" height="22" rx="4"/></g>'
        '<text class="said" x="486" y="310">event: a file that is new in the bucket</text>'
    )
    return "\n".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 330" role="img" aria-labelledby="title">',
            '<title id="title">Step 9: consumers ask, and each free pipeline is given the next file</title>',
            f"<style>{STYLE.strip()}</style>",
            '<rect class="paper" width="860" height="330" rx="10"/>',
            *boxes(),
            legend,
            *(ask_drawn(ask, seconds) for ask in asks),
            *(file_drawn(name, way, seconds) for name, way in files.items()),
            "</svg>\n",
        ]
    )


def main(arguments: list[str]) -> int:
    """The command line; returns the exit status."""
    if len(arguments) != 1 or not arguments[0].endswith(".svg"):
        print("usage: python -m palleto.lab.animation FILE.svg", file=sys.stderr)
        return 2
    try:
        Path(arguments[0]).write_text(svg(recorded()), encoding="utf-8")
    except (PalletoError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
