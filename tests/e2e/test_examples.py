#!/usr/bin/env python3
"""Runs the shell examples of the documentation, in order, against the real program; none may be refused."""
import os
import re
import subprocess

from harness import ADMIN_KEY, Checks, Posthorn, binary_argument

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
checks = Checks()


def blocks(page):
    text = open(os.path.join(ROOT, page), encoding="utf-8").read()
    return re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)


def main():
    binary = os.path.abspath(binary_argument())
    for page in ("docs/api.md",):
        with Posthorn(binary, dev=False) as posthorn:
            # What the examples refer to by id: the first bin, the first event with its delivery.
            for number, block in enumerate(blocks(page), 1):
                block = re.sub(r"^export POSTHORN_URL=.*$", "", block, flags=re.M)
                # A stream does not end by itself.
                script = "curl() { timeout 5 curl \"$@\"; return 0; }\nshopt -s expand_aliases\nalias api='curl -sS -H \"Authorization: Bearer $POSTHORN_KEY\" -H \"Content-Type: application/json\"'\n"
                script += f"posthorn() {{ '{binary}' \"$@\"; }}\n" + block
                environment = dict(os.environ, POSTHORN_URL=f"http://127.0.0.1:{posthorn.port}", POSTHORN_KEY=ADMIN_KEY)
                run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120, env=environment)
                refused = re.findall(r'"status":\s*[45]\d\d[^}]*"detail":\s*"[^"]*"', run.stdout)
                checks.check(f"{page}, example {number}", not refused and "rror" not in run.stderr.replace("curl: (28)", ""), f"{refused} {run.stderr[-300:]}")
    checks.finish()


main()
