"""LocalStack's own virtual environment: it pins boto3 and botocore exactly, so it shares none with Palleto.

Which LocalStack starts on which Python was tried (its package metadata says ">=3.10" for all of them, wrongly):

| localstack-core | Python 3.11 | 3.12 | 3.13 |
| --- | --- | --- | --- |
| 4.13.1 | works | works | works |
| 4.14.0 | no (PEP 695 syntax) | starts, CreateStack fails | works |
| 2026.3.0 | no (PEP 695 syntax) | no (`warnings.deprecated`) | works |

No account, licence or token is asked for.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from palleto.errors import SettingError

VERSIONS = {(3, 11): "4.13.1", (3, 12): "4.13.1", (3, 13): "2026.3.0"}

PINS = (
    "cbor2==5.9.0",  # 6 has no `_decoder`: "No component plugins found"
    "pyopenssl==25.3.0",  # 26: X509 has no `add_extensions`
    "cryptography==46.0.7",  # 47 and pyopenssl 25 do not start
    "service_identity==24.2.0",  # 26 raises cryptography
    "aws-sam-translator==1.115.0",  # without these three CloudFormation answers 500
    "moto-ext==5.1.54",
    "jsonpath-ng==1.7.0",
    "localstack-twisted==26.4.0",
    "hypercorn==0.18.0",  # a gateway that listens on the address it is given
    "rolo==0.8.9",
    "plux==1.16.0",
    "werkzeug==3.1.9",
)


def version() -> str:
    """The version of `localstack-core` for this Python. Raises `SettingError` when there is none."""
    try:
        return VERSIONS[sys.version_info[:2]]
    except KeyError:
        served = ", ".join(".".join(map(str, key)) for key in VERSIONS)
        raise SettingError(
            f"expected Python {served} for LocalStack without Docker, got {sys.version_info[0]}.{sys.version_info[1]}; "
            "use one of those, or Docker: docker compose up -d localstack"
        ) from None


def environment(cache: Path) -> Path:
    """The Python interpreter of LocalStack's virtual environment in the folder `cache`, which is made if need be.

    Blocks for about half a minute when it is made. An environment that was not finished, or has other pins, is made
    anew. Raises `SettingError` when it cannot be made.
    """
    if sys.platform == "win32":
        raise SettingError("expected Linux or macOS for LocalStack without Docker, got Windows; use Docker, or WSL")
    import fcntl

    try:
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "localstack-install.lock").open("w") as lock:  # two that start at once make it once
            fcntl.flock(lock, fcntl.LOCK_EX)
            return _make(cache)
    except OSError as error:
        raise SettingError(f"expected to write to {cache}, got: {error.strerror}; set PALLETO_CACHE") from error


def _make(cache: Path) -> Path:
    wanted = [f"localstack-core[base-runtime]=={version()}", *PINS]
    folder = cache / f"localstack-{version()}-py{sys.version_info[0]}.{sys.version_info[1]}"
    python, finished = folder / "bin" / "python", folder / "palleto-pins.txt"
    if finished.is_file() and python.exists() and finished.read_text(encoding="utf-8").split() == wanted:
        return python
    print(f"making LocalStack's environment in {folder}: 250 MB from PyPI, once, half a minute", flush=True)
    log = cache / "localstack-install.log"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with log.open("w", encoding="utf-8") as output:
            for command in (
                [sys.executable, "-m", "venv", str(folder)],
                [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *wanted],
            ):
                subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=True)
        finished.write_text("\n".join(wanted), encoding="utf-8")
    except subprocess.CalledProcessError as error:
        # pip first complains of a project that it cannot find, and last of the requirement: the last is shortest.
        told = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if "ERROR" in line]
        raise SettingError(
            f"expected to install LocalStack from PyPI, got: {(told or [str(error)])[-1].strip()}; see {log}, "
            "and try again when the network is there"
        ) from error
    return python
