"""What somebody asked of a run while it goes on: asked, then done at a moment, or failed for a reason."""

from __future__ import annotations


class Command:
    """One use of a handle. `words` say what was asked for; `state` is "asked", "done", "kept" or "failed".

    setting: whether it changes a setting, which the next run has anyway: then it is "kept" where another one fails.
    at:      seconds of run time at which it was done; None if it is not done, or was no matter of a moment.
    why:     of a failed one, in one line.
    """

    def __init__(self, words: str, *, setting: bool = False) -> None:
        self.words, self.setting = words, setting
        self.state = "asked"
        self.at: float | None = None
        self.why = ""

    def __repr__(self) -> str:
        return f"{self.words}: {self.outcome}"

    @property
    def outcome(self) -> str:
        """What became of it."""
        if self.state == "done":
            return "done" if self.at is None else f"done at {self.at:.1f} s"
        return {"kept": "from the next start on", "failed": f"failed, {self.why}"}.get(self.state, self.state)

    def done(self, at: float | None = None) -> None:
        """It is done, at this run time."""
        self.state, self.at = "done", at

    def failed(self, why: str) -> None:
        """It cannot be done."""
        self.state, self.why = "failed", why

    def missed(self, why: str) -> None:
        """There is no run to do it in: a setting is kept for the next one, anything else has failed."""
        if self.setting:
            self.state = "kept"
        else:
            self.failed(why)
