#!/usr/bin/env python3
"""Proves with real connects that the egress guard dials nothing it should not.

In a network namespace of its own, every address of the Internet is routed to this machine and a
canary (ssrf_canary.cc) listens on all of them. No packet leaves. Skipped by name where a namespace
may not be made. SSRF_CANARY names another program than the one of the dev build.
"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SET_UP = """
set -e
ip link set lo up
ip route add local 0.0.0.0/0 dev lo
ip -6 route add local ::/0 dev lo
exec "$@"
"""


def skip(reason):
    print(f"skipped: ssrf_namespace: {reason}")
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(0)


def in_namespace(command):
    return subprocess.run(["unshare", "-rn", "sh", "-c", SET_UP, "sh", *command],
                          capture_output=True, text=True, timeout=300)


def main():
    program = os.environ.get("SSRF_CANARY", f"{ROOT}/build/dev/tests/ssrf_canary")
    if not os.access(program, os.X_OK):
        sys.exit(f"{program} is not built: ./dev build dev ssrf_canary")
    try:
        trial = in_namespace(["true"])
    except FileNotFoundError as missing:
        skip(f"{missing.filename} is not installed")
    if trial.returncode != 0:
        skip(f"no network namespace: {trial.stderr.strip()}")
    run = in_namespace([program])
    print(run.stdout, end="")
    print(run.stderr, end="", file=sys.stderr)
    sys.exit(run.returncode)


if __name__ == "__main__":
    main()
