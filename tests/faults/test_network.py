"""Step 9 over a network that cuts, delays and garbles: everything is done, rightly, and nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
from proxy import Network
from rig import gz
from worker import Moto, counts, numbered


def check_network(moto: Moto, start: Any, network: Network, files: int, backend: str = "asyncio") -> None:
    # A receive whose answer is cut or garbled leaves its messages in flight until their time has run out. It counts as
    # one of the three that the stack allows: at these rates one message in a thousand would be taken for poison.
    moto.deploy(visibility_timeout=2, max_receive_count=100)
    moto.put(numbered(1, files))
    with network.before(moto.port) as url:
        run = start(url, "--backend", backend).until("Asking for")
        network.bad = True
        code, said = run.ended(100)
    assert code == 0, said
    assert run.results == counts(1, files)
    assert moto.depth() == (0, 0)
    assert moto.depth(dead=True) == (0, 0)
    assert "crashed" not in said, said
    assert said.count("\n") < 30, said


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(Network(1, cut=0.05), id="cuts", marks=pytest.mark.long),
        pytest.param(Network(2, delay=0.2), id="delays", marks=pytest.mark.long),
        pytest.param(Network(3, garble=0.1), id="garbles", marks=pytest.mark.long),
    ],
)
def test_a_network_that_does_one_kind_of_harm(moto: Moto, start: Any, network: Network) -> None:
    check_network(moto, start, network, 15)
    del network.harm["chunks"]
    assert network.harm.total() >= 1


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_a_network_that_garbles_requests(moto: Moto, start: Any, seed: int) -> None:
    """moto carries out another request than was sent: a delete may crash a consumer, a file seem not to be there."""
    moto.deploy(visibility_timeout=2, max_receive_count=100)  # each such harm is one receive more, of three
    # No key becomes another's by one bit: its number is in it twice.
    moto.put({f"packrat/data/{n:03}{n:03}.gz": gz(n) for n in range(1, 61)})
    network = Network(seed, garble_requests=0.05)
    with network.before(moto.port) as url:
        run = start(url, "--backend", ("asyncio", "trio")[seed % 2]).until("Asking for")
        network.bad = True
        code, said = run.ended(100)
    assert code == 0, said
    assert network.harm["garble_requests"] >= 1
    assert run.results == {f"packrat/data/{n:03}{n:03}.txt": n for n in range(1, 61)}
    assert moto.depth() == (0, 0)
    assert moto.depth(dead=True) == (0, 0)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(6))
def test_a_network_that_does_every_kind_of_harm(moto: Moto, start: Any, seed: int) -> None:
    network = Network(seed, cut=0.03, delay=0.1, garble=0.03, longest=0.1)
    check_network(moto, start, network, 100, ("asyncio", "trio")[seed % 2])
    assert all(network.harm[harm] for harm in ("cut", "delay", "garble"))
