"""What the end-to-end tests share: the real program, an API client, scripted receivers, counted checks."""
import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ADMIN_KEY = "phk_end_to_end_admin_key_0123456789"


class Checks:
    """Counts and names what held. `finish()` prints the closing line and ends the process."""

    def __init__(self):
        self.passed, self.failed, self.skipped = 0, 0, 0

    def check(self, name, holds, detail=""):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAIL {name} {detail}", flush=True)
        return holds

    def equal(self, name, got, wanted):
        return self.check(name, got == wanted, f"got {got!r}, wanted {wanted!r}")

    def skip(self, name, why):
        self.skipped += 1
        print(f"skipped: {name}: {why}", flush=True)

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        sys.exit(1 if self.failed or not self.passed else 0)


def wait_until(condition, seconds=15, what="the condition"):
    """The first true value of condition(); fails loudly at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds} s")
        time.sleep(0.01)


class Posthorn:
    """`posthorn serve` on a free port and a folder of its own."""

    def __init__(self, binary, data=None, arguments=(), environment=None, dev=True, host="127.0.0.1", port=0):
        self.binary = os.path.abspath(binary)
        self.own_folder = data is None
        self.data = data or tempfile.mkdtemp(prefix="posthorn-test-")
        self.arguments = list(arguments) + (["--dev"] if dev else [])
        self.environment = dict(environment or {})
        self.host, self.wanted_port = host, port
        self.process = None
        self.port = None
        self.log = os.path.join(self.data + "-log.txt")

    def start(self, seconds=30):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("POSTHORN_")}
        environment.update({"POSTHORN_ADMIN_KEY": ADMIN_KEY, "POSTHORN_LOG__FORMAT": "json", **self.environment})
        begin = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.binary, "serve", "--data", self.data, "--listen", f"{self.host}:{self.wanted_port}", *self.arguments],
                                            stdout=subprocess.PIPE, stderr=log, env=environment)
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        try:
            for line in self.process.stdout:
                at = line.find(b"ready http://")
                if at >= 0:
                    self.ready_seconds = time.monotonic() - begin
                    self.port = int(line[at + 13:].split()[0].rsplit(b":", 1)[1])
                    threading.Thread(target=self._drain, args=(self.process.stdout,), daemon=True).start()
                    return self
        finally:
            timer.cancel()
        raise AssertionError("posthorn did not get ready: " + open(self.log, errors="replace").read()[-3000:])

    @staticmethod
    def _drain(stream):
        for _ in stream:
            pass

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=30):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=seconds)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.kill()
        if self.own_folder:
            shutil.rmtree(self.data, ignore_errors=True)

    # -- the API
    def request(self, method, target, body=None, headers=None, key=ADMIN_KEY, raw=None):
        """(status, headers, parsed JSON or text)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Content-Type": "application/json", **({"Authorization": "Bearer " + key} if key else {}), **(headers or {})}
        data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
        connection.request(method, target, data, sent)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        try:
            parsed = json.loads(text) if text else None
        except ValueError:
            parsed = text.decode("utf-8", "replace")
        return answer.status, answer.headers, parsed

    def call(self, method, target, body=None, **more):
        status, _, parsed = self.request(method, target, body, **more)
        if status // 100 != 2:
            raise AssertionError(f"{method} {target}: {status} {parsed}")
        return parsed

    def pages(self, target):
        """Every row of a list."""
        cursor = None
        while True:
            page = self.call("GET", target + (("&" if "?" in target else "?") + "cursor=" + urllib.parse.quote(cursor) if cursor else ""))
            yield from page["data"]
            cursor = page["next_cursor"]
            if not cursor:
                return

    def cli(self, *arguments, text=None, environment=None):
        run = subprocess.run([self.binary, *arguments], input=text, capture_output=True, text=True, timeout=120,
                             env={**os.environ, "POSTHORN_URL": f"http://127.0.0.1:{self.port}", "POSTHORN_KEY": ADMIN_KEY, **(environment or {})})
        return run.returncode, run.stdout, run.stderr


class Received:
    def __init__(self, path, headers, body, at):
        self.path, self.headers, self.body, self.at = path, headers, body, at

    @property
    def id(self):
        return self.headers["webhook-id"]


class Receiver:
    """An HTTP(S) receiver. `answer(received)` gives a status, or (status, headers), or (status, headers, body)."""

    def __init__(self, answer=lambda received: 204, certificate=None):
        self.received, self.lock = [], threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                seen = Received(self.path, self.headers, body, time.monotonic())
                with outer.lock:
                    outer.received.append(seen)
                status, headers, text = (list(got) + [{}, b""][len(got) - 1:] if isinstance(got := answer(seen), tuple) else [got, {}, b""])
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 1024
            daemon_threads = True

            def handle_error(self, *_):
                pass  # A peer that is killed in the middle of a request is what these tests are about.

        self.server = Server(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def count(self):
        with self.lock:
            return len(self.received)

    def wait(self, count, seconds=15):
        wait_until(lambda: self.count() >= count, seconds, f"{count} deliveries (of {self.count()})")
        with self.lock:
            return list(self.received)

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def make_certificate(folder, days=1, names="DNS:localhost,IP:127.0.0.1"):
    """(certificate file, key file), self-signed."""
    certificate, key = os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days), "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=" + names, "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


def make_failing_disk(folder):
    """The library of failing_disk.c, or None without a C compiler."""
    compiler = shutil.which("clang-19") or shutil.which("cc")
    if not compiler:
        return None
    library = os.path.join(folder, "failing_disk.so")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "failing_disk.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", source, "-o", library], check=True)
    return library


def body_signature(secret, body):
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def standard_signature(secret, webhook_id, timestamp, body):
    key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
    text = webhook_id.encode() + b"." + timestamp.encode() + b"." + body
    return "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def binary_argument():
    return sys.argv[1] if len(sys.argv) > 1 else "build/release/posthorn"
