"""Each step shows what the talk showed: its transcripts, its grammar and its times, in virtual time.

`golden/` holds the talk's transcripts: "Initalised" and "#ProducerConsumer" as we spell them, process ids numbered by
their first appearance, `...` where the talk cut. Where the order of two lines depends on the scheduler, and only there,
ours may be another; `in_one_order` and `without_processed` say where that is.
"""

from __future__ import annotations

import functools
import re
import sys
from collections import Counter, defaultdict
from itertools import chain
from pathlib import Path

import pytest

from palleto.cloud import Simulation, upload
from palleto.cloud.stack.samples import sample

GOLDEN = Path(__file__).parent / "golden"
SLOW = Simulation(receive=(0.05, 0.3), get_object=(0.01, 1.0), delete=(0.01, 0.1), shuffle=True)
SEEDS = (1, 2)

made_once = functools.cache(sample)


@pytest.fixture(autouse=True)
def _samples_are_made_once(monkeypatch):
    """Each is the same in every run."""
    monkeypatch.setattr(sys.modules["palleto.cloud.stack.samples"], "sample", made_once)


def golden(step: int) -> list[str]:
    """The lines of a transcript, without the cuts at its ends."""
    lines = (GOLDEN / f"step{step}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line != "..."]


def numbered(lines: list[str]) -> list[str]:
    """The lines with their ids numbered by first appearance."""
    ids: dict[str, str] = {}
    return [re.sub(r"#\d+", lambda match: ids.setdefault(match[0], f"#{len(ids) + 1}"), line) for line in lines]


LOOPS = re.compile(r"Server (#\d+ )?looping: Run 0\.|Casting events to producer")
LOOPING_NOW = re.compile(r"There are currently \d+ servers looping")
PRODUCERS = re.compile(r"Started new server loop with pid #\d+|Received 0 events")


def in_one_order(lines: list[str]) -> list[str]:
    """Where a loop has started, its lines and the producer's merge freely: here the producer's come first."""
    ordered: list[str] = []
    merged: list[str] | None = None
    for line in [*lines, ""]:
        if merged is not None and (LOOPS.match(line) or PRODUCERS.match(line)):
            merged.append(line)
            continue
        ordered += sorted(merged or [], key=lambda late: LOOPS.match(late) is not None)
        merged = [] if line == "All servers terminated" or LOOPING_NOW.match(line) else None
        ordered.append(line)
    return numbered(ordered[:-1])


def without_processed(lines: list[str]) -> list[str]:
    """Without the lines that race with the producer's next demand (step 8); `cycles` says where those belong."""
    return [line for line in lines if not line.startswith("Consumer processed")]


def test_the_free_merge_is_free_and_nothing_else_is():
    kill = ["All servers terminated"]
    one = in_one_order(
        [*kill, "Server #9 looping: Run 0. x", "Started new server loop with pid #9", "Received 0 events"]
    )
    two = in_one_order(
        [*kill, "Started new server loop with pid #4", "Received 0 events", "Server #4 looping: Run 0. x"]
    )
    assert one == two
    assert in_one_order(["Received 0 events", "Casting events to producer"]) != in_one_order(
        ["Casting events to producer", "Received 0 events"]
    )


# ---- the transcripts, line for line


@pytest.mark.parametrize(("step", "seconds"), [(1, 3.5), (2, 3.5), (3, 3.5), (4, 60)])
def test_transcript(play, backend, step, seconds):
    said = in_one_order(play(step, backend=backend, seconds=seconds).said)
    expected = golden(step)
    if step in (2, 3):  # the talk's ends where lines merge
        expected = expected[: max(at for at, line in enumerate(expected) if LOOPING_NOW.match(line))]
    expected = in_one_order(expected)
    assert said[: len(expected)] == expected
    assert step >= 4 or "All servers terminated" not in said  # nothing is killed yet


@pytest.mark.parametrize("seed", SEEDS)
def test_a_loop_that_is_killed_at_once_has_had_one_run(play, backend, seed):
    """As on the BEAM: a task that a stage starts gets its first turn before the stage takes its next message."""
    said = numbered(play(5, backend=backend, seconds=1, seed=seed).said)
    first, second = (said.index(f"Terminating server with pid {loop}") for loop in ("#1", "#2"))
    assert "Server #1 looping: Run 0. Looking for 10 events" in said[:first]
    assert "Server #2 looping: Run 0. Looking for 20 events" in said[first:second]


def test_transcript_of_step_5(play, backend):
    """The talk shows it from run 17 on, when the first consumer has had its ten."""
    said = play(5, backend=backend, seconds=125).said
    start = next(number for number, line in enumerate(said) if "Run 17" in line)
    expected = in_one_order(golden(5))
    assert in_one_order(said[start : start + len(expected)]) == expected


def scripted(days: list[int], deliveries: list[int]):
    """Files in the order of the talk, and how many messages each receive hands out; the first is the TestEvent."""

    async def prepare(cloud, stack):
        await upload(cloud, stack, [sample(day) for day in days], concurrency=1)
        cloud.simulated.script(stack.queue_url, deliveries)

    return prepare


def days(text: str) -> list[int]:
    """The days of the files in a transcript, from 0, in the order of their first line."""
    return list(dict.fromkeys(int(day) - 20160720 for day in re.findall(r"data/(\d{8})\.gz", text)))


def test_transcript_of_step_7(play, backend):
    """The receives bring 3, 2, 3, 2 and 2 messages. A pause is 2 s after a receive that brought something."""
    prepare = scripted(days("".join(golden(7))), [1, 0, 0, 0, 3, 2, 3, 2, 2])
    played = play(7, backend=backend, seconds=80, prepare=prepare)
    said, expected = in_one_order(played.said), in_one_order(golden(7))
    assert said[: len(expected)] == expected
    runs = [event.t for event in played.kinds("said") if "looping: Run" in event.data["text"]]
    # The TestEvent is something; the empty long polls take 2 s and are followed by 5 s.
    assert runs[:8] == [0, 2, 9, 16, 23, 25, 27, 29]


def test_transcript_of_step_8(play, backend):
    prepare = scripted(days("".join(golden(8))), [1, 0, 1, 1, 1])
    said = play(8, backend=backend, seconds=30, files=0, prepare=prepare).said
    expected = in_one_order(without_processed(golden(8)))
    assert in_one_order(without_processed(said))[: len(expected)] == expected
    assert cycles(said) == cycles(golden(8)) == {"": ["20160721", "20160720", "20160722"]}


# ---- the grammar: for every step, seed and backend

DEMAND = r"SQS\.Producer handling demand of (?P<demand>[1-9]\d*)"
ASKING = r"Asking for (?P<asking>[1-9]\d*) events"
NOTIFIED = r"SQS\.Producer got notified about (?P<notified>[1-9]\d*) new events"
LOOPING = r"There are currently (?P<looping>\d+) servers looping"
RUN = r"Server (?:(?P<loop>#\d+) )?looping: Run (?P<run>\d+)\. Looking for (?P<wanted>[1-9]\d*) events"
START = r"Attempting to start SQS\.Server|Initializing SQS\.Server supervision tree|Initialised SQS\.Producer"
COMMON = rf"{START}|{DEMAND}|{ASKING}|Received \d+ events"
LOOP = rf"{COMMON}|{NOTIFIED}|{LOOPING}|Started new server loop with pid #\d+"
KILL = rf"{LOOP}|Casting events to producer|{RUN}|Terminating server with pid (?P<killed>#\d+)|All servers terminated"
FILE = r"warehouse\.development/packrat/data/\d{8}\.gz"
FORMS = {
    1: rf"{COMMON}|Pulling \d+ events from server|Consumed: ho(, ho)*",
    2: rf"{LOOP}|{RUN}|Consumed: hey(, hey)*",
    3: rf"{LOOP}|{RUN}|Casting events to producer|Consumed: hey(, hey)*",
    4: rf"{KILL}|Consumed: hey(, hey)*",
    5: rf"{KILL}|Consumed by #\d+: hey(, hey)*",
    6: rf"{KILL}|Consumed by #\d+: {FILE}(, {FILE})*",
    7: rf"{KILL}|Consumed by #\d+: {FILE}(, {FILE})*",
    8: rf"{KILL}|ProducerConsumer received 1 events|ProducerConsumer downloaded \S+|Consumer processed \S+",
    9: rf"{KILL}|SQS\.Supervisor Pipeline\d+|Pipeline\d+ ProducerConsumer received 1 events|"
    r"Pipeline\d+ ProducerConsumer downloaded \S+|Pipeline\d+ Consumer processed \S+",
}


def check_grammar(step: int, lines: list[str]) -> None:
    """Every line has a known form; the producer asks for what it owes; kills and runs are told in order."""
    owed, kills_due, last_run = 0, 0, {}
    forms = re.compile(FORMS[step])
    for number, line in enumerate(lines):
        match = forms.fullmatch(line)
        assert match, f"line {number} of step {step} has no known form: {line}"
        found = {name: value for name, value in match.groupdict().items() if value is not None}
        if "demand" in found:
            owed += int(found["demand"])
        elif "asking" in found:
            assert int(found["asking"]) == owed, f"line {number}: asks for {found['asking']} and owes {owed}"
        elif "notified" in found:
            owed = max(0, owed - int(found["notified"]))
        elif line.startswith("Received") and step == 1:
            owed -= int(line.split()[1])
        elif "looping" in found:
            kills_due = int(found["looping"]) if step >= 4 else 0
        elif "killed" in found:
            kills_due -= 1
        elif line == "All servers terminated":
            assert kills_due == 0, f"line {number}: {kills_due} loops were not terminated"
        elif "run" in found:
            loop, run = found.get("loop", ""), int(found["run"])
            assert run == 0 or run == last_run[loop] + 1, f"line {number}: run {run} after {last_run}"
            last_run[loop] = run


def cycles(lines: list[str]) -> dict[str, list[str]]:
    """The files of each pipeline, in order. Each must be received, downloaded and processed, and then the next one."""
    files: dict[str, list[str]] = defaultdict(list)
    state: dict[str, str] = {}
    form = re.compile(r"(?:(Pipeline\d+) )?(?:ProducerConsumer (received)|\w+ (downloaded|processed) .*?(\d{8})\.gz)")
    for line in lines:
        if match := form.match(line):
            name, verb, file = match[1] or "", match[2] or match[3], match[4]
            follows = {"received": "processed", "downloaded": "received", "processed": "downloaded"}[verb]
            assert state.get(name, "processed") == follows, f"{name} {verb} after {state[name]}"
            state[name] = verb
            if verb == "downloaded":
                files[name].append(file)
            elif verb == "processed":
                assert file == files[name][-1], f"{name} processed {file}, downloaded {files[name][-1]}"
    assert all(verb == "processed" for verb in state.values()), state
    return dict(files)


@pytest.mark.parametrize("step", [1, 4, 5, 7, 8, 9])
def test_the_talks_transcripts_are_of_the_grammar(step):
    lines = golden(step)
    if step == 5:  # cut at the start: what is owed is not known
        lines = [line for line in lines if not re.match("Asking|.* Run 17", line)]
    if step == 9:  # the talk's supervisors speak in between, and in the middle of a kill
        lines = [line for line in lines if not line.startswith("SQS.Supervisor")]
        assert sorted(chain(*cycles(lines).values())) == [str(day) for day in range(20160720, 20160732)]
    check_grammar(step, lines)


@pytest.mark.parametrize("seed", [None, *SEEDS])
@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_grammar(play, backend, step, seed):
    played = play(step, backend=backend, seed=seed)
    check_grammar(step, played.said)
    assert sum(played.summary.consumed.values()) >= 30
    assert played.reported == []


@pytest.mark.parametrize("seed", [None, *SEEDS])
@pytest.mark.parametrize("step", [6, 7, 8])
def test_grammar_with_a_queue(play, backend, step, seed):
    played = play(step, backend=backend, seed=seed, simulation=SLOW)
    check_grammar(step, played.said)
    consumed = Counter(key for event in played.kinds("handled") if event.data["last"] for key in event.ids)
    assert len(consumed) == 12
    assert (max(consumed.values()) > 1) == (step == 6), "only step 6 consumes a file twice"
    assert conserved(played)


@pytest.mark.parametrize("seed", [None, *SEEDS])
def test_grammar_of_step_9(play, backend, seed):
    played = play(9, backend=backend, seed=seed, simulation=SLOW)
    check_grammar(9, played.said)
    files = cycles(played.said)
    assert set(files) <= {"Pipeline1", "Pipeline2", "Pipeline3"}
    assert sorted(chain(*files.values())) == [str(day) for day in range(20160720, 20160732)]
    ledger = conserved(played)
    assert (ledger.visible, ledger.in_flight, ledger.dead_lettered) == (0, 0, 0)
    assert [event.data["text"] for event in played.kinds("said") if "SQS.Supervisor" in event.data["text"]] == [
        "SQS.Supervisor Pipeline1",
        "SQS.Supervisor Pipeline2",
        "SQS.Supervisor Pipeline3",
    ]


def conserved(played):
    """The queue's law at the end of a run; its ledger."""
    performance = played.performance
    ledger = performance.cloud.simulated.ledger(performance.warehouse.queue_url)
    assert ledger.holds, ledger
    return ledger


# ---- the times of the talk


def times(played, text: str) -> list[float]:
    return [event.t for event in played.kinds("said") if event.data["text"].startswith(text)]


@pytest.mark.parametrize("step", [1, 2, 3])
def test_steps_1_to_3_have_one_cycle_a_second(play, backend, step):
    played = play(step, backend=backend)
    assert times(played, "Consumed") == [1, 2, 3]
    assert times(played, "SQS.Producer handling demand")[:3] == [0, 1, 2]


def test_step_4_has_a_period_of_46_seconds_and_never_a_kill(play, backend):
    played = play(4, backend=backend, seconds=230)
    demands = times(played, "SQS.Producer handling demand of 10")
    assert demands == [0, 46, 92, 138, 184] or demands == [0, 46, 92, 138, 184, 230]
    assert times(played, "Consumed")[:5] == [26, 31, 36, 41, 46]
    runs = [event for event in played.kinds("said") if "looping: Run" in event.data["text"]]
    assert [event.t for event in runs[:10]] == [5 * run for run in range(10)]
    assert [int(event.data["text"].split()[-2]) for event in runs[:10]] == [10] * 6 + [8, 6, 4, 2]
    assert not [event for event in played.kinds("loop_killed") if event.t < 230]


def test_step_5_asks_for_14_every_46_seconds(play, backend):
    played = play(5, backend=backend, seconds=300)
    asked = [
        (event.t, int(event.data["text"].split()[2]))
        for event in played.kinds("said")
        if event.data["text"].startswith("Asking for")
    ]
    assert asked == [(0, 10), (0, 20), (0, 30), (86, 14), (132, 14), (178, 14), (224, 14), (270, 14)]
    kills = [event.t for event in played.kinds("loop_killed") if event.t < 300]
    assert kills == [0, 0, 86, 132, 178, 224, 270]
    runs = [
        int(event.data["text"].split()[-2])
        for event in played.kinds("said")
        if "looping: Run" in event.data["text"] and 132 <= event.t < 178
    ]
    assert runs == [14] * 6 + [12, 10, 8, 6]
