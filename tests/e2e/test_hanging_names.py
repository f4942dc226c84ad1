#!/usr/bin/env python3
"""Names whose lookup hangs cost only their own attempts: deliveries to other hosts go on.

usage: test_hanging_names.py BINARY

In a mount and network namespace of its own: the only name server is a socket that never answers, and /etc/hosts knows the
healthy receiver. Skipped by name where no namespace may be made.
"""
import os
import socket
import subprocess
import sys
import tempfile

from harness import Checks, Posthorn, Receiver, binary_argument, wait_until

checks = Checks()
BINARY = os.path.abspath(binary_argument())
HANGING = 60
HEALTHY = 40
SET_UP = """
set -e
ip link set lo up
mount --bind "$1" /etc/resolv.conf
mount --bind "$2" /etc/hosts
mount --bind "$3" /etc/nsswitch.conf
shift 3
exec "$@"
"""


def deliveries(posthorn, endpoint):
    return list(posthorn.pages(f"/v1/deliveries?endpoint_id={endpoint['id']}&limit=500"))


def hanging_names():
    asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asked.bind(("127.0.0.53", 53))
    with Receiver() as receiver, Posthorn(BINARY) as posthorn:
        healthy = posthorn.call("POST", "/v1/endpoints", {"url": receiver.url.replace("127.0.0.1", "localhost"), "event_types": ["healthy"], "timeout_ms": 5000})
        hanging = [posthorn.call("POST", "/v1/endpoints", {"url": f"https://hangs-{n}.example.net/", "event_types": ["hanging"], "timeout_ms": 5000, "retry": ["1h"]})
                   for n in range(HANGING)]
        posthorn.call("POST", "/v1/events", {"type": "hanging", "data": {}})
        asked.settimeout(20)
        asked.recv(512)  # The lookups have begun.
        for n in range(HEALTHY):
            posthorn.call("POST", "/v1/events", {"type": "healthy", "data": {"n": n}})
        wait_until(lambda: {row["status"] for row in deliveries(posthorn, healthy)} == {"succeeded"}, 60, "the healthy deliveries")
        rows = deliveries(posthorn, healthy)
        checks.equal("every healthy delivery", len(rows), HEALTHY)
        checks.equal("each in its first attempt", {row["attempt_count"] for row in rows}, {1})
        wait_until(lambda: all(deliveries(posthorn, endpoint)[0]["attempt_count"] == 1 for endpoint in hanging), 60, "the attempts that hang")
        attempts = [posthorn.call("GET", "/v1/deliveries/" + deliveries(posthorn, endpoint)[0]["id"])["attempts"][0] for endpoint in hanging]
        checks.check("those that hang end as timed out or without a name", {row["error_class"] for row in attempts} <= {"timed_out", "dns_failed"},
                     {row["error_class"] for row in attempts})
        checks.equal("they stay pending for their next attempt", {deliveries(posthorn, endpoint)[0]["status"] for endpoint in hanging}, {"pending"})
        checks.equal("a clean stop", posthorn.stop(), 0)


def main():
    if "--inside" in sys.argv:
        try:
            hanging_names()
        except (AssertionError, OSError, KeyError, ValueError, IndexError, subprocess.SubprocessError) as problem:
            checks.check("hanging names", False, f"{type(problem).__name__}: {problem}"[:600])
        checks.finish()
    folder = tempfile.mkdtemp()
    texts = {"resolv.conf": "nameserver 127.0.0.53\n", "hosts": "127.0.0.1 localhost\n", "nsswitch.conf": "hosts: files dns\n"}
    files = []
    for name, text in texts.items():
        files.append(os.path.join(folder, name))
        with open(files[-1], "w") as file:
            file.write(text)
    try:
        run = subprocess.run(["unshare", "-rmn", "sh", "-c", SET_UP, "sh", *files, sys.executable, os.path.abspath(__file__), BINARY, "--inside"],
                             capture_output=True, text=True, timeout=300)
        output, why = run.stdout, run.stderr
    except FileNotFoundError as missing:
        output, why = "", str(missing)
    if "passed" not in output:
        checks.skip("hanging names", f"no namespace: {why.strip()[-200:]}")
        print("0 passed, 0 failed, 1 skipped")
        sys.exit(0)
    print(output, end="")
    sys.exit(run.returncode)


main()
