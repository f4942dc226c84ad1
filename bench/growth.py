#!/usr/bin/env python3
"""What a message costs as the store grows: rate and CPU at 1 k, 100 k, 1 M and 10 M events stored.

usage: ./dev bench growth [--most N]
"""
import argparse
import asyncio
import sys
import time

from load import Posthorn, Publisher, Sink, cpu_seconds, publish_many

STEPS = [1_000, 100_000, 1_000_000, 10_000_000]
MEASURED = 20_000


async def main(binary, most):
    loop = asyncio.get_running_loop()
    arrived = {"count": 0}

    def on_request(*_):
        arrived["count"] += 1

    sink = await loop.create_server(lambda: Sink(on_request), "127.0.0.1", 0)
    posthorn = Posthorn(binary, environment={"POSTHORN_LOG__LEVEL": "error"})
    with posthorn:
        posthorn.call("POST", "/v1/endpoints", {"url": f"http://127.0.0.1:{sink.sockets[0].getsockname()[1]}/", "event_types": ["measured.*"], "concurrency": 256})
        publisher = await Publisher(posthorn.port, 4).open()
        stored = 0
        for step in [step for step in STEPS if step <= most]:
            if step > stored:
                note = lambda sent: print(f"\r{stored + sent} stored", end="", file=sys.stderr) if sent % 100_000 == 0 else None
                await publish_many(publisher, "filler.test", step - stored, fill=900, note=note)
                print(file=sys.stderr)
                stored = step
            arrived["count"] = 0
            cpu, begin = cpu_seconds(posthorn.process.pid), time.monotonic()
            await publish_many(publisher, "measured.test", MEASURED, fill=900, batch=100)
            while arrived["count"] < MEASURED and time.monotonic() - begin < 120:
                await asyncio.sleep(0.01)
            took = time.monotonic() - begin
            print(f"{stored:>9} events stored: {MEASURED / took:8.0f} messages/s, {(cpu_seconds(posthorn.process.pid) - cpu) * 1e6 / MEASURED:6.1f} us of CPU for one "
                  f"(published, delivered, recorded)", flush=True)
            stored += MEASURED
        posthorn.kill()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--most", type=int, default=10_000_000)
    given = arguments.parse_args()
    asyncio.run(main(given.binary, given.most))
