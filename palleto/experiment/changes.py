"""What runs in a system, and how it is changed while it runs. All of it is called in the run's own event loop."""

from __future__ import annotations

import re
from typing import Any

from palleto.errors import NotFoundError
from palleto.runtime import Child, Consumer, ProducerConsumer, Stage, Supervisor, System, Task, TaskSupervisor


def stages_of(system: System) -> list[Stage]:
    """The stages that run."""
    return [process for process in list(system.processes.values()) if isinstance(process, Stage)]


def tasks_of(system: System) -> list[Task]:
    """The server loops that run."""
    supervisors = [process for process in list(system.processes.values()) if isinstance(process, TaskSupervisor)]
    return [task for supervisor in supervisors for task in supervisor.tasks]


def copies_of(system: System) -> tuple[Supervisor | None, list[Child]]:
    """The top supervisor, and those of its children that are like the last one; None and none once it has ended."""
    supervisors = [process for process in list(system.processes.values()) if isinstance(process, Supervisor)]
    if not supervisors:
        return None, []
    top = supervisors[0]
    return top, [spec for spec in top.children if spec.make is top.children[-1].make]


def consumers_of(system: System) -> list[Consumer[Any] | ProducerConsumer[Any, Any]]:
    """The stages that run and ask others for events."""
    return [stage for stage in stages_of(system) if isinstance(stage, Consumer | ProducerConsumer)]


def resize(system: System, max_demand: int) -> None:
    """Give every consumer and producer-consumer the demand 0/`max_demand`, 1 or more."""
    for stage in consumers_of(system):
        stage.resize(max_demand, 0)


async def set_copies(system: System, count: int) -> None:
    """Start or stop children like the top supervisor's last one, until there are `count` of them, 1 or more."""
    top, copies = copies_of(system)
    if top is None:
        return
    for spec in copies[count:]:
        if spec.process is not None:
            await top.stop_child(spec.process)
    for number in range(len(copies) + 1, count + 1):
        top.start_child(numbered(copies[-1], number))


def prepare_copies(top: Supervisor, count: int) -> None:
    """Give a supervisor that does not run yet `count` (1 or more) children like its last one."""
    children = top.children
    if children:
        copies = [spec for spec in children if spec.make is children[-1].make]
        more = [numbered(copies[-1], number) for number in range(len(copies) + 1, count + 1)]
        top.children = [spec for spec in children if spec not in copies[count:]] + more


def kill_stage(system: System, label: str) -> None:
    """Kill the stage of that label, in the middle of whatever it does. Raises NotFoundError if none runs."""
    stages = [stage for stage in stages_of(system) if stage.label == label]
    if not stages:
        raise NotFoundError(f"{label} does not run")
    for stage in stages:
        stage.kill()


def kill_loops(system: System) -> None:
    """Cancel the server loops that run. Raises NotFoundError if none does."""
    for task in _loops(system):
        task.kill()


def crash_loops(system: System) -> None:
    """Let the server loops that run crash. Raises NotFoundError if none does."""
    for task in _loops(system):
        task.crash()


def _loops(system: System) -> list[Task]:
    tasks = tasks_of(system)
    if not tasks:
        raise NotFoundError("no loop runs")
    return tasks


def numbered(spec: Child, number: int) -> Child:
    """Another child like `spec`; names that end in a number, such as Pipeline3, end in `number` instead."""

    def renamed(value: Any) -> Any:
        return re.sub(r"\d+$", str(number), value) if isinstance(value, str) else value

    settings = {key: renamed(value) for key, value in spec.settings.items()}
    return Child(spec.make, *map(renamed, spec.args), name=renamed(spec.name), restart=spec.restart, **settings)
