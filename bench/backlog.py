#!/usr/bin/env python3
"""Memory with a large backlog, how soon a start with it delivers, and memory for each delivery in flight.

usage: ./dev bench backlog [--pending N] [--in-flight N]
"""
import argparse
import asyncio
import os
import ssl
import sys
import tempfile
import time

from load import Posthorn, Publisher, Sink, memory_mb, publish_many
from harness import make_certificate


async def backlog(binary, pending):
    loop = asyncio.get_running_loop()
    first = asyncio.Event()
    arrived = {"count": 0, "at": None}

    def on_request(*_):
        arrived["count"] += 1
        if arrived["at"] is None:
            arrived["at"] = time.monotonic()
            first.set()

    sink = await loop.create_server(lambda: Sink(on_request), "127.0.0.1", 0)
    port = sink.sockets[0].getsockname()[1]
    posthorn = Posthorn(binary, environment={"POSTHORN_LOG__LEVEL": "error"})
    with posthorn:
        endpoint = posthorn.call("POST", "/v1/endpoints", {"url": f"http://127.0.0.1:{port}/", "event_types": ["*"]})
        posthorn.call("POST", f"/v1/endpoints/{endpoint['id']}/disable", {})
        publisher = await Publisher(posthorn.port, 4).open()
        begin = time.monotonic()
        note = lambda sent: print(f"\r{sent} published", end="", file=sys.stderr) if sent % 50_000 == 0 else None
        await publish_many(publisher, "backlog.test", pending, fill=900, note=note)
        print(file=sys.stderr)
        print(f"{pending} events of 1 KiB published in {time.monotonic() - begin:.0f} s")
        print(f"memory with {pending} pending deliveries: {memory_mb(posthorn.process.pid):.0f} MB (after publishing)")
        posthorn.kill()
        posthorn.start()
        print(f"memory with {pending} pending deliveries: {memory_mb(posthorn.process.pid):.0f} MB (after a restart), ready after {posthorn.ready_seconds:.2f} s")
        await loop.run_in_executor(None, lambda: posthorn.call("POST", f"/v1/endpoints/{endpoint['id']}/enable", {"recover": "all"}))
        posthorn.kill()
        await asyncio.sleep(0.5)  # What the killed process had sent is read before the clock starts.
        arrived.update(count=0, at=None)
        first.clear()
        begin = time.monotonic()
        started = loop.run_in_executor(None, posthorn.start)
        await first.wait()
        print(f"start with {pending} pending to the first delivery: {arrived['at'] - begin:.2f} s")
        await started
        await asyncio.sleep(5)
        print(f"delivering the backlog: {arrived['count'] / (time.monotonic() - arrived['at']):.0f} a second, memory {memory_mb(posthorn.process.pid):.0f} MB")
        posthorn.kill()


async def in_flight(binary, count, secure):
    loop = asyncio.get_running_loop()
    folder = tempfile.mkdtemp()
    certificate = make_certificate(folder, names=",".join(f"IP:127.0.0.{n}" for n in range(1, 101)))
    held = {"count": 0}

    def on_request(*_):
        held["count"] += 1

    context = None
    if secure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    sink = await loop.create_server(lambda: Sink(on_request, answer=None), "0.0.0.0", 0, ssl=context, backlog=4096)
    port = sink.sockets[0].getsockname()[1]
    environment = {"POSTHORN_LOG__LEVEL": "error", "POSTHORN_DELIVERY__IN_FLIGHT": "4096", "POSTHORN_EGRESS__CA_FILE": certificate[0]}
    posthorn = Posthorn(binary, environment=environment)
    with posthorn:
        lanes = max(1, count // 4)  # a lane begins with four at once, a host takes 64

        def endpoints():
            for n in range(lanes):
                posthorn.call("POST", "/v1/endpoints", {"url": f"{'https' if secure else 'http'}://127.0.0.{1 + n % 100}:{port}/{n}",
                                                        "event_types": ["flight.*"], "timeout_ms": 30000, "concurrency": 64})

        await loop.run_in_executor(None, endpoints)
        before = memory_mb(posthorn.process.pid)
        publisher = await Publisher(posthorn.port, 4).open()
        await publish_many(publisher, "flight.test", 4, fill=900, batch=1)
        deadline = time.monotonic() + 25
        best, peak = 0, before
        while time.monotonic() < deadline:
            if held["count"] > best:
                best, peak = held["count"], memory_mb(posthorn.process.pid)
            await asyncio.sleep(0.2)
        print(f"{'https' if secure else 'http'}: {best} held in flight, {(peak - before) * 1024 / max(best, 1):.1f} KB of memory each")
        posthorn.kill()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--pending", type=int, default=1_000_000)
    arguments.add_argument("--in-flight", type=int, default=2000)
    given = arguments.parse_args()
    if given.pending:
        asyncio.run(backlog(given.binary, given.pending))
    if given.in_flight:
        asyncio.run(in_flight(given.binary, given.in_flight, False))
        asyncio.run(in_flight(given.binary, given.in_flight, True))
