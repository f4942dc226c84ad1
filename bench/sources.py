#!/usr/bin/env python3
"""Does a call cost more with many sources? Signed Stripe requests to 1 source, and to 10 000 in turns, each in a store of its own.

usage: ./dev bench sources [--sources N] [--rounds N] [--seconds N]
"""
import argparse

from load import Posthorn
from stripe import StripeLoad, compare, make_sources

QUIET = {"POSTHORN_LOG__LEVEL": "error"}
LEAST = 0.85


def main(given):
    with Posthorn(given.binary, environment=QUIET) as one, Posthorn(given.binary, environment=QUIET) as many:
        alone, among = StripeLoad(one, make_sources(one, 1)), StripeLoad(many, make_sources(many, given.sources))
        ratio, rate_alone, rate_among = compare(alone, among, given.rounds, given.seconds)
        print(f"1 source: {rate_alone:.0f} requests/s; {given.sources} sources: {rate_among:.0f} requests/s; "
              f"ratio {ratio:.2f}: {'within' if ratio >= LEAST else 'NOT within'} 15 %")
        for load in (alone, among):
            load.close()
            load.posthorn.kill()
    return 0 if ratio >= LEAST else 1


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--sources", type=int, default=10_000)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=3)
    raise SystemExit(main(arguments.parse_args()))
