#!/usr/bin/env python3
"""Checks habits that no compiler checks. Ends with 'N passed, N failed'.

Banned words with what to use instead, formatting, documentation links, the README's length, and sizes.
"""
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
faults, checks = [], 0

# (pattern, where it is allowed, what to use instead)
BANNED = [
    (r"\bsystem_clock::now\b|\bsteady_clock::now\b|[^_.\w]time\(nullptr\)", ("src/net/", "src/benchmark/", "src/cli/", "sim/main.cc", "src/store/sqlite/disk_gate.cc", "_test.cc"),
     "env::Clock"),
    (r"\brandom_device\b|\bstd::rand\b", ("src/net/", "_test.cc", "sim/"), "env::Random"),
    (r"\bgetenv\b", ("src/app/", "src/cli/", "sim/", "_test.cc"), "app/config.h: read the environment once"),
    (r"\bsleep_for\b|\busleep\b|\bsleep\(", ("src/benchmark/", "sim/clock"), "wait on a condition with a deadline"),
    (r"\bstd::regex\b", (), "a hand-written scan or text/: std::regex recurses on its input"),
    (r"\b(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE TABLE)\b", ("src/store/sqlite/", "src/benchmark/store.cc", "_test.cc"),
     "a query in store/*/queries/*.sql"),
    (r"\bTODO\b|\bFIXME\b|\bXXX\b", (), "an issue"),
    (r"\bco_spawn\(", ("src/app/", "src/net/", "src/env/task_group.cc", "src/env/alarm.h",
                        "src/deliver/engine.cc", "sim/", "_test.cc", "src/benchmark/", "src/cli/", "test_world.h", "/contract/"),
     "env::TaskGroup"),
]


def check(holds, text):
    global checks
    checks += 1
    if not holds:
        faults.append(text)


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns], cwd=ROOT,
                         capture_output=True, text=True, check=True).stdout.split("\n")
    return [name for name in out if name and os.path.exists(os.path.join(ROOT, name))]


def text_of(name):
    return open(os.path.join(ROOT, name), encoding="utf-8", errors="replace").read()


cpp = tracked("src/*.cc", "src/*.h", "sim/*.cc", "sim/*.h", "fuzz/*.cc")
for name in cpp:
    text = text_of(name)
    lines = text.split("\n")
    for pattern, allowed, instead in BANNED:
        if any(place in name for place in allowed):
            continue
        found = []
        for number, line in enumerate(lines, 1):
            code = line.split("//")[0] if "TODO" not in pattern else line
            if re.search(pattern, code):
                found.append(f"{name}:{number}: use {instead}: {line.strip()[:80]}")
        check(not found, "\n".join(found))
    check(len(lines) <= 700 or "/contract/" in name, f"{name}: {len(lines)} lines: is this two things?")
    if name.endswith(".h"):
        check("#pragma once" in text, f"{name}: no #pragma once")

formatter = shutil.which("clang-format-19")
if formatter:
    run = subprocess.run([formatter, "--dry-run", *cpp], cwd=ROOT, capture_output=True, text=True)
    wrong = sorted(set(re.findall(r"^(\S+?):\d+:\d+: warning: code should be clang-formatted", run.stderr, re.M)))
    check(not wrong, "not formatted (./dev fmt): " + ", ".join(wrong))

for name in tracked("*.md"):
    text = text_of(name)
    for link in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" in link or link.startswith("mailto:"):
            continue
        target = os.path.normpath(os.path.join(ROOT, os.path.dirname(name), link))
        check(os.path.exists(target), f"{name}: the link {link} leads nowhere")

readme = os.path.join(ROOT, "README.md")
check(os.path.exists(readme), "README.md is missing")
if os.path.exists(readme):
    check(len(text_of("README.md").split("\n")) <= 150, "README.md: at most 150 lines")

for text in faults:
    print(text)
print(f"{checks - len(faults)} passed, {len(faults)} failed")
sys.exit(1 if faults else 0)
