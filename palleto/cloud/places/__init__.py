"""The five places, as far as they need code of ours. `place.py`, beside this package, chooses one.

simulated/   the services in memory, on the run's clock
embedded/    a moto server in this process, mended for pipelines
localstack/  LocalStack without Docker, in a process of its own
isolation.py what keeps the user's machine out of a local place
session.py   the boto3 clients of every place but the simulated: embedded, LocalStack, an endpoint, AWS
stores.py    obstore's stores beside them
"""

from palleto.cloud.places.embedded import EmbeddedServer
from palleto.cloud.places.session import make_clients
from palleto.cloud.places.simulated import Ledger, Simulated, Simulation

__all__ = ["EmbeddedServer", "Ledger", "Simulated", "Simulation", "make_clients"]
