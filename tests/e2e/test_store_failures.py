#!/usr/bin/env python3
"""What fails below the store, through the real program: a disk that is really full, writes and fsyncs that fail, a newer schema.

usage: test_store_failures.py BINARY

The full disk is a small tmpfs in a mount namespace of its own; failing calls come from failing_disk.c, preloaded into the
server and switched by a file. Both are skipped by name where they cannot be had.
"""
import calendar
import errno
import http.client
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from harness import Checks, Posthorn, Receiver, binary_argument, make_failing_disk, wait_until

checks = Checks()
BINARY = os.path.abspath(binary_argument())
STATUS_STORE_FAILED = 70
BALLAST_MB = 8
DISK_MB = 64
FILLER_MB = 20


def log_of(posthorn):
    with open(posthorn.log, errors="replace") as file:
        return file.read()


def fsck_holds(name, posthorn):
    code, out, errors = posthorn.cli("fsck", "--data", posthorn.data)
    checks.check(name, code == 0, out + errors)


def ids(receiver):
    return {seen.id for seen in list(receiver.received)}


def publish_until_refused(posthorn, acknowledged, payload_bytes, most=5000):
    """The first answer that is not 202."""
    for number in range(most):
        body = {"type": "disk.filled", "data": {"number": number, "fill": os.urandom(payload_bytes // 2).hex()}}
        status, headers, parsed = posthorn.request("POST", "/v1/events", body)
        if status != 202:
            return status, headers, parsed
        acknowledged.append(parsed["id"])
    raise AssertionError("the disk never filled")


def check_refusal(name, status, headers, parsed):
    checks.equal(f"{name}: 503", status, 503)
    checks.equal(f"{name}: its type", headers["Content-Type"], "application/problem+json")
    checks.check(f"{name}: Retry-After in seconds", (headers["Retry-After"] or "").isdigit(), headers["Retry-After"])
    checks.check(f"{name}: a code and a sentence", parsed.get("code") == "unavailable" and len(parsed.get("detail", "")) > 10, parsed)


def fill_up(path):
    """Somebody else's file takes every byte that is left."""
    with open(path, "ab", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError as problem:
            if problem.errno != errno.ENOSPC:
                raise


def start_with_little_room(posthorn, filler):
    """What a start needs depends on the log that it finds: as little as will do."""
    log = os.path.join(posthorn.data, "posthorn.db-wal")
    most = os.path.getsize(log) + (4 << 20) if os.path.exists(log) else 4 << 20
    for _ in range(-(-most // (2 << 20))):
        os.truncate(filler, os.path.getsize(filler) - (2 << 20))
        said_before = len(log_of(posthorn))
        try:
            return posthorn.start()
        except AssertionError:
            if "disk is full" not in log_of(posthorn)[said_before:]:
                raise
    raise AssertionError("it does not start: " + log_of(posthorn)[-2000:])


def full_disk(folder):
    filler = os.path.join(folder, "filler")
    with open(filler, "wb") as file:
        file.write(b"\0" * (FILLER_MB << 20))
    settings = {"POSTHORN_STORE__BALLAST_MB": str(BALLAST_MB)}
    acknowledged, due_while_full = [], []
    posthorn = Posthorn(BINARY, data=os.path.join(folder, "data"), environment=settings)
    posthorn.log = folder + "-log.txt"
    with Receiver() as receiver, posthorn:
        posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["disk.*"], "disable_after": 0})
        # Due some seconds from now, when the disk has long been full.
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 15))
        for number in range(20):
            made = posthorn.call("POST", "/v1/events", {"type": "disk.later", "data": {"number": number}, "deliver_at": moment})
            due_while_full.append(made["id"])
        check_refusal("a publish on the full disk", *publish_until_refused(posthorn, acknowledged, 200_000))
        checks.check("much was published before it was full", len(acknowledged) > 20, len(acknowledged))
        checks.check("the ballast is given up", not os.path.exists(os.path.join(posthorn.data, "ballast")))
        check_refusal("another one", *posthorn.request("POST", "/v1/events", {"type": "disk.small", "data": {}}))
        check_refusal("an endpoint", *posthorn.request("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["other"]}))
        checks.equal("not ready", posthorn.request("GET", "/readyz", key=None)[0], 503)
        checks.equal("alive", posthorn.request("GET", "/healthz", key=None)[0], 200)
        checks.equal("reading goes on", posthorn.request("GET", "/v1/events/" + acknowledged[-1])[0], 200)
        checks.check("the log says it", '"store_disk_full"' in log_of(posthorn), log_of(posthorn)[-2000:])

        # A crash, and starts with hardly any room: what is acknowledged stays, and nothing is sent.
        fill_up(filler)
        posthorn.kill()
        checks.check("no delivery came before its time", not ids(receiver) & set(due_while_full))
        run = subprocess.run([BINARY, "serve", "--data", posthorn.data, "--listen", "127.0.0.1:0", "--once"], capture_output=True, text=True, timeout=60)
        # The log may still have room inside the file.
        refused = run.returncode == 1 and "disk is full" in run.stderr
        checks.check("a start without a free byte works, or ends with 1 and a sentence", refused or run.returncode == 0, run)
        start_with_little_room(posthorn, filler)
        late = []
        check_refusal("after a restart", *publish_until_refused(posthorn, late, 200_000))
        acknowledged += late
        # A large payload was refused; what little room that left is taken now, so that the store knows.
        fill_up(filler)
        check_refusal("and the smallest one", *publish_until_refused(posthorn, acknowledged, 0))
        checks.check("the disk was full before the deliveries were due", time.time() < unix(moment), time.time() - unix(moment))
        time.sleep(max(0.0, 2 + unix(moment) - time.time()))  # Nothing can be waited for: what is shown is that nothing starts.
        started = ids(receiver) & set(due_while_full)
        checks.equal("no attempt starts while the disk is full", len(started), 0)

        os.unlink(filler)
        wait_until(lambda: posthorn.request("GET", "/readyz", key=None)[0] == 200, 20, "ready again")
        checks.check("it heals alone, and takes events", posthorn.request("POST", "/v1/events", {"type": "disk.healed", "data": {}})[0] == 202)
        checks.check("the ballast is back", os.path.getsize(os.path.join(posthorn.data, "ballast")) == BALLAST_MB << 20)
        wanted = set(acknowledged) | set(due_while_full)
        try:
            wait_until(lambda: wanted <= ids(receiver), 60, "every acknowledged event")
        except AssertionError:
            pass  # counted below
        checks.equal(f"0 of {len(wanted)} acknowledged events lost over the full disk", len(wanted - ids(receiver)), 0)
        pending = [row for row in posthorn.pages("/v1/deliveries?status=pending&limit=500")]
        checks.equal("nothing is left pending", len(pending), 0)
        checks.equal("a clean stop", posthorn.stop(), 0)
        fsck_holds("fsck after the full disk", posthorn)


def unix(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def in_small_disk():
    """Runs full_disk in a namespace whose disk is small; its counts become ours."""
    folder = tempfile.mkdtemp(prefix="posthorn-small-disk-")
    mount = f'mount -t tmpfs -o size={DISK_MB}m tmpfs "$1" || exit 77; shift; exec "$@"'
    run = subprocess.run(["unshare", "-rm", "sh", "-c", mount, "sh", folder, sys.executable, os.path.abspath(__file__), BINARY, "--inside", folder],
                         capture_output=True, text=True, timeout=300)
    os.rmdir(folder)
    if "passed" not in run.stdout:
        return checks.skip("full disk", f"no mount namespace: {run.stderr.strip()[-200:]}")
    for line in run.stdout.splitlines():
        if not line.endswith("skipped"):
            print(line)
    passed, failed = (int(part.split()[0]) for part in run.stdout.splitlines()[-1].split(", ")[:2])
    checks.passed += passed
    checks.failed += failed


class Publishers:
    """Publish until the server goes away; write down what was acknowledged."""

    def __init__(self, posthorn, count=4):
        self.acknowledged = []
        self.threads = [threading.Thread(target=self._run, args=(posthorn, name)) for name in range(count)]
        for thread in self.threads:
            thread.start()

    def _run(self, posthorn, name):
        number = 0
        try:
            while True:
                number += 1
                status, _, parsed = posthorn.request("POST", "/v1/events", {"type": "failing.test", "data": {"publisher": name, "number": number}})
                if status == 202:
                    self.acknowledged.append(parsed["id"])
        except (OSError, http.client.HTTPException, ValueError):
            pass  # The server went away: whatever was not answered was not acknowledged.

    def join(self):
        for thread in self.threads:
            thread.join()


def failing_calls():
    folder = tempfile.mkdtemp(prefix="posthorn-failing-")
    shim = make_failing_disk(folder)
    if not shim:
        return checks.skip("failed fsync and write", "no C compiler")
    for what in ("sync", "write"):
        fails(folder, shim, what)
    body_file_fails(folder, shim)
    shutil.rmtree(folder)


def fails(folder, shim, what):
    switch = os.path.join(folder, "fail-" + what)
    name = f"a failed {what}"
    with Receiver() as receiver, Posthorn(BINARY) as posthorn:
        posthorn.environment = {"LD_PRELOAD": shim, "FAILING_DISK_SWITCH": switch, "FAILING_DISK_CALL": what}
        posthorn.kill()
        posthorn.start()
        posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["failing.*"], "disable_after": 0})
        publishers = Publishers(posthorn)
        wait_until(lambda: len(publishers.acknowledged) > 200, 30, "some acknowledged events")
        open(switch, "w").close()
        try:
            code = posthorn.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            code = None
            posthorn.kill()
        publishers.join()
        os.unlink(switch)
        checks.equal(f"{name} ends the process with {STATUS_STORE_FAILED}", code, STATUS_STORE_FAILED)
        said = log_of(posthorn)
        checks.check(f"{name} is said in the log", '"store_failed"' in said, said[-2000:])
        checks.check(f"{name} is said in words", "posthorn: the database failed: " in said and "not an error" not in said, said[-2000:])
        posthorn.environment = {}
        fsck_holds(f"fsck right after {name}", posthorn)
        posthorn.start()
        wanted = set(publishers.acknowledged)
        try:
            wait_until(lambda: wanted <= ids(receiver), 60, "every acknowledged event")
        except AssertionError:
            pass  # counted below
        checks.equal(f"0 of {len(wanted)} acknowledged events lost by {name}", len(wanted - ids(receiver)), 0)
        checks.equal("a clean stop", posthorn.stop(), 0)


def body_file_fails(folder, shim):
    """A large payload is a file of its own: when that cannot be made durable, nothing is acknowledged."""
    switch = os.path.join(folder, "fail-body")
    environment = {"LD_PRELOAD": shim, "FAILING_DISK_SWITCH": switch, "FAILING_DISK_CALL": "sync", "FAILING_DISK_PATH": "/bodies"}
    with Receiver() as receiver, Posthorn(BINARY, environment=environment) as posthorn:
        posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["body.*"], "disable_after": 0})
        large = {"type": "body.large", "data": {"fill": "x" * 400_000}}
        open(switch, "w").close()
        status = None
        try:
            status = posthorn.request("POST", "/v1/events", large)[0]
        except (OSError, http.client.HTTPException):
            status = posthorn.process.wait(timeout=20)
        checks.check("a body file that is not durable is not acknowledged", status in (500, 503, STATUS_STORE_FAILED), status)
        os.unlink(switch)
        if posthorn.process.poll() is not None:
            posthorn.start()
        made = posthorn.call("POST", "/v1/events", large)
        wait_until(lambda: made["id"] in ids(receiver), 20, "the large event")
        checks.equal("only what was acknowledged is there", [row["id"] for row in posthorn.pages("/v1/events")], [made["id"]])
        checks.equal("a clean stop", posthorn.stop(), 0)
        fsck_holds("fsck after a failed body file", posthorn)


def newer_schema():
    with Posthorn(BINARY) as posthorn:
        posthorn.stop()
        database = sqlite3.connect(os.path.join(posthorn.data, "posthorn.db"))
        database.execute("INSERT INTO migrations(number, name, checksum) VALUES (999, '0999_from_the_future', 'x')")
        database.commit()
        database.close()
        run = subprocess.run([BINARY, "serve", "--data", posthorn.data, "--listen", "127.0.0.1:0", "--once"], capture_output=True, text=True, timeout=60)
        checks.equal("a newer schema: exit 3", run.returncode, 3)
        checks.check("it is refused with a sentence", "0999_from_the_future" in run.stderr and "use a newer posthorn" in run.stderr, run.stderr)
        checks.check("and never ready", "ready" not in run.stdout, run.stdout)


def main():
    if "--inside" in sys.argv:
        scenarios = [lambda: full_disk(sys.argv[sys.argv.index("--inside") + 1])]
    else:
        scenarios = [in_small_disk, failing_calls, newer_schema]
    for scenario in scenarios:
        try:
            scenario()
        except (AssertionError, OSError, KeyError, ValueError, subprocess.SubprocessError) as problem:
            checks.check(getattr(scenario, "__name__", "scenario"), False, f"{type(problem).__name__}: {problem}"[:600])
    checks.finish()


main()
