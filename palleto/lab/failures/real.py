"""Trials on LocalStack, in real time, each beside the simulated one.

    on_localstack("corrupt gzip", "TestEvent")       # in a notebook
    for pair in pairs(FAILURES, ["9"]): print(pair)  # one after the other, as they come

A fault of a request is made at the door, and so is the same on every place. What the server itself does is not the
simulated place's doing: its messages, its visibility timeouts, its dead letters, and how long its answers take.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from palleto.cloud import Cloud, Stack, deploy, open_cloud
from palleto.errors import SettingError
from palleto.experiment import Experiment
from palleto.lab.failures.catalogue import failure
from palleto.lab.failures.failure import VISIBILITY, Failure
from palleto.lab.failures.trial import STEPS, Trial, ending, try_failure
from palleto.lab.localstack import announced, answering
from palleto.lab.thread import run_aside
from palleto.program import RunState
from palleto.replay import html_table

__all__ = ["Pair", "Pairs", "RealTrial", "on_localstack", "pairs"]

SECONDS = 30.0
"""Real seconds of a trial that does not come to its end: the talk's loop sleeps for five after each receive."""
ARRIVAL = 5.0
"""Real seconds that a trial waits until S3 has announced its files, at most."""
HEAD = ("fault", "step", "simulated", "LocalStack", "")


class RealTrial(Trial):
    """A fault against a step on LocalStack, whose queues it empties, before and after. Nothing else may use them."""

    def __init__(self, failure: Failure, step: str) -> None:
        shorter = replace(failure, faults=failure.shorter or failure.faults)
        super().__init__(shorter, step, STEPS[step].pipeline, self._end, place="localstack", seconds=SECONDS)
        self.experiment.prepare = self._prepare

    @cached_property
    def run(self) -> Experiment:
        """The run, over, and LocalStack as it was, but for the samples in its bucket."""
        before = run_aside(self._hide)
        try:
            self.experiment.start().join()
        finally:
            run_aside(lambda: self._clear(before))
        return self.experiment

    async def _hide(self) -> float:
        """Let messages be hidden for a few seconds only. What it was before, in seconds."""
        async with open_cloud("localstack") as cloud:
            stack = await deploy(cloud)
            await _hide_for(cloud, stack, VISIBILITY)
            return stack.visibility_timeout

    async def _clear(self, visibility: float) -> None:
        """Remove what the trial has left behind."""
        async with open_cloud("localstack") as cloud:
            stack = await deploy(cloud)
            await _hide_for(cloud, stack, visibility)
            for queue in (stack.queue_url, stack.dead_letter_url):
                await cloud.monitor.sqs.purge_queue(QueueUrl=queue)
            for key in (*self.failure.objects, *self.failure.together):
                await cloud.monitor.s3.delete_object(Bucket=stack.bucket, Key=key)

    async def _prepare(self, cloud: Cloud, stack: Stack) -> None:
        await self.failure.prepare(cloud, stack)
        await announced(cloud, stack, self.failure.messages, ARRIVAL)

    async def _end(self, state: RunState) -> None:
        # What nobody receives is seen by nobody: a server does not tell of its messages, as the simulated queue does.
        state.recorder.note("sent", None, events=self.failure.keys)
        await ending(self.step)(state)


async def _hide_for(cloud: Cloud, stack: Stack, seconds: float) -> None:
    attributes = {"VisibilityTimeout": f"{seconds:.0f}"}
    await cloud.monitor.sqs.set_queue_attributes(QueueUrl=stack.queue_url, Attributes=attributes)


@dataclass(frozen=True)
class Pair:
    """A trial on the simulated place, and the same on LocalStack; `real` is None where it cannot be tried there."""

    simulated: Trial
    real: Trial | None

    @property
    def alike(self) -> bool:
        """Whether both come to the same word."""
        return self.real is not None and self.real.word == self.simulated.word

    @property
    def row(self) -> tuple[str, ...]:
        """As HEAD says; what came of it there, if that is something else, or why it was not tried."""
        trial = self.simulated
        said = (
            f"not tried: {trial.failure.only_simulated}" if self.real is None else "" if self.alike else self.real.line
        )
        word = "-" if self.real is None else self.real.word
        return trial.failure.name, trial.step, trial.word, word, said

    def __repr__(self) -> str:
        return _line(self.row)


class Pairs(list[Pair]):
    """Several of them, as a table."""

    @property
    def line(self) -> str:
        """How many of them are alike."""
        tried = [pair for pair in self if pair.real is not None]
        alike = f"{sum(pair.alike for pair in tried)} of {len(tried)} come to the same on LocalStack"
        return alike + (f"; {len(self) - len(tried)} were not tried" if len(tried) < len(self) else "")

    def __repr__(self) -> str:
        return "\n".join([_line(HEAD), *map(repr, self), self.line])

    def _repr_html_(self) -> str:
        return html_table(HEAD, [pair.row for pair in self], after=self.line)


def _line(row: Sequence[str]) -> str:
    """A row of the table as text. Its columns are as wide as the lab's words: each row is printed when it is there."""
    return "  ".join(cell.ljust(width) for cell, width in zip(row, (28, 6, 13, 13, 0), strict=True)).rstrip()


def pairs(failures: Iterable[Failure], steps: Sequence[str]) -> Iterator[Pair]:
    """Each of these faults against each of these steps that it can strike, one after the other.

    Raises SettingError for a step that there is not, or if LocalStack does not answer.
    """
    answering()
    for each in failures:
        for step in steps:
            simulated = try_failure(each, step)
            if simulated.can_strike:
                yield Pair(simulated, None if each.only_simulated else RealTrial(each, step))


def on_localstack(*names: str, steps: Sequence[str] = ("8", "talk 8")) -> Pairs | None:
    """These faults, by name, against these steps, beside each other. Each takes up to half a minute.

    Without LocalStack, or a name, it says what is missing. Raises SettingError for a name that there is not.
    """
    try:
        place = answering()
    except SettingError as error:
        print(error)
        return None
    if not names:
        print(f'{place.name} answers at {place.endpoint}; name faults: on_localstack("corrupt gzip", "TestEvent")')
        return None
    return Pairs(pairs([failure(name) for name in names], steps))
