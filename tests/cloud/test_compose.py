"""docker-compose.yml, read: there is no Docker engine in CI, so its structure is all that is tested here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from palleto.cloud.localstack import PORT

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    import yaml

    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def test_it_keeps_to_the_compose_specification() -> None:
    pytest.importorskip("check_jsonschema", reason="the test extra is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_services(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"localstack", "lab", "worker"}
    assert compose["services"]["localstack"]["image"] == "localstack/localstack:4.14.0"
    lab = "jupyter lab --ip 0.0.0.0 --port 8888 --no-browser notebooks/index.ipynb"  # with a token: nothing unsets it
    assert compose["services"]["lab"]["command"] == lab


def test_ports_are_published_on_this_machine_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert f"127.0.0.1:{PORT}:{PORT}" in ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_the_worker_can_be_scaled(compose: dict[str, Any]) -> None:
    worker = compose["services"]["worker"]
    assert not {"ports", "container_name", "hostname"} & set(worker)
    assert "steps.step9" in worker["command"]


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


def test_docker_reads_it() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode != 0:
        pytest.skip("there is no `docker compose`")
    done = subprocess.run(["docker", "compose", "config", "--quiet"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
