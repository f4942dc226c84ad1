#!/usr/bin/env python3
"""Amazon SNS from end to end: the certificate is fetched through the egress guard, messages verify, a subscription is confirmed.

usage: test_sns.py BINARY

In a mount namespace of its own, where sns.us-east-1.amazonaws.com has a public address, and behind an egress proxy that joins every
tunnel with a server here which has a certificate of that name. So nothing leaves the machine. Skipped by name where no namespace may be made.
"""
import http.server
import os
import ssl
import subprocess
import sys
import tempfile
import threading

from harness import Checks, Posthorn, binary_argument, make_certificate, wait_until
from proxy import Proxy, run_with_hosts
from receiving import Sources

checks = Checks()
BINARY = os.path.abspath(binary_argument())
NAME, ADDRESS = "sns.us-east-1.amazonaws.com", "54.239.98.1"
HOSTS = f"127.0.0.1 localhost\n{ADDRESS} {NAME}\n"
TOPIC = "arn:aws:sns:us-east-1:123456789012:mail"


def signing_pair(folder):
    """(certificate as PEM, private key as PEM): what Amazon would sign with."""
    certificate, key = os.path.join(folder, "signing.pem"), os.path.join(folder, "signing-key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=" + NAME, "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return open(certificate).read(), open(key).read()


class Amazon:
    """Gives out the certificate, and notes which subscriptions were confirmed."""

    def __init__(self, certificate, tls):
        self.asked, self.working = [], True
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                body = certificate.encode() if self.path.endswith(".pem") else b"<ConfirmSubscriptionResponse/>"
                self.send_response(200 if outer.working else 503)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def certificates_asked(self):
        return [path for path in self.asked if path.endswith(".pem")]


def inside():
    with tempfile.TemporaryDirectory() as folder:
        tls = make_certificate(folder, names="DNS:" + NAME)
        certificate, key = signing_pair(folder)
        amazon = Amazon(certificate, tls)
        with Proxy(amazon.server.server_address[1]) as proxy:
            environment = {"POSTHORN_EGRESS__PROXY": proxy.url, "POSTHORN_EGRESS__CA_FILE": tls[0]}
            with Posthorn(BINARY, dev=False, environment=environment) as posthorn:
                play(posthorn, Sources(posthorn, folder), amazon, proxy, key)
                checks.equal("a clean stop", posthorn.stop(), 0)
    checks.finish()


def play(posthorn, sources, amazon, proxy, key):
    source = sources.create("ses_sns", {"topic_arns": [TOPIC], "private_key": key})
    amazon.working = False
    answer = sources.run("trigger", "ses_sns", "--to-source", source["id"], wanted=1)
    checks.equal("without the certificate: later, please", answer["answered"]["status"], 503)
    checks.equal("and nothing is kept", sources.requests("source_id=" + source["id"]), [])
    amazon.working = True
    trigger = f"/v1/sources/{source['id']}/trigger"
    answer = wait_until(lambda: (got := posthorn.call("POST", trigger, {"event": "Bounce"}))["accepted"] and got, 30, "the certificate is asked for again")
    checks.check("a signed bounce is accepted", answer["answered"]["status"] == 200, answer)
    request = wait_until(lambda: (row := posthorn.call("GET", "/v1/requests/" + answer["request"]["id"]))["state"] != "received" and row, 15, "worked on")
    event = posthorn.call("GET", "/v1/events/" + request["events"][0])
    checks.check("and is an event", event["type"].startswith("ses_sns."), event["type"])
    asked = len(amazon.certificates_asked())
    answers = sources.run("trigger", "ses_sns", "Delivery", "--to-source", source["id"], "--count", "3")
    checks.equal("more are accepted", [one["accepted"] for one in answers], [True] * 3)
    checks.equal("with the certificate that is kept", len(amazon.certificates_asked()), asked)
    answer = sources.run("trigger", "ses_sns", "SubscriptionConfirmation", "--to-source", source["id"])
    checks.check("a subscription is accepted", answer["accepted"], answer)
    wait_until(lambda: any("ConfirmSubscription" in path for path in amazon.asked), 15, "the confirmation")
    checks.check("and confirmed for the topic", any("ConfirmSubscription" in path and TOPIC in path.replace("%3A", ":") for path in amazon.asked), amazon.asked)
    checks.equal("always through the guard", set(proxy.asked), {f"CONNECT {ADDRESS}:443 HTTP/1.1"})
    told = sources.run("requests", "explain", request["id"])
    checks.check("explain verifies it anew", told["now"] and told["now"]["verified"], told)


if "--inside" in sys.argv:
    inside()
run_with_hosts(__file__, BINARY, HOSTS, "SNS")
