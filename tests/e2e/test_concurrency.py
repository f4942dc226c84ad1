#!/usr/bin/env python3
"""Calls at the same time: one Idempotency-Key twice, and two workspaces of which one floods.

usage: test_concurrency.py BINARY

A preloaded library makes each sync of the database slow, so that what is "at the same time" does not depend on luck.
Judged by counts, never by times. Skipped by name without a C compiler.
"""
import collections
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading

from harness import ADMIN_KEY, Checks, Posthorn, binary_argument, make_failing_disk

checks = Checks()
BINARY = binary_argument()
SYNC_MS = 700
FLOOD = 1500   # More than half of what may be in flight over all workspaces (2048).
MORE = 100     # What the flooding workspace asks for beside it.
OTHERS = 20


class SlowPosthorn(Posthorn):
    """Each commit takes SYNC_MS while slow."""

    def __init__(self, folder, library, **more):
        self.switch = os.path.join(folder, "slow")
        super().__init__(BINARY, environment={"LD_PRELOAD": library, "FAILING_DISK_CALL": "slow", "FAILING_DISK_MS": str(SYNC_MS),
                                              "FAILING_DISK_SWITCH": self.switch, "POSTHORN_TRUSTED_PROXIES": "127.0.0.0/8", **more})

    def __enter__(self):
        super().__enter__()
        open(self.switch, "w").close()
        return self

    def fast(self):
        os.unlink(self.switch)


def at_once(count, call):
    """What `count` threads got from call(index)."""
    answers, gate = [None] * count, threading.Barrier(count)

    def run(index):
        gate.wait()
        answers[index] = call(index)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def one_key_at_once(folder, library):
    with SlowPosthorn(folder, library) as posthorn:
        body = {"type": "twice.test", "data": {"n": 1}}
        for round_number in range(3):
            key = {"Idempotency-Key": f"round-{round_number}"}
            answers = at_once(16, lambda _: posthorn.request("POST", "/v1/events", body, headers=key))
            by_status = collections.Counter(status for status, _, _ in answers)
            checks.check("done at least once, else refused", by_status[202] >= 1 and by_status[202] + by_status[409] == 16, dict(by_status))
            checks.check("the others find it under way", by_status[409] >= 1, dict(by_status))
            for status, headers, problem in answers:
                if status != 409:
                    continue
                checks.equal("409: its type", headers["Content-Type"], "application/problem+json")
                checks.equal("409: its code", problem["code"], "idempotency_key_in_flight")
                checks.check("409: Retry-After", (headers["Retry-After"] or "").isdigit(), headers["Retry-After"])
            fresh = [parsed for status, headers, parsed in answers if status == 202 and not headers["Idempotency-Replayed"]]
            checks.equal("one call did the work", len(fresh), 1)
            checks.equal("one event", len({parsed["id"] for status, _, parsed in answers if status == 202}), 1)
            status, headers, parsed = posthorn.request("POST", "/v1/events", body, headers=key)
            checks.check("afterwards the kept answer", status == 202 and headers["Idempotency-Replayed"] == "true" and parsed == fresh[0], (status, parsed))
            checks.equal("another request with the key", posthorn.request("POST", "/v1/events", {**body, "data": {}}, headers=key)[0], 422)
        # The same key of another workspace is another key.
        other = posthorn.call("POST", "/v1/workspaces", {"name": "other"})["id"]
        status, headers, _ = posthorn.request("POST", "/v1/events", body, headers={"Idempotency-Key": "round-0", "X-Posthorn-Workspace": other})
        checks.check("another workspace is not answered from it", status == 202 and not headers["Idempotency-Replayed"], status)
        posthorn.fast()
        checks.equal("as many events as rounds", len(list(posthorn.pages("/v1/events"))), 3)


class Flood:
    """Publishes on many connections at once. All are sent before any answer is read."""

    def __init__(self, posthorn, workspace, count):
        body = json.dumps({"type": "flood.test", "data": {}}).encode()
        request = (f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1:{posthorn.port}\r\nAuthorization: Bearer {ADMIN_KEY}\r\nX-Posthorn-Workspace: {workspace}\r\n"
                   f"Content-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
        self.sockets = []
        for _ in range(count):
            self.sockets.append(socket.create_connection(("127.0.0.1", posthorn.port), timeout=60))
        for peer in self.sockets:
            peer.sendall(request)

    def answers(self):
        """How often each status came, and the texts of the refusals."""
        statuses, refusals = collections.Counter(), []
        for peer in self.sockets:
            text = b""
            while part := peer.recv(65536):
                text += part
            peer.close()
            status = int(text.split(b" ", 2)[1]) if text else 0
            statuses[status] += 1
            if status != 202:
                refusals.append(text)
        return statuses, refusals


def fair_shares(folder, library):
    with SlowPosthorn(folder, library) as posthorn:
        noisy = posthorn.call("POST", "/v1/workspaces", {"name": "noisy"})["id"]
        quiet = posthorn.call("POST", "/v1/workspaces", {"name": "quiet"})["id"]

        total, shares = collections.Counter(), 0
        for _ in range(3):
            flood = Flood(posthorn, noisy, FLOOD)
            others = Flood(posthorn, quiet, OTHERS)
            more = Flood(posthorn, noisy, MORE)
            other_statuses, _ = others.answers()
            statuses, refusals = flood.answers()
            more_statuses, more_refusals = more.answers()
            total += statuses + more_statuses
            checks.equal("every publish of the quiet workspace is taken", other_statuses, {202: OTHERS})
            for text in refusals + more_refusals:
                fine = b" 429 " in text.split(b"\r\n")[0] and b"share_used" in text and b"\r\nRetry-After: " in text
                shares += fine
                if not fine:
                    checks.check("a refusal is 429 share_used with Retry-After", False, text[:300])
        checks.check("the flooding one is answered each time", sum(total.values()) == 3 * (FLOOD + MORE) and not set(total) - {202, 429}, dict(total))
        checks.check("and held to its share while the other one publishes", shares > 0, dict(total))
        checks.check("but not shut out", total[202] >= 3 * 1024, dict(total))
        posthorn.fast()
        count = lambda workspace: len(posthorn.call("GET", "/v1/events?limit=500", headers={"X-Posthorn-Workspace": workspace})["data"])
        checks.equal("the quiet one's events are there", count(quiet), 3 * OTHERS)
        print(f"the flooding workspace: {dict(total)}")


def main():
    folder = tempfile.mkdtemp()
    library = make_failing_disk(folder)
    if not library:
        checks.skip("calls at the same time", "no C compiler")
        print("0 passed, 0 failed, 1 skipped")
        return
    for scenario in (one_key_at_once, fair_shares):
        own = os.path.join(folder, scenario.__name__)
        os.mkdir(own)
        try:
            scenario(own, library)
        except (AssertionError, OSError, KeyError, ValueError, IndexError, subprocess.SubprocessError) as problem:
            checks.check(scenario.__name__, False, f"{type(problem).__name__}: {problem}"[:600])
    shutil.rmtree(folder)
    checks.finish()


main()
