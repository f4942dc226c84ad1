#!/usr/bin/env python3
"""Checks that folders include only what lies below them. Ends with 'N passed, N failed'.

Rules (tools/layers.txt): a folder below src/ (and sim/) includes only folders of a lower rank, and itself; tests (*_test.cc)
may include anything; a pure folder includes neither env/ nor Asio. Every folder is listed, stands in the map of docs/tour.md,
and links in CMake what it includes and nothing above it.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
faults, checks = [], 0


def check(holds, text):
    global checks
    checks += 1
    if not holds:
        faults.append(text)


rank, pure = {}, set()
for line in open(os.path.join(ROOT, "tools/layers.txt"), encoding="utf-8"):
    words = line.split("#")[0].split()
    if words:
        rank[words[0]] = int(words[1])
        if "pure" in words[2:]:
            pure.add(words[0])


def folder_of(path):
    """The layer that a path relative to src/ (or to the root, for sim/) belongs to."""
    folder = os.path.dirname(path)
    while folder and folder not in rank:
        folder = os.path.dirname(folder)
    return folder


sources = []
for top in ("src", "sim"):
    base = os.path.join(ROOT, top)
    for where, folders, names in os.walk(base):
        for name in names:
            if name.endswith((".cc", ".h")):
                full = os.path.join(where, name)
                relative = os.path.relpath(full, os.path.join(ROOT, "src") if top == "src" else ROOT)
                sources.append((relative, full))

tour = ""
tour_path = os.path.join(ROOT, "docs/tour.md")
if os.path.exists(tour_path):
    tour = open(tour_path, encoding="utf-8").read()

seen = set()
for relative, full in sources:
    if relative == "main.cc":
        continue
    folder = folder_of(relative)
    # src/store/contract is a part of store's tests: it follows the rules of a test.
    is_test = relative.endswith("_test.cc") or "/contract/" in relative or relative.endswith("test_world.h")
    check(bool(folder), f"src/{relative}: its folder is not in tools/layers.txt")
    if not folder:
        continue
    seen.add(folder)
    if is_test:
        continue
    for number, line in enumerate(open(full, encoding="utf-8"), 1):
        quoted = re.match(r'\s*#include "([^"]+)"', line)
        angled = re.match(r"\s*#include <([^>]+)>", line)
        if angled and folder in pure:
            check(not angled[1].startswith("boost/asio"), f"{relative}:{number}: {folder} is pure, no Asio")
        if not quoted or quoted[1].startswith(("embedded/", "cmake/", "bench/")):
            continue
        target = folder_of(quoted[1])
        check(bool(target), f'{relative}:{number}: "{quoted[1]}" names no known folder (include from src/)')
        if target and target != folder:
            check(rank[target] < rank[folder],
                  f"{relative}:{number}: {folder} ({rank[folder]}) must not include {target} ({rank[target]})")
            if folder in pure:
                check(target != "env", f"{relative}:{number}: {folder} is pure, no env")

for folder in sorted(seen):
    check(f"`{folder}/`" in tour, f"docs/tour.md: the map lacks `{folder}/`")
for folder in rank:
    check(folder in seen, f"tools/layers.txt lists {folder}, which has no sources")

for folder in sorted(seen - {"sim"}):
    path = os.path.join(ROOT, "src", folder, "CMakeLists.txt")
    if not os.path.exists(path):
        check(False, f"src/{folder}: no CMakeLists.txt")
        continue
    text = open(path, encoding="utf-8").read()
    for call in re.findall(r"ph_library\(NAME\s+(\S+)(.*?)\)", text, re.S):
        listed = re.search(r"DEPS\s+([^)]*?)(?:LIBS|TEST_DEPS|PRECOMPILED|$)", call[1], re.S)
        for name in (listed[1].split() if listed else []):
            check(name in rank and rank[name] < rank[folder], f"src/{folder}/CMakeLists.txt links {name}, which is not below it")

for text in faults:
    print(text)
print(f"{checks - len(faults)} passed, {len(faults)} failed")
sys.exit(1 if faults else 0)
