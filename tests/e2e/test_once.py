#!/usr/bin/env python3
"""Exactly one effect for each provider event, however often it is sent, while the program is killed and restarted.

usage: test_once.py BINARY [--ids N] [--times N] [--kills N] [--seed N]

Every id is sent `times` times, by many connections at once in a random order, each until it is answered 2xx. The whole is
`./dev once` (1 000 ids, 100 times, 20 kills).
"""
import argparse
import collections
import queue
import random
import threading
import time

from harness import Checks, Posthorn, wait_until
from receiving import StripeSender

CONNECTIONS = 32
SECRET = "whsec_exactly_once_0001"


class Load:
    """Sends everything; a call that was not acknowledged is sent again."""

    def __init__(self, posthorn, source, calls):
        self.posthorn, self.source, self.sent, self.refused = posthorn, source, 0, collections.Counter()
        self.lock, self.work = threading.Lock(), queue.SimpleQueue()
        for call in calls:
            self.work.put(call)
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(CONNECTIONS)]
        for thread in self.threads:
            thread.start()

    def run(self):
        sender = StripeSender(self.posthorn, self.source, SECRET)
        while True:
            try:
                event_id = self.work.get_nowait()
            except queue.Empty:
                return
            while (status := sender.send(event_id)) != 200:
                with self.lock:
                    self.refused[status] += 1
                time.sleep(0.02)  # It is being started again.
            with self.lock:
                self.sent += 1


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--ids", type=int, default=100)
    arguments.add_argument("--times", type=int, default=30)
    arguments.add_argument("--kills", type=int, default=5)
    arguments.add_argument("--seed", type=int, default=None)
    given = arguments.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    chance, checks = random.Random(seed), Checks()
    ids = [f"evt_once_{number}" for number in range(given.ids)]
    calls = ids * given.times
    chance.shuffle(calls)
    with Posthorn(given.binary) as posthorn:
        source = posthorn.call("POST", "/v1/sources", {"provider": "stripe", "name": "once", "config": {"signing_secret": SECRET}})
        load = Load(posthorn, source, calls)
        began = time.monotonic()
        for kill in range(given.kills):
            due = len(calls) * (kill + chance.random()) / (given.kills + 1)
            wait_until(lambda: load.sent >= due, 300, f"{due:.0f} calls")
            posthorn.kill()
            posthorn.start()
        for thread in load.threads:
            thread.join(600)
        checks.equal("every call was acknowledged", load.sent, len(calls))
        checks.check("and none was refused for good", set(load.refused) <= {None, 503}, load.refused)
        wait_until(lambda: not posthorn.call("GET", f"/v1/requests?source_id={source['id']}&state=received&limit=1")["data"], 120, "the worker to be done")
        events = [posthorn.call("GET", "/v1/events/" + row["id"]) for row in posthorn.pages("/v1/events?type=stripe.*&limit=500")]
        effects = collections.Counter(event["data"]["provider_event_id"] for event in events)
        checks.equal("exactly one effect of each", {one: count for one, count in effects.items() if count != 1}, {})
        checks.equal("and none is missing", set(ids) - effects.keys(), set())
        states = collections.Counter(row["state"] for row in posthorn.pages(f"/v1/requests?source_id={source['id']}&limit=500"))
        checks.equal("one request of each was worked on", states["processed"], len(ids))
        checks.check("all others are its duplicates", states.total() >= len(calls) and set(states) == {"processed", "duplicate"}, states)
        print(f"{len(ids)} ids, each {given.times} times, {given.kills} kills: {states.total()} kept, {time.monotonic() - began:.1f} s, unanswered {dict(load.refused)}")
        checks.equal("a clean stop", posthorn.stop(), 0)
        checks.equal("fsck holds", posthorn.cli("fsck", "--data", posthorn.data)[0], 0)
    checks.finish()


main()
