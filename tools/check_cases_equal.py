#!/usr/bin/env python3
"""The copies in tests/cases must equal the originals, where those lie beside the clone.

usage: tools/check_cases_equal.py

Ends with 0 when the folders hold the same files with the same bytes, or when ../shared/cases is not
there (it says so); else names each difference and ends with 1.
"""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COPY = ROOT / "tests" / "cases"
ORIGINAL = ROOT.parent / "shared" / "cases"


def files(folder):
    return {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}


def main():
    if not ORIGINAL.is_dir():
        print("skipped: cases-equal: ../shared/cases does not lie beside this clone")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    copies, originals = files(COPY), files(ORIGINAL)
    faults = [f"missing in tests/cases: {name}" for name in originals.keys() - copies.keys()]
    faults += [f"only in tests/cases: {name}" for name in copies.keys() - originals.keys()]
    faults += [f"differs: {name}" for name in originals.keys() & copies.keys()
               if originals[name].read_bytes() != copies[name].read_bytes()]
    for fault in sorted(faults):
        print(fault)
    if not faults:
        print(f"{len(copies)} case files equal ../shared/cases")
    return 1 if faults or not copies else 0


sys.exit(main())
