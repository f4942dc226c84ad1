"""An egress proxy (CONNECT) for tests, and a mount namespace in which names have the addresses that a test gives them."""
import os
import socket
import subprocess
import sys
import tempfile
import threading


class Proxy:
    """Takes CONNECT, notes for whom, and joins the tunnel with `port` here. `refuse`: the status line to answer instead."""

    def __init__(self, port, refuse=None):
        self.port_behind, self.refuse, self.asked = port, refuse, []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer, _ = self.server.accept()
            except OSError:
                return  # closed: the test is over
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        head = b""
        while b"\r\n\r\n" not in head:
            part = peer.recv(1)
            if not part:
                return
            head += part
        self.asked.append(head.split(b"\r\n")[0].decode())
        if self.refuse:
            peer.sendall(f"HTTP/1.1 {self.refuse}\r\nContent-Length: 0\r\n\r\n".encode())
            peer.close()
            return
        behind = socket.create_connection(("127.0.0.1", self.port_behind))
        peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=self._pump, args=(behind, peer), daemon=True).start()
        self._pump(peer, behind)

    @staticmethod
    def _pump(source, target):
        try:
            while part := source.recv(65536):
                target.sendall(part)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # Either side may be gone first.

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()


def run_with_hosts(script, binary, hosts, what):
    """Runs `script BINARY --inside` where /etc/hosts says `hosts`, and ends like it; skipped by name where no namespace may be made."""
    with tempfile.NamedTemporaryFile("w", suffix="-hosts") as file:
        file.write(hosts)
        file.flush()
        own_hosts = 'mount --bind "$1" /etc/hosts || exit 77; shift; exec "$@"'
        run = subprocess.run(["unshare", "-rm", "sh", "-c", own_hosts, "sh", file.name, sys.executable, os.path.abspath(script), binary, "--inside"],
                             capture_output=True, text=True, timeout=300)
    if "passed" not in run.stdout:
        print(f"skipped: {what}: no mount namespace: {run.stderr.strip()[-200:]}")
        print("0 passed, 0 failed, 1 skipped")
        sys.exit(0)
    print(run.stdout, end="")
    sys.exit(run.returncode)
