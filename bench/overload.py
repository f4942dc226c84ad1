#!/usr/bin/env python3
"""Twice what it can take, for minutes: memory stays bounded, what is refused is refused with 503, and every request that got a 2xx is there afterwards.

The bound on what is in flight is set so low (ingest.in_flight_mb) that the connections of the load can reach it.

usage: ./dev bench overload [--minutes N]
"""
import argparse
import ctypes
import os
import sqlite3
import tempfile
import time

from load import Posthorn, memory_mb
from stripe import StripeLoad, make_sources, metrics, wait_for_worker

MEMORY_MB_MAX = 512
ID_DIGITS = 20
COMPRESSED = 2  # In the flags of a request's packed column: src/store/sqlite/packing.h.
LZ4 = ctypes.CDLL("liblz4.so.1")


def first_bytes(block, count):
    """Of what an LZ4 block holds."""
    room = ctypes.create_string_buffer(4096)
    size = LZ4.LZ4_decompress_safe_partial(bytes(block), room, len(block), count, len(room))
    if size < count:
        raise ValueError(f"a compressed body gives {size} bytes")
    return room.raw[:count]


def missing(folder, acknowledged, first_id):
    """How many ids with a 2xx have no request, and how many requests there are."""
    with open(acknowledged, "rb") as file:
        wanted = bytearray(file.read())
    database = sqlite3.connect(f"file:{os.path.join(folder, 'posthorn.db')}?mode=ro", uri=True)
    rows = 0
    for extras, body in database.execute("SELECT substr(extras, 1, 2), body FROM requests WHERE body IS NOT NULL"):
        # The body begins {"id":"evt_<digits>".
        start = first_bytes(body, 11 + ID_DIGITS) if extras[1] & COMPRESSED else body
        at = int(start[11 : 11 + ID_DIGITS]) - first_id
        if 0 <= at < len(wanted):
            wanted[at] = ord("0")
            rows += 1
    database.close()
    return wanted.count(b"1"), rows


def main(given):
    environment = {"POSTHORN_LOG__LEVEL": "error", "POSTHORN_INGEST__IN_FLIGHT_MB": str(given.in_flight_mb)}
    with Posthorn(given.binary, environment=environment) as posthorn, tempfile.TemporaryDirectory() as folder:
        load = StripeLoad(posthorn, make_sources(posthorn, 1))
        load.run(2)
        saturated = load.run(5)["rate"]
        wait_for_worker(posthorn)
        acknowledged, first_id = os.path.join(folder, "acknowledged"), load.next_id
        running = load.start(given.minutes * 60, rate=2 * saturated, connections=given.connections, acknowledged=acknowledged)
        begin, peak, waiting = time.monotonic(), 0, 0
        while running.poll() is None:
            peak = max(peak, memory_mb(posthorn.process.pid))
            waiting = max(waiting, metrics(posthorn)["posthorn_requests_waiting"])
            time.sleep(0.5)
        result = load.finish(running)
        begin = time.monotonic()
        wait_for_worker(posthorn, 600)
        lag = time.monotonic() - begin
        statuses = result["statuses"]
        wrong = {status: count for status, count in statuses.items() if not status.startswith("2") and status != "503"}
        posthorn.stop(60)
        lost, rows = missing(posthorn.data, acknowledged, first_id)
        load.close()
    sent = result["sent"] / result["seconds"]
    print(f"saturated {saturated:.0f} requests/s; then {2 * saturated:.0f} a second due for {result['seconds']:.0f} s over {given.connections} connections, "
          f"each with one request under way at most: {sent:.0f} a second sent, {result['rate']:.0f} accepted, answers {statuses}")
    print(f"p50 {result['p50_ms']:.0f} ms, p99 {result['p99_ms']:.0f} ms from when it was due; worker {lag:.1f} s behind at the end")
    print(f"memory {peak:.0f} MB at most: {'under' if peak < MEMORY_MB_MAX else 'NOT under'} {MEMORY_MB_MAX} MB")
    print(f"answers but 2xx and 503: {wrong or 'none'}")
    print(f"{statuses.get('200', 0)} answered 200, {rows} found, {lost} of the answered missing")
    return 0 if peak < MEMORY_MB_MAX and not wrong and lost == 0 and rows > 0 else 1


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--connections", type=int, default=4000)
    arguments.add_argument("--in-flight-mb", type=int, default=16)
    raise SystemExit(main(arguments.parse_args()))
