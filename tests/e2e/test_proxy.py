#!/usr/bin/env python3
"""Deliveries through an egress proxy (CONNECT): they arrive signed, and the guard judges as without one.

usage: test_proxy.py BINARY

In a mount namespace of its own, where /etc/hosts says which public and private addresses the test's names have. The proxy
connects every tunnel to the local receiver, so nothing leaves the machine. Skipped by name where no namespace may be made.
"""
import json
import os
import subprocess
import sys
import tempfile

from harness import Checks, Posthorn, Receiver, binary_argument, body_signature, make_certificate, standard_signature, wait_until
from proxy import Proxy, run_with_hosts

checks = Checks()
BINARY = os.path.abspath(binary_argument())
PUBLIC, PRIVATE = "93.184.216.34", "10.1.2.3"
HOSTS = f"127.0.0.1 localhost\n{PUBLIC} receiver.example.net\n{PRIVATE} inside.example.net\n"


def settings(proxy, certificate):
    return {"POSTHORN_EGRESS__PROXY": proxy.url, "POSTHORN_EGRESS__CA_FILE": certificate}


def settled(posthorn, endpoint):
    """The endpoint's delivery with its attempts, once it has one."""
    rows = list(posthorn.pages("/v1/deliveries?endpoint_id=" + endpoint["id"]))
    delivery = posthorn.call("GET", "/v1/deliveries/" + rows[0]["id"]) if rows else {}
    return delivery if delivery.get("attempts") else None


def through_the_proxy(folder):
    certificate, key = make_certificate(folder, names=f"DNS:receiver.example.net,IP:{PUBLIC}")
    with Receiver(certificate=(certificate, key)) as receiver, Proxy(receiver.port) as proxy:
        with Posthorn(BINARY, dev=False, environment=settings(proxy, certificate)) as posthorn:
            def endpoint(url, kind):
                return posthorn.call("POST", "/v1/endpoints", {"url": url, "event_types": [kind], "retry": ["1h"]})

            good = endpoint("https://receiver.example.net/hook", "proxy.name")
            posthorn.call("POST", "/v1/events", {"type": "proxy.name", "data": {"n": 1}})
            seen = receiver.wait(1)[0]
            checks.equal("signed over the body", seen.headers["X-Webhook-Signature"], body_signature(good["secret"], seen.body))
            wanted = standard_signature(good["secret"], seen.id, seen.headers["webhook-timestamp"], seen.body)
            checks.equal("and by Standard Webhooks", seen.headers["webhook-signature"], wanted)
            checks.equal("its Host is the endpoint's", seen.headers["Host"], "receiver.example.net")
            checks.equal("the proxy is asked for the vetted address", proxy.asked, [f"CONNECT {PUBLIC}:443 HTTP/1.1"])
            delivery = wait_until(lambda: settled(posthorn, good), 15, "the attempt")
            checks.equal("succeeded", delivery["status"], "succeeded")

            endpoint(f"https://{PUBLIC}/literal", "proxy.literal")
            posthorn.call("POST", "/v1/events", {"type": "proxy.literal", "data": {}})
            checks.equal("an address instead of a name", receiver.wait(2)[1].path, "/literal")

            asked = len(proxy.asked)
            inside = endpoint("https://inside.example.net/hook", "proxy.inside")
            posthorn.call("POST", "/v1/events", {"type": "proxy.inside", "data": {}})
            delivery = wait_until(lambda: settled(posthorn, inside), 15, "the refused attempt")
            checks.check("a name with a private address is refused", delivery["attempts"][0]["error_class"] == "refused" and PRIVATE in delivery["attempts"][0]["error_detail"], delivery["attempts"])
            checks.check("not succeeded", delivery["status"] != "succeeded", delivery["status"])
            for url in (f"https://{PRIVATE}/", "https://127.0.0.1/", "https://localhost/", proxy.url, "https://169.254.169.254/latest"):
                status, _, problem = posthorn.request("POST", "/v1/endpoints", {"url": url, "event_types": ["x"]})
                checks.equal(f"{url} is refused at once", status, 422)
            checks.equal("the proxy was not asked for any of them", len(proxy.asked), asked)
            checks.equal("nothing else arrived", receiver.count(), 2)
            checks.equal("a clean stop", posthorn.stop(), 0)


def proxy_refuses(folder):
    certificate, key = make_certificate(folder, names="DNS:receiver.example.net")
    with Receiver(certificate=(certificate, key)) as receiver, Proxy(receiver.port, refuse="403 Not through me") as proxy:
        with Posthorn(BINARY, dev=False, environment=settings(proxy, certificate)) as posthorn:
            endpoint = posthorn.call("POST", "/v1/endpoints", {"url": "https://receiver.example.net/", "event_types": ["*"], "retry": ["1h"]})
            posthorn.call("POST", "/v1/events", {"type": "proxy.refused", "data": {}})
            delivery = wait_until(lambda: settled(posthorn, endpoint), 15, "the attempt")
            checks.check("what the proxy said is kept", "403 Not through me" in json.dumps(delivery["attempts"]), delivery["attempts"])
            checks.equal("it is retried", delivery["status"], "pending")
            checks.equal("nothing goes around the proxy", receiver.count(), 0)


def inside():
    for scenario in (through_the_proxy, proxy_refuses):
        folder = tempfile.mkdtemp()
        try:
            scenario(folder)
        except (AssertionError, OSError, KeyError, ValueError, subprocess.SubprocessError) as problem:
            checks.check(scenario.__name__, False, f"{type(problem).__name__}: {problem}"[:600])
    checks.finish()


if "--inside" in sys.argv:
    inside()
run_with_hosts(__file__, BINARY, HOSTS, "egress proxy")
