"""What happens beside the stages, noted in the run's trace: requests, faults, lines for the user, messages."""

from __future__ import annotations

from typing import Any

from palleto.cloud.trace_events import Observation, watch
from palleto.runtime import System, actor
from palleto.trace import Recorder


class Notes:
    """Notes for a recorder, while the pipeline runs: `system` is the run's then, and else None."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.system: System | None = None
        self._observation = Observation()

    def of_queue(self, visibility: float, allowed: int | None) -> None:
        """The queue's visibility timeout and `maxReceiveCount`; None: it tells of dead letters itself."""
        self._observation.of_queue(visibility, allowed)

    def request(self, operation: str, arguments: dict[str, Any], answer: Any) -> None:
        """A request of the pipeline's has been answered."""
        if self.system is not None:
            for kind, ids, data in self._observation.told(operation, arguments, answer, self.system.now()):
                self.recorder.note(kind, actor(), events=ids, **data)

    def fault(self, operation: str, what: str) -> None:
        """Something went wrong with a request, on purpose."""
        self._note("fault", operation=operation, what=what)

    def report(self, line: str) -> None:
        """A line was said to the user."""
        self._note("report", text=line)

    def messages(self, simulated: Any, queue_url: str) -> None:
        """Note from now on what becomes of each message of a simulated queue; those that it holds come first."""

        def tell(message_id: str, data: dict[str, Any]) -> None:
            self._note("message", events=[message_id], **data)

        assert self.system is not None
        watch(simulated, queue_url, tell, self.system.started)

    def _note(self, kind: str, **data: Any) -> None:
        if self.system is not None:
            self.recorder.note(kind, actor(), **data)
