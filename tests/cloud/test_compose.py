"""docker-compose.yml, read: there is no Docker engine in CI, so its structure is all that is tested here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from palleto.cloud.localstack import PORT
from palleto.cloud.places.localstack.environment import VERSIONS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    import yaml

    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def test_it_keeps_to_the_compose_specification() -> None:
    checker = pytest.importorskip("check_jsonschema", reason="the test extra is not installed")
    done = CliRunner().invoke(
        checker.main, ["--builtin-schema", "vendor.compose-spec", str(ROOT / "docker-compose.yml")]
    )
    assert done.exit_code == 0, done.output


def test_the_differences_name_each_localstack_that_we_start(compose: dict[str, Any]) -> None:
    text = (ROOT / "localstack/differences.md").read_text(encoding="utf-8")
    ours = dict(re.findall(r"^\| `palleto localstack up`, on Python (\S+) \| (\S+) \|$", text, re.MULTILINE))
    (image,) = re.findall(r"^\| `docker compose up` .+? \| (\S+) \|$", text, re.MULTILINE)
    assert ours == {f"{major}.{minor}": version for (major, minor), version in VERSIONS.items()}
    assert compose["services"]["localstack"]["image"] == f"localstack/localstack:{image}"
    (measured,) = re.findall(r"The second table is of (\S+);", text)
    assert measured == VERSIONS[3, 11]
    assert f"| LocalStack {measured.rpartition('.')[0]} |" in text


def test_ports_are_published_on_this_machine_only_and_a_scaled_worker_has_none(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert f"127.0.0.1:{PORT}:{PORT}" in ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert not {"ports", "container_name", "hostname"} & set(compose["services"]["worker"])


def test_the_lab_asks_for_a_token(compose: dict[str, Any]) -> None:
    assert "token" not in compose["services"]["lab"]["command"]  # Jupyter has one, where nothing unsets it


def test_all_wait_for_a_healthy_localstack_and_find_it_on_loopback(compose: dict[str, Any]) -> None:
    assert "/_localstack/init/ready" in compose["services"]["localstack"]["healthcheck"]["test"][1]
    for name in ("lab", "worker"):
        service = compose["services"][name]
        assert service["depends_on"] == {"localstack": {"condition": "service_healthy"}}
        assert service["network_mode"] == "service:localstack"
        assert service["environment"] == {"PALLETO_PLACE": "localstack"}


def test_what_it_names_is_there(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source, target, *mode = volume.split(":")
            if source.startswith("."):
                assert (ROOT / source).exists()
                assert mode == ["ro"]
                assert target.startswith("/etc/localstack/init/")
            else:
                assert source in compose["volumes"]
        if "build" in service:
            dockerfile = (ROOT / service["build"]["dockerfile"]).read_text()
            stage = dockerfile.partition(f"FROM base AS {service['build']['target']}\n")[2].partition("\nFROM ")[0]
            assert "\nUSER palleto\n" in stage, "root in the container"


def test_the_image_copies_what_is_there() -> None:
    lines = (ROOT / "localstack/Dockerfile").read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY") for word in line.split()[2:-1]]
    let_through = (ROOT / "localstack/Dockerfile.dockerignore").read_text().splitlines()
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in let_through
