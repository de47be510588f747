"""How a supervisor starts a child: a class and its arguments, for now and for each restart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from palleto.errors import SettingError
from palleto.runtime.process import Process
from palleto.runtime.restart import Restart
from palleto.runtime.system import Quits, System


class Child:
    """How to start one child, now and at each restart: a class and its arguments, made anew every time.

    name:    gives the process its name, over that of its class.
    restart: "permanent" (always; the default), "transient" (after a crash) or "temporary" (never).
    """

    def __init__(
        self, make: Callable[..., Process], *args: Any, name: str | None, restart: Restart, **settings: Any
    ) -> None:
        if restart not in ("permanent", "transient", "temporary"):
            raise SettingError(f"expected restart to be permanent, transient or temporary, got: {restart!r}")
        self.make, self.args, self.settings = make, args, settings
        self.name, self.restart = name, restart
        self.process: Process | None = None

    def __repr__(self) -> str:
        return f"<Child {self.name or getattr(self.make, '__name__', self.make)}, {self.restart}: {self.process}>"

    def start(self, system: System, parent: Quits) -> Process:
        """Make the process and start it."""
        process = self.make(*self.args, **self.settings)
        if self.name is not None:
            process.name = self.name
        self.process = process  # first: a supervisor whose children fail to start still wants to be ended
        process.start(system, parent)
        return process


def child(
    make: Callable[..., Process], *args: Any, name: str | None = None, restart: Restart = "permanent", **settings: Any
) -> Child:
    """A child for a supervisor: `child(Consumer, "Pipeline1", name="Pipeline1Consumer")`. See `Child`."""
    return Child(make, *args, name=name, restart=restart, **settings)
