"""A TCP proxy on 127.0.0.1 that adds a delay to every request: `delay.py http://127.0.0.1:4566 20`. Prints its URL."""

from __future__ import annotations

import asyncio
import sys
from urllib.parse import urlsplit


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Pass bytes on; the first of a burst waits `delay` seconds, as a longer line would make it wait."""
    loop = asyncio.get_running_loop()
    awake = 0.0
    try:
        while data := await reader.read(1 << 18):
            if delay and loop.time() > awake:
                await asyncio.sleep(delay)
                awake = loop.time() + 0.002  # what follows within 2 ms belongs to the same request
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main(target: str, milliseconds: float) -> None:
    to = urlsplit(target)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(to.hostname, to.port)
        await asyncio.gather(
            carry(reader, up_writer, milliseconds / 1000), carry(up_reader, writer, 0.0), return_exceptions=True
        )

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
