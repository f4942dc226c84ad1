#!/usr/bin/env python3
"""Kills the real program at random moments under load and audits what arrived.

usage: test_crash.py BINARY [--kills N] [--seed N]

The oracle is outside of the program: publishers write down each event id after its 202, the receiver writes down
each webhook-id. After the last restart: every acknowledged event must have arrived, and the repeats of each kill are
at most the attempts that can be in flight. The same for what is received: signed calls of a provider are sent to a source, and each
one that was answered 2xx must arrive at the receiver as exactly one event. Then: restart with 100 000 pending.
"""
import argparse
import http.client
import json
import random
import sys
import threading
import time

from harness import ADMIN_KEY, Checks, Posthorn, Receiver, free_port, wait_until
from receiving import StripeSender

IN_FLIGHT = 64
SECRET = "whsec_crash_test_0001"
PENDING = 100_000


def publisher(port, name, acknowledged, stopping):
    """Publishes until the server goes away."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    number = 0
    try:
        while not stopping.is_set():
            number += 1
            body = json.dumps({"type": "crash.test", "data": {"publisher": name, "number": number, "fill": "x" * 200}})
            connection.request("POST", "/v1/events", body, {"Content-Type": "application/json", "Authorization": "Bearer " + ADMIN_KEY})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status == 202:
                acknowledged.append(json.loads(text)["id"])
    except (OSError, http.client.HTTPException, ValueError):
        pass  # The server was killed: whatever was not answered was not acknowledged.


def provider(sender, name, acknowledged, stopping):
    """Sends signed calls until the server goes away, each once."""
    number = 0
    while not stopping.is_set():
        number += 1
        event_id = f"evt_{name}_{number}"
        status = sender.send(event_id)
        if status == 200:
            acknowledged.append(event_id)
        elif status is None:
            return


def crash_rounds(checks, binary, kills, chance):
    with Receiver() as receiver:
        posthorn = Posthorn(binary, environment={"POSTHORN_DELIVERY__IN_FLIGHT": str(IN_FLIGHT)})
        acknowledged, received, kill_times, slowest = [], [], [], 0.0
        with posthorn:
            posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["crash.*", "stripe.*"], "disable_after": 0, "concurrency": 64})
            source = posthorn.call("POST", "/v1/sources", {"provider": "stripe", "name": "crash", "config": {"signing_secret": SECRET}})
            for round_number in range(kills):
                stopping, threads = threading.Event(), []
                for index in range(4):
                    thread = threading.Thread(target=publisher, args=(posthorn.port, f"{round_number}-{index}", acknowledged, stopping))
                    threads.append(thread)
                for index in range(2):
                    sender = StripeSender(posthorn, source, SECRET)
                    threads.append(threading.Thread(target=provider, args=(sender, f"{round_number}_{index}", received, stopping)))
                for thread in threads:
                    thread.start()
                time.sleep(chance.uniform(0.02, 0.6))
                posthorn.kill()
                kill_times.append(time.monotonic())
                stopping.set()
                for thread in threads:
                    thread.join()
                posthorn.start()
                slowest = max(slowest, posthorn.ready_seconds)
            wanted = set(acknowledged)
            arrived = lambda: {seen.id for seen in list(receiver.received)}
            try:
                wait_until(lambda: wanted <= arrived(), 60, "every acknowledged event")
            except AssertionError:
                pass  # counted below
            lost = wanted - arrived()
            checks.equal(f"0 of {len(wanted)} acknowledged events lost in {kills} kills", len(lost), 0)

            def said():
                """Which events of ours arrived for each of the provider's."""
                found = {}
                for seen in list(receiver.received):
                    if seen.headers["X-Webhook-Event"].startswith("stripe."):
                        found.setdefault(json.loads(seen.body)["data"]["provider_event_id"], set()).add(seen.id)
                return found

            sent = set(received)
            try:
                wait_until(lambda: sent <= said().keys(), 60, "every acknowledged call")
            except AssertionError:
                pass  # counted below
            events = said()
            checks.equal(f"0 of {len(sent)} acknowledged calls lost in {kills} kills", len(sent - events.keys()), 0)
            checks.equal("each made one event", [one for one, ids in events.items() if len(ids) != 1], [])
            checks.check("something was received in nearly every round", len(sent) > 5 * kills, str(len(sent)))

            # A repeat belongs to the last kill before it: only what was in flight then is sent again.
            first, repeats = {}, [0] * (kills + 1)
            for seen in list(receiver.received):
                if seen.id in first:
                    repeats[sum(1 for at in kill_times if at < seen.at)] += 1
                else:
                    first[seen.id] = seen.at
            checks.equal("no repeat before the first kill", repeats[0], 0)
            checks.check("repeats of a kill are at most the attempts in flight", max(repeats) <= IN_FLIGHT, str(max(repeats)))
            checks.check("something was published in nearly every round", len(wanted) > 10 * kills, str(len(wanted)))
            code = posthorn.stop()
            checks.equal("the last stop is a clean one", code, 0)
            run = posthorn_fsck(posthorn)
            checks.equal("fsck holds after the kills", run, 0)
        print(f"{kills} kills, {len(acknowledged)} published and {len(received)} received acknowledged, {receiver.count()} delivered, {sum(repeats)} repeats (at most {max(repeats)} for a kill), "
              f"slowest restart to ready {slowest * 1000:.0f} ms")


def posthorn_fsck(posthorn):
    code, _, errors = posthorn.cli("fsck", "--data", posthorn.data)
    if code:
        print(errors)
    return code


def restart_with_backlog(checks, binary):
    posthorn = Posthorn(binary)
    with posthorn:
        endpoint = posthorn.call("POST", "/v1/endpoints", {"url": f"http://127.0.0.1:{free_port()}/nobody", "event_types": ["backlog.*"]})
        posthorn.call("POST", f"/v1/endpoints/{endpoint['id']}/disable", {})
        batch = [{"type": "backlog.test", "data": {"n": n}} for n in range(500)]
        for _ in range(PENDING // 500):
            posthorn.call("POST", "/v1/events", batch)
        posthorn.kill()
        posthorn.start()
        print(f"ready {posthorn.ready_seconds * 1000:.0f} ms after a kill with {PENDING} pending")
        checks.check(f"ready under 1 s with {PENDING} pending", posthorn.ready_seconds < 1, f"{posthorn.ready_seconds:.2f} s")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--kills", type=int, default=40)
    arguments.add_argument("--seed", type=int, default=None)
    given = arguments.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    checks = Checks()
    crash_rounds(checks, given.binary, given.kills, random.Random(seed))
    restart_with_backlog(checks, given.binary)
    checks.finish()


if __name__ == "__main__":
    main()
