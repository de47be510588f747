"""Step 9 over a network that cuts, delays and garbles: everything is done, rightly, and nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
from proxy import Network
from rig import gz
from worker import Moto

HARMS = ("cut", "delay", "garble", "garble_requests")

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


def check_network(moto: Moto, start: Any, network: Network, files: int, backend: str) -> str:
    """Run step 9 behind this network, which struck with each of its harms. What was said on standard error."""
    # A receive whose answer is cut or garbled leaves its messages in flight until their time has run out. It counts as
    # one of the three that the stack allows: at these rates one message in a thousand would be taken for poison.
    moto.deploy(visibility_timeout=2, max_receive_count=100)
    # No key becomes another's by one bit: its number is in it twice.
    names = {f"packrat/data/{n:03}{n:03}": n for n in range(1, files + 1)}
    moto.put({f"{name}.gz": gz(n) for name, n in names.items()})
    with network.before(moto.port) as url:
        run = start(url, "--backend", backend).until("Asking for")
        network.bad = True
        code, said = run.ended(100)
    assert code == 0, said
    assert run.results == {f"{name}.txt": n for name, n in names.items()}
    assert moto.depth() == (0, 0)
    assert moto.depth(dead=True) == (0, 0)
    assert all(network.harm[harm] for harm in HARMS if getattr(network, harm))
    return str(said)


@pytest.mark.parametrize(
    ("network", "files"),
    [
        (Network(1, cut=0.05), 15),
        (Network(2, delay=0.2), 15),
        (Network(3, garble=0.1), 15),
        *((Network(seed, cut=0.03, delay=0.1, garble=0.03, longest=0.1), 100) for seed in range(6)),
    ],
)
def test_a_network_that_does_harm(moto: Moto, start: Any, network: Network, files: int) -> None:
    said = check_network(moto, start, network, files, ("asyncio", "trio")[network.seed % 2])
    assert "crashed" not in said, said
    assert said.count("\n") < 30, said


@pytest.mark.parametrize("seed", range(4))
def test_a_network_that_garbles_requests(moto: Moto, start: Any, seed: int) -> None:
    """moto carries out another request than was sent: a delete may crash a consumer, a file seem not to be there."""
    check_network(moto, start, Network(seed, garble_requests=0.05), 60, ("asyncio", "trio")[seed % 2])
