#!/usr/bin/env python3
"""Runs every suite and ends with one line 'N passed, N failed, N skipped'.

usage: run_tests.py [FILTER]   only suites whose name contains FILTER

A suite is a command; its own closing line gives the counts: doctest's "test cases: ...", or
'N passed, N failed[, N skipped]'. A command without such a line counts as one test, judged by its exit code.
Lines 'skipped: NAME: WHY' of a suite are shown again at the end.
"""
import collections
import glob
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGS = os.path.join(ROOT, "build", "test-logs")
RELEASE = os.path.join(ROOT, "build", "release", "posthorn")
FUZZ_SECONDS = 5
CHECKS = {"layers", "tidy", "cases-equal"}
# Two suites run at a time, but these have the machine to themselves: they kill programs under load and time what comes after.
ALONE = {"end-to-end concurrency", "end-to-end crash", "end-to-end once", "end-to-end store_failures"}
# Begun first, one at each end of the queue: the longest.
LONGEST = ("end-to-end delivery", "end-to-end http_abuse")


def suites():
    """(name, command, seconds it may take) in the order in which a fault is cheapest to find."""
    yield "layers", ["python3", "tools/layers.py"], 60
    yield "tidy", ["python3", "tools/tidy.py"], 60
    yield "cases-equal", ["python3", "tools/check_cases_equal.py"], 60
    for binary in sorted(glob.glob(os.path.join(ROOT, "build/dev/**/test_*"), recursive=True)):
        if os.access(binary, os.X_OK) and os.path.isfile(binary):
            yield "unit " + os.path.basename(binary)[5:], [binary], 600
    if os.path.exists(os.path.join(ROOT, "build/dev/sim/posthorn_sim")):
        yield "simulation", ["build/dev/sim/posthorn_sim", "--seeds", "300"], 600
        yield "simulation planted bugs", ["build/dev/sim/posthorn_sim", "--planted", "all"], 600
    for name in ("store_sqlite", "deliver", "net"):
        binary = glob.glob(os.path.join(ROOT, f"build/tsan/**/test_{name}"), recursive=True)
        if binary:
            yield "threads " + name, [binary[0]], 600
    for script in sorted(glob.glob(os.path.join(ROOT, "tests/e2e/test_*.py"))):
        yield "end-to-end " + os.path.basename(script)[5:-3], ["python3", script, RELEASE], 600
    for binary in sorted(glob.glob(os.path.join(ROOT, "build/dev/fuzz/fuzz_*"))):
        name = os.path.basename(binary)[5:]
        corpus = os.path.join(ROOT, "build", "fuzz-corpus", name)
        os.makedirs(corpus, exist_ok=True)
        seeds = os.path.join(ROOT, "fuzz", "corpus", name)
        artifacts = os.path.join(LOGS, f"fuzz-{name}-")
        yield "fuzz " + name, [binary, f"-max_total_time={FUZZ_SECONDS}", f"-artifact_prefix={artifacts}", corpus,
                               *([seeds] if os.path.isdir(seeds) else [])], 120


def counts(output, code):
    doctest = re.findall(r"test cases:\s*(\d+) \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped", output)
    if doctest:
        passed, failed, skipped = (sum(int(row[i]) for row in doctest) for i in (1, 2, 3))
    else:
        plain = re.findall(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?", output, re.M)
        if plain:
            passed, failed, skipped = (int(n or 0) for n in plain[-1])
        else:
            passed, failed, skipped = (1, 0, 0) if code == 0 else (0, 1, 0)
    if code != 0 and failed == 0:
        failed = 1  # it died without counting its failure
    return passed, failed, skipped


def run(suite, environment):
    """What a suite prints, kept in its log too, and its exit code."""
    name, command, limit = suite
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=limit)
        output, code = done.stdout.decode("utf-8", "replace"), done.returncode
    except subprocess.TimeoutExpired as late:
        output, code = (late.stdout or b"").decode("utf-8", "replace") + f"\nstill running after {limit} s", 1
    log = os.path.join(LOGS, name.replace(" ", "-").replace("/", "-") + ".log")
    with open(log, "w", encoding="utf-8") as file:
        file.write(output)
    return output, code


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    os.makedirs(LOGS, exist_ok=True)
    environment = dict(os.environ, ASAN_OPTIONS="detect_stack_use_after_return=1:strict_string_checks=1",
                       UBSAN_OPTIONS="print_stacktrace=1", TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1",
                       PYTHONPATH=os.path.join(ROOT, "tests/e2e"))
    total = [0, 0, 0]
    broken, skips = [], []
    telling = threading.Lock()

    def run_from(take):
        while True:
            try:
                suite = take()
            except IndexError:
                return
            started = time.monotonic()
            output, code = run(suite, environment)
            with telling:
                tell(suite[0], output, code, time.monotonic() - started)

    def run_in_turn(some):
        run_from(collections.deque(some).popleft)

    def run_in_pairs(some):
        queue = collections.deque(some)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(run_from, (queue.popleft, queue.pop)))

    def tell(name, output, code, seconds):
        passed, failed, skipped = counts(output, code)
        skips.extend(f"{name}: {text}" for text in re.findall(r"^skipped: (.*)$", output, re.M))
        for i, count in enumerate((passed, failed, skipped)):
            total[i] += count
        print(f"{'ok  ' if not failed else 'FAIL'} {name:<32} {passed:>5} passed {failed:>3} failed {skipped:>3} skipped"
              f"  {seconds:6.1f} s", flush=True)
        if failed:
            broken.append(name)
            print("\n".join("     | " + line for line in output.splitlines()[-60:]), flush=True)

    chosen = [suite for suite in suites() if wanted in suite[0]]
    whole = [suite for suite in chosen if suite[0].startswith(("end-to-end ", "fuzz "))]
    parts = [suite for suite in chosen if suite not in whole]
    run_in_turn(suite for suite in parts if suite[0] in CHECKS)
    run_in_pairs(suite for suite in parts if suite[0] not in CHECKS)
    run_in_turn(suite for suite in whole if suite[0] in ALONE)
    longest = {suite[0]: suite for suite in whole if suite[0] in LONGEST}
    rest = [suite for suite in whole if suite[0] not in ALONE and suite[0] not in LONGEST]
    first, last = ([longest[name]] if name in longest else [] for name in LONGEST)
    run_in_pairs(first + rest + last)
    for text in skips:
        print("skipped " + text)
    if broken:
        print("failed: " + ", ".join(broken) + " (logs in build/test-logs)")
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not total[0] else 0


sys.exit(main())
