"""Where something happened in the user's code."""

from __future__ import annotations

from types import FunctionType

from palleto.trace import exit_of

TEXT = "def handle_demand(demand):\n    demand += 1\n    return demand\n"


def function(file: str) -> FunctionType:
    names: dict[str, FunctionType] = {}
    exec(compile(TEXT, file, "exec"), names)
    return names["handle_demand"]


def test_the_same_function_of_two_files_returns_in_its_own() -> None:
    one, other = (function(file).__code__ for file in ("steps/step7.py", "steps/step9.py"))
    assert one == other  # to Python, which does not compare their files
    assert [exit_of(one), exit_of(other)] == [("step7.py", 3), ("step9.py", 3)]
