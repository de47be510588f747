"""The `palleto` command in this process."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ran import Ran

from palleto.commands import main


@pytest.fixture
def palleto(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> Callable[..., Ran]:
    """Run `palleto` with arguments, in an empty folder."""
    monkeypatch.delenv("PALLETO_PLACE", raising=False)
    monkeypatch.chdir(str(tmp_path))

    def run(*arguments: object) -> Ran:
        status, said = 0, ""
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            status, said = (1, f"{end.code}\n") if isinstance(end.code, str) else (int(end.code or 0), "")
        output = capsys.readouterr()
        return Ran(status, output.out, output.err + said)

    return run
