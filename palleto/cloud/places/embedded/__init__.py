"""The embedded place: a moto server that ends with the run.

server.py       EmbeddedServer: on 127.0.0.1 and a free port
mended_moto.py  what a pipeline needs of moto, and a test of single calls does not
"""

from palleto.cloud.places.embedded.server import EmbeddedServer

__all__ = ["EmbeddedServer"]
