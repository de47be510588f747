"""Fixtures of these tests."""

from __future__ import annotations

import functools

import anyio
import pytest
from async_tests import pytest_pycollect_makeitem, pytest_pyfunc_call  # noqa: F401


@pytest.fixture(params=["plain", "async"])
def style(request):
    """`style(function)`: the same callback, plain or as an `async def` that takes half a second."""

    def async_(function):
        @functools.wraps(function)
        async def callback(self, *args):
            await anyio.sleep(0.5)
            return function(self, *args)

        return callback

    return async_ if request.param == "async" else lambda function: function
