"""These tests are `async` functions: see async_tests.py."""

from __future__ import annotations

from async_tests import pytest_pycollect_makeitem, pytest_pyfunc_call  # noqa: F401
