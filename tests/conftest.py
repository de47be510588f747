"""What the tests share: both backends, virtual time, a step played from the inside, and LocalStack if it answers."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis  # before `young`: it asks the collector who refers to trio's random numbers
import pytest
from ran import ending
from servers import wipe

import palleto
from palleto import Recorder, TraceEvent, clock
from palleto.cloud import open_cloud
from palleto.cloud.place import START, choose
from palleto.errors import SettingError
from palleto.program import Ending, Options, StepRun, Summary

hypothesis.settings.register_profile("palleto", deadline=None)  # a machine may be busy; pytest-timeout ends what hangs
hypothesis.settings.load_profile("palleto")

# A hundred processes are started here, and without bytecode each would compile all of palleto anew: half of its start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# jsonschema, which nbformat imports, checks no IRIs then: there are none, and to be able to takes it 1.4 s at import.
sys.modules.setdefault("rfc3987_syntax", None)

gc.disable()  # until all is collected: nothing of that is garbage, and to look for it takes a fifth of the time


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """What is no file of tests has no doctests either, and is not imported to look for them."""
    return True if collection_path.suffix == ".py" and not collection_path.name.startswith("test_") else None


@pytest.fixture(autouse=True, scope="module")
def young() -> None:
    """The garbage collector does not look again at what is there when a module begins: it takes 0.3 s each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def go(backend: str) -> Callable[..., Any]:
    """`go(main)`, or `go(main, seed=7)`: runs an async function on the backend, in virtual time."""
    return lambda main, seed=0: palleto.run(main, backend=backend, time="virtual", seed=seed)


@dataclass
class Played:
    """What a step said, reported and did."""

    said: list[str] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)
    summary_lines: list[str] = field(default_factory=list)
    trace: list[TraceEvent] = field(default_factory=list)
    summary: Summary = field(default_factory=Summary)
    requests: Counter[str] = field(default_factory=Counter)
    law: str | None = None
    performance: StepRun | None = None

    def kinds(self, kind: str) -> list[TraceEvent]:
        return [event for event in self.trace if event.kind == kind]


@pytest.fixture
def play(tmp_path: Path):
    """Play a step on virtual time (with a queue: on the simulated place) and give back what it did.

    `play(5, seconds=60)`: the options are `palleto.program.options.Options`'s fields. `simulation`, `faults` and
    `prepare` are `StepRun`'s. The ledger's law is checked at every message; `Played.law` must be None, which is
    asserted here.
    `pipeline`: another pipeline than the step's own, with the same arguments.
    """

    def run(
        step: int,
        *,
        until: Ending | None = None,
        pipeline: Any = None,
        simulation: Any = None,
        faults: Any = None,
        prepare: Any = None,
        **options: Any,
    ) -> Played:
        options = {"virtual": True, "output": tmp_path / "output", **options}
        module = importlib.import_module(f"steps.step{step}")
        played = Played()
        recorder = Recorder()
        step_run = StepRun(
            pipeline or module.pipeline,
            until or ending(step),
            Options(**options),
            recorder=recorder,
            simulation=simulation,
            faults=faults,
            prepare=prepare,
        )
        step_run.say = played.said.append
        step_run.report = played.reported.append
        time: Any = "virtual" if options["virtual"] else options.get("speed") or "real"
        played.performance = step_run
        try:
            played.summary_lines = clock.run(
                step_run, backend=options.get("backend", "asyncio"), time=time, seed=options.get("seed")
            )
        finally:
            played.trace = recorder.events
            played.summary = step_run.summary
            played.law = recorder.broken
        played.requests = step_run.cloud.requests if step_run.cloud is not None else Counter()
        assert played.law is None, played.law
        return played

    return run


SHARING = ("/browser/", "/lab/publish/", "test_animation", "test_types")
"""Words in the names of files whose tests share what is costly to make: a browser, a published page, what mypy says."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that no worker is left with it at the end when the others have done.

    What runs in real time in another program (a browser, a kernel, LocalStack) is tried once more when it fails, and
    the last line says how many were: on a busy machine a pause of a second is no fault. Two failures are one.
    """
    items.sort(key=lambda item: item.get_closest_marker("notebooks") is None)  # leaves the others in their order
    for item in items:
        if any(map(item.get_closest_marker, ("browser", "notebooks", "localstack"))):
            item.add_marker(pytest.mark.flaky(reruns=1))
        if item.get_closest_marker("localstack") and "localstack" not in item.name:
            raise pytest.UsageError(f"expected the name of what uses LocalStack to say so, got: {item.nodeid}")


@pytest.hookimpl(optionalhook=True)  # there is no such hook without pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of one LocalStack run one after the other, on one worker; their names, or their parameters', say so.

    So do those of one file that share a browser, or a page that is published once, and all that share JupyterLab. Of
    the notebooks two run at a time: some have runs 35 times faster than real time, and starting kernels take the
    processor from those. (pytest-xdist 3.8's own groups, `--dist loadgroup`, do nothing with pytest 9.)
    """
    from xdist.scheduler import LoadScopeScheduling

    class OneServer(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file, _, name = nodeid.partition("::")
            if "localstack" in name:
                return "localstack"
            if "test_notebooks" in file and "[" in name:
                return f"notebooks {sum(map(ord, name)) % 2}"
            if "/browser/lab/" in file:
                return "JupyterLab"
            return file if any(word in file for word in SHARING) else nodeid

    return OneServer(config, log)


@pytest.fixture(scope="session")
def localstack_url() -> str:
    """LocalStack's URL; the test is skipped when it does not answer."""
    try:
        return str(choose("localstack").endpoint)
    except SettingError:
        pytest.skip(f"LocalStack is not running; start it with: {START}")


@pytest.fixture
def localstack(localstack_url: str) -> str:
    """LocalStack's URL, with nothing of ours on it; what is not ours is left as it is."""

    async def main() -> None:
        async with open_cloud("localstack") as cloud:
            await wipe(cloud)

    clock.run(main)
    return localstack_url
