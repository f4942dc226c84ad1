#!/usr/bin/env python3
"""Raw requests that must get a clean refusal: every case of tests/cases/http-abuse.json whose target exists, against the real program.

The step language is that of the case file; each case is followed by a health check.
"""
import base64
import gzip
import json
import os
import random
import re
import socket
import struct
import sys
import time
import zlib

from harness import ADMIN_KEY, Checks, Posthorn, binary_argument

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cases", "http-abuse.json")
TARGETS = {"any", "api", "endpoints", "ingest", "multipart", "form", "meta"}


class Player:
    """Plays one case's steps over one connection."""

    def __init__(self, port, tokens, case):
        self.tokens, self.case, self.port = tokens, case, port
        self.limit = case["max_ms"] / 1000
        self.answer, self.closed, self.began = b"", False, time.monotonic()
        self.connect()

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.settimeout(0.02)

    def left(self):
        return self.limit - (time.monotonic() - self.began)

    def text(self, text):
        for name, value in self.tokens.items():
            text = text.replace("{{" + name + "}}", value)
        return text

    def data(self, step):
        if "t" in step:
            return self.text(step["t"]).encode()
        if "b64" in step:
            return base64.b64decode(step["b64"])
        if "repeat" in step:
            return self.text(step["repeat"][0]).encode() * step["repeat"][1]
        if "repeat_i" in step:
            form, count = step["repeat_i"]
            return "".join(form % i for i in range(count)).encode()
        if "gzip" in step:
            return gzip.compress(b"".join(map(self.data, step["gzip"])), 6)
        if "zlib" in step:
            return zlib.compress(b"".join(map(self.data, step["zlib"])), 6)
        if "random" in step:
            source = random.Random(step["random"]["seed"])
            return bytes(source.randrange(256) for _ in range(step["random"]["len"]))
        return b""

    def read(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.closed:
            try:
                chunk = self.socket.recv(65536)
                self.closed = not chunk
                self.answer += chunk
            except socket.timeout:
                pass
            except OSError:
                self.closed = True

    def send(self, data):
        view = memoryview(data)
        while view and not self.closed and self.left() > 0:
            try:
                view = view[self.socket.send(view[:262144]):]
            except socket.timeout:
                self.read(0.02)
            except OSError:
                self.read(0.05)
                self.closed = True

    def play(self):
        steps = self.case["steps"]
        pieces = [self.data(step) for step in steps]
        whole = b"".join(pieces)
        if b"{{LEN}}" in whole:
            length = str(len(whole.split(b"\r\n\r\n", 1)[1])).encode()
            pieces = [piece.replace(b"{{LEN}}", length) for piece in pieces]
        times, idle = 1, []
        for step, piece in zip(steps, pieces):
            if "wait_ms" in step:
                self.read(min(step["wait_ms"] / 1000, self.left()))
            elif "shutdown" in step:
                self.socket.shutdown(socket.SHUT_WR)
            elif "times" in step:
                times = step["times"]
            elif "idle_connections" in step:
                idle = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(min(step["idle_connections"], 900))]
            elif "no_read_ms" in step:
                time.sleep(step["no_read_ms"] / 1000)
            elif "reset" in step:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.socket.close()
                for _ in range(times - 1):
                    self.connect()
                    for other in pieces:
                        self.socket.sendall(other)
                    self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.socket.close()
                self.closed = True
            elif "drip" in step:
                end = time.monotonic() + min(step["drip"]["for_ms"] / 1000, self.left())
                while time.monotonic() < end and not self.closed:
                    self.send(step["drip"]["text"].encode())
                    self.read(step["drip"]["every_ms"] / 1000)
            else:
                self.send(piece)
                self.read(0.001)
        quiet = time.monotonic()
        while not self.closed and self.left() > 0:
            before = len(self.answer)
            self.read(0.1)
            if len(self.answer) != before:
                quiet = time.monotonic()
            elif self.answer and time.monotonic() - quiet > 0.3:
                break
        self.socket.close()
        for other in idle:
            other.close()
        found = re.findall(rb"(?:^|\r\n|\n|[^\n])HTTP/1\.[01] (\d{3})", b"\n" + self.answer)
        return [int(status) for status in found if status != b"100"]


def judge(case, statuses, closed):
    expect, first = case["expect"], statuses[0] if statuses else None
    if any(status >= 500 for status in statuses):
        return f"answered {statuses}"
    if case.get("responses") and len(statuses) > case["responses"]:
        return f"more answers than requests: {statuses}"
    if not statuses and not closed:
        return "neither answered nor closed"
    good = {"2xx": first and first // 100 == 2, "4xx": first and first // 100 == 4, "close": closed,
            "4xx_or_close": (first is None and closed) or (first and first // 100 == 4),
            "2xx_or_4xx": first and first // 100 in (2, 4), "2xx_or_4xx_or_close": (first is None and closed) or (first and first // 100 in (2, 4))}[expect]
    return "" if good else f"wanted {expect}, got {statuses}"


def source_tokens(posthorn):
    """Sources for the cases that are sent to one, under the names that the cases have for them."""
    def address(provider, config):
        made = posthorn.call("POST", "/v1/sources", {"provider": provider, "name": "abuse", "config": config})
        return "/in/" + made["ingest_url"].rsplit("/in/", 1)[1]

    mail = address("sendgrid_inbound", {"basic_auth": {"username": "abuse", "password": "abuse-password-0001"}})
    return {"INGEST": address("standard_webhooks", {"secret": "whsec_" + base64.b64encode(b"abuse-secret-of-24-bytes").decode()}),
            "INGEST_HMAC": address("generic_hmac", {"secret": "abuse-secret-0001", "header": "X-Webhook-Signature", "prefix": "sha256="}),
            "MULTIPART": mail, "FORM": mail,
            "SOURCE_AUTH": "Authorization: Basic " + base64.b64encode(b"abuse:abuse-password-0001").decode() + "\r\n",
            "META": address("meta_whatsapp", {"app_secret": "0123456789abcdef0123456789abcdef", "verify_token": "abuse-verify-token"}),
            "VERIFY": "abuse-verify-token"}


def main():
    checks = Checks()
    with Posthorn(binary_argument(), dev=False) as posthorn:
        tokens = {"HOST": f"127.0.0.1:{posthorn.port}", "PATH": "/healthz", "API": "/v1/publish/abuse.test", "ENDPOINTS": "/v1/endpoints",
                  "AUTH": f"Authorization: Bearer {ADMIN_KEY}\r\n", **source_tokens(posthorn)}
        for case in json.load(open(CASES, encoding="utf-8")):
            if case["target"] not in TARGETS:
                continue
            if case["id"] == "sl-1000":
                checks.skip(case["id"], "loopback is exempt from the limit on connections; net/http_server_test.cc tests it with a limit of its own")
                continue
            player = Player(posthorn.port, tokens, case)
            statuses = player.play()
            fault = judge(case, statuses, player.closed)
            if not fault:
                status, _, _ = posthorn.request("GET", "/healthz", key=None)
                fault = "" if status == 200 else f"afterwards /healthz answers {status}"
            checks.check(case["id"], not fault, f"{fault} ({case['why']})")
    checks.finish()


main()
