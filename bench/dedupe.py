#!/usr/bin/env python3
"""Does a call cost more when many ids are remembered? Signed Stripe requests to a new store, and to one that holds 5 million dedupe keys.

usage: ./dev bench dedupe [--keys N] [--rounds N] [--seconds N]
"""
import argparse
import os
import subprocess
import time

from load import Posthorn, wait_until
from stripe import StripeLoad, compare, make_sources

QUIET = {"POSTHORN_LOG__LEVEL": "error"}
LEAST = 0.85


def main(given):
    with Posthorn(given.binary, environment=QUIET) as empty, Posthorn(given.binary, environment=QUIET) as full:
        new, old = StripeLoad(empty, make_sources(empty, 1)), StripeLoad(full, make_sources(full, 1))
        full.stop()
        begin = time.monotonic()
        subprocess.run([full.binary, "bench-role", "fill-request-keys", full.data, str(given.keys)], check=True)
        print(f"{given.keys} keys written in {time.monotonic() - begin:.0f} s", flush=True)
        full.start()
        print(f"started with them in {full.ready_seconds:.2f} s", flush=True)
        settle(full.process.pid)
        ratio, rate_new, rate_old = compare(new, old, given.rounds, given.seconds)
        print(f"no keys: {rate_new:.0f} requests/s; {given.keys} keys: {rate_old:.0f} requests/s; "
              f"ratio {ratio:.2f}: {'within' if ratio >= LEAST else 'NOT within'} 15 %")
        for load in (new, old):
            load.close()
            load.posthorn.kill()
    return 0 if ratio >= LEAST else 1


def settle(pid):
    """Until the process rests: after a start it reads its keys in the background."""
    seen = [cpu_ticks(pid)]

    def rests():
        time.sleep(1)
        seen.append(cpu_ticks(pid))
        return seen[-1] - seen[-2] < os.sysconf("SC_CLK_TCK") / 20

    wait_until(rests, 120, "that the program rests after its start")


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--keys", type=int, default=5_000_000)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=3)
    raise SystemExit(main(arguments.parse_args()))
