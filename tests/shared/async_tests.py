"""`async def test_...`: run on both backends, in virtual time. A conftest imports the two hooks."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import palleto


def pytest_pycollect_makeitem(name: str, obj: Any) -> None:
    if name.startswith("test_") and inspect.iscoroutinefunction(obj):
        pytest.mark.usefixtures("backend")(obj)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(test).parameters}
    palleto.run(lambda: test(**arguments), backend=pyfuncitem.funcargs["backend"], time="virtual", seed=0)
    return True
