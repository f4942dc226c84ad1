#!/usr/bin/env python3
"""Does one bad receiver delay the good ones? 100 healthy endpoints alone, then beside a black hole, ten that answer a byte a second,
and one that is flooded with 100 000 events.

usage: ./dev bench isolation [--seconds N]
"""
import argparse
import asyncio
import json
import time

from load import NO_CONTENT, Dripper, Posthorn, Publisher, Sink, percentile, publish_many

HEALTHY, DRIPPERS, FLOOD, RATE = 100, 10, 100_000, 200


async def measure(publisher, seconds, latencies):
    latencies.clear()
    begin = time.monotonic()
    number = 0
    running = set()
    while time.monotonic() - begin < seconds:
        body = json.dumps({"sent": time.monotonic_ns(), "n": number}).encode()
        task = asyncio.ensure_future(publisher.post(f"/v1/publish/healthy.n{number % HEALTHY}", body))
        running.add(task)
        task.add_done_callback(running.discard)
        number += 1
        await asyncio.sleep(max(0, begin + number / RATE - time.monotonic()))
    await asyncio.gather(*running)
    deadline = time.monotonic() + 15
    while len(latencies) < number and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    return number, len(latencies), percentile(latencies, 0.5), percentile(latencies, 0.99)


async def main(binary, seconds):
    loop = asyncio.get_running_loop()
    latencies = []
    healthy = lambda path, body: latencies.append((time.monotonic_ns() - json.loads(body)["data"]["sent"]) / 1e6)
    good = await loop.create_server(lambda: Sink(healthy), "127.0.0.1", 0)
    hole = await loop.create_server(lambda: Sink(lambda *_: None, answer=None), "127.0.0.1", 0)
    drip = await loop.create_server(Dripper, "127.0.0.1", 0)
    flooded = {"count": 0}

    def count(*_):
        flooded["count"] += 1

    flood = await loop.create_server(lambda: Sink(count), "127.0.0.1", 0)
    port = lambda server: server.sockets[0].getsockname()[1]
    posthorn = Posthorn(binary, environment={"POSTHORN_LOG__LEVEL": "error"})
    with posthorn:
        create = lambda url, kind: posthorn.call("POST", "/v1/endpoints", {"url": url, "event_types": [kind]})

        def endpoints():
            for n in range(HEALTHY):
                create(f"http://127.0.0.1:{port(good)}/{n}", f"healthy.n{n}")
            create(f"http://127.0.0.1:{port(hole)}/", "noise.hole")
            for n in range(DRIPPERS):
                create(f"http://127.0.0.1:{port(drip)}/{n}", "noise.drip")
            create(f"http://127.0.0.1:{port(flood)}/", "noise.flood")

        await loop.run_in_executor(None, endpoints)
        publisher = await Publisher(posthorn.port, 16).open()
        await measure(publisher, 2, latencies)
        alone = await measure(publisher, seconds, latencies)
        noise = await Publisher(posthorn.port, 1).open()  # A connection without a request is closed after 10 s.
        await publish_many(noise, "noise.hole", 500, batch=500)
        await publish_many(noise, "noise.drip", 500, batch=500)
        flooding = asyncio.ensure_future(publish_many(noise, "noise.flood", FLOOD, batch=100))
        beside = await measure(publisher, seconds, latencies)
        await flooding
        print(f"alone:  {alone[0]} published, {alone[1]} arrived, p50 {alone[2]:.1f} ms, p99 {alone[3]:.1f} ms")
        print(f"beside: {beside[0]} published, {beside[1]} arrived, p50 {beside[2]:.1f} ms, p99 {beside[3]:.1f} ms ({flooded['count']} of the flood delivered)")
        within = beside[3] <= max(alone[3] * 1.1, alone[3] + 20)
        print(f"healthy p99 {beside[3] - alone[3]:+.1f} ms: {'within' if within else 'NOT within'} 10 % or 20 ms")
        posthorn.kill()
    return 0 if within and beside[0] == beside[1] else 1


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--seconds", type=float, default=20)
    given = arguments.parse_args()
    raise SystemExit(asyncio.run(main(given.binary, given.seconds)))
