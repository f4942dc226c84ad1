"""What the long measurements share: an asyncio receiver and publisher that are cheap enough not to be what is measured."""
import asyncio
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "e2e"))
from harness import ADMIN_KEY, Posthorn, wait_until  # noqa: E402, F401  (shared with the measurements)

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class Sink(asyncio.Protocol):
    """Reads requests by their Content-Length and answers at once. `on_request(path, body)` is called for each."""

    def __init__(self, on_request, answer=NO_CONTENT):
        self.on_request, self.answer, self.buffer = on_request, answer, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15:].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4:end + 4 + length]
            path = self.buffer[:80].split(b" ", 2)[1].decode()
            self.buffer = self.buffer[end + 4 + length:]
            self.on_request(path, body)
            if self.answer:
                self.transport.write(self.answer)


class Dripper(asyncio.Protocol):
    """Answers one byte a second."""

    def connection_made(self, transport):
        self.transport = transport
        self.task = asyncio.ensure_future(self.drip())

    def connection_lost(self, _):
        self.task.cancel()

    async def drip(self):
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n":
            await asyncio.sleep(1)
            self.transport.write(bytes([byte]))


class Publisher:
    """Keep-alive connections to the API; `post` returns the status."""

    def __init__(self, port, connections=8):
        self.port, self.connections = port, connections
        self.free = asyncio.Queue()

    async def open(self):
        for _ in range(self.connections):
            self.free.put_nowait(await asyncio.open_connection("127.0.0.1", self.port))
        return self

    async def post(self, target, body):
        reader, writer = await self.free.get()
        writer.write((f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n"
                      f"Content-Length: {len(body)}\r\n\r\n").encode() + body)
        head = await reader.readuntil(b"\r\n\r\n")
        at = head.lower().find(b"content-length:")
        if at >= 0:
            await reader.readexactly(int(head[at + 15:].split(b"\r\n", 1)[0]))
        self.free.put_nowait((reader, writer))
        return int(head[9:12])


async def publish_many(publisher, event_type, count, fill=1000, batch=500, note=None):
    """`count` events in arrays of `batch`."""
    one = json.dumps({"type": event_type, "data": {"fill": "x" * fill}}).encode()
    body = b"[" + b",".join([one] * batch) + b"]"
    sent = 0
    waiting = set()
    while sent < count or waiting:
        while sent < count and len(waiting) < publisher.connections:
            waiting.add(asyncio.ensure_future(publisher.post("/v1/events", body)))
            sent += batch
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if task.result() // 100 != 2:
                raise RuntimeError(f"publishing was answered {task.result()}")
        if note:
            note(min(sent, count))


def percentile(values, share):
    values = sorted(values)
    return values[int(share * (len(values) - 1))] if values else float("nan")


def memory_mb(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1048576


def cpu_seconds(pid):
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                total += int(file.read().split()[0]) / 1e9
        except FileNotFoundError:
            pass
    return total


def now():
    return time.monotonic()
