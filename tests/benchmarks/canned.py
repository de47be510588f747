"""A server of canned answers in AWS's stead: `canned.py FILES MILLISECONDS`. Prints its URL.

It is a proxy for HTTP: who has its URL in HTTP_PROXY, and asks AWS without TLS, asks it, at AWS's own addresses. FILES
messages, each of which names a sample, wait in its queue. Receives, deletions and objects are answered from memory,
after so many milliseconds; all else by a moto server behind it.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import sys
from typing import Any
from urllib.parse import urlsplit

from palleto.cloud import samples
from palleto.cloud.places import EmbeddedServer


class Canned:
    """What is asked for most, from memory; `left`: of the messages."""

    def __init__(self, files: int, moto: str) -> None:
        self.objects = {f"/{sample.key}": sample.data for sample in samples(files)}
        self.messages = [self.message(number, key[1:]) for number, key in enumerate(self.objects)]
        self.moto = urlsplit(moto).netloc

    def message(self, number: int, key: str) -> dict[str, Any]:
        entity = {"bucket": {"name": "a-warehouse"}, "object": {"key": key}}
        body = json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": entity}]})
        return {
            "MessageId": f"m{number}",
            "ReceiptHandle": f"h{number}",
            "MD5OfBody": hashlib.md5(body.encode()).hexdigest(),
            "Body": body,
            "Attributes": {"ApproximateReceiveCount": "1"},
        }

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes] | None:
        """The headers and the body of an answer; None for moto's."""
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if operation == "ReceiveMessage":
            most = json.loads(body).get("MaxNumberOfMessages", 1)
            taken, self.messages = self.messages[:most], self.messages[most:]
            return {}, json.dumps({"Messages": taken} if taken else {}).encode()
        if operation == "DeleteMessageBatch":
            entries = json.loads(body)["Entries"]
            return {}, json.dumps({"Successful": [{"Id": entry["Id"]} for entry in entries], "Failed": []}).encode()
        names = json.loads(body)["AttributeNames"] if operation == "GetQueueAttributes" else ()
        if names and all(name.startswith("Approximate") for name in names):
            return {}, json.dumps({"Attributes": dict.fromkeys(names, str(len(self.messages)))}).encode()
        if (data := self.objects.get(urlsplit(path).path)) is not None:
            etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
            return {"ETag": f'"{etag}"', "Last-Modified": "Wed, 20 Jul 2016 00:00:00 GMT"}, data
        return None

    def by_moto(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        """Blocks: the whole answer of moto."""
        connection = http.client.HTTPConnection(self.moto, timeout=60)
        parts = urlsplit(path)
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers)
        answer = connection.getresponse()
        data = answer.read()
        kept = [f"{n}: {v}" for n, v in answer.getheaders() if n.lower() not in ("transfer-encoding", "connection")]
        if not any(line.lower().startswith("content-length") for line in kept):
            kept.append(f"Content-Length: {len(data)}")
        connection.close()
        return "\r\n".join([f"HTTP/1.1 {answer.status} {answer.reason}", *kept, "", ""]).encode() + data


async def main(files: int, milliseconds: float) -> None:
    moto = EmbeddedServer()
    canned = Canned(files, moto.url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                line, *rest = head.split("\r\n")
                headers = {name.lower(): text for name, _, text in (each.partition(": ") for each in rest if each)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method, path, _ = line.split()
                answer = canned.answer(path, headers, body)
                if answer is None:
                    writer.write(await asyncio.to_thread(canned.by_moto, method, path, headers, body))
                else:
                    if milliseconds:
                        await asyncio.sleep(milliseconds / 1000)
                    more = "".join(f"{name}: {text}\r\n" for name, text in answer[0].items())
                    length = f"Content-Length: {len(answer[1])}\r\n"
                    writer.write(f"HTTP/1.1 200 OK\r\n{more}{length}\r\n".encode() + answer[1])
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
