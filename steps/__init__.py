"""The nine steps of the talk, each a whole program: `python -m steps.step1` ... `python -m steps.step9`."""

import sys

# Any Python that a clone is run with reads this file first, and says what it lacks; so no syntax of a newer one here.
_INSTALL = " -m venv .venv && .venv/bin/pip install -q . && .venv/bin/python -m steps.step9"
if sys.version_info < (3, 11):  # noqa: UP036
    _python = "Python %d.%d" % sys.version_info[:2]  # noqa: UP031
    sys.exit("error: expected Python 3.11 or newer, got " + _python + "; with a newer one: python3.11" + _INSTALL)
try:
    import anyio  # noqa: F401 - the first that the steps import
except ImportError:
    sys.exit("error: expected what Palleto needs, got no anyio; install it: " + sys.executable + _INSTALL)
