#!/usr/bin/env python3
"""Makes the cases of message_inbound beside this file: signed by Python's hmac, not by Posthorn.

usage: make_message_inbound.py        (writes providers/message_inbound/*.json)
"""
import base64, hashlib, hmac, json, pathlib

FOLDER = pathlib.Path(__file__).parent / "providers" / "message_inbound"
SECRET = "fake-message-inbound-secret-0001"
KEY = bytes(range(24))
WHSEC = "whsec_" + base64.b64encode(KEY).decode()
NOW = 1795244400  # 2026-11-21T07:00:00Z
AT = "2026-11-21T06:59:50Z"

MESSAGE = {"id": "m-1", "kind": "message", "channel": "chat", "from": {"id": "u-7", "name": "Ada"},
           "to": "support", "text": "Where is order 1042?", "timestamp": AT}
MESSAGE_EVENT = {"type": "message.inbound", "provider_event": "message", "idempotency_key": "m-1",
                 "provider_event_id": "m-1", "provider_message_id": "m-1", "status": "received",
                 "from": "u-7", "from_name": "Ada", "to": "support", "channel": "chat",
                 "text": "Where is order 1042?", "timestamp": NOW - 10}


def as_bytes(body):
    if isinstance(body, bytes):
        return body
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def body_signature(body, secret=SECRET, digest=hashlib.sha256):
    return "sha256=" + hmac.new(secret.encode(), as_bytes(body), digest).hexdigest()


def standard_headers(body, key, at=NOW, message_id="msg_1"):
    signed = f"{message_id}.{at}.".encode() + as_bytes(body)
    mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(at), "webhook-signature": "v1," + mac}


def write(name, body, headers, expect, secret=None):
    case = {
        "name": name,
        "provider": "message_inbound",
        "secret": secret or {"secret": SECRET},
        "request": {"method": "POST", "url": "https://hooks.example.com/in/message-inbound",
                    "headers": {"Content-Type": "application/json", **headers},
                    "body_base64": base64.b64encode(as_bytes(body)).decode()},
        "now": NOW,
        "expect": expect,
        "proof": {"oracle": "python3 hmac/hashlib", "oracle_verdict": "accept" if expect["verified"] else "refuse"},
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n")


def good(name, body, events, key=None, headers=None, secret=None, **more):
    write(name, body, headers or {"X-Webhook-Signature": body_signature(body)},
          {"verified": True, "idempotency_key": key, "response": {"status": 202}, "events": events, **more}, secret)


def refused(name, headers, reason, body=MESSAGE, secret=None):
    write(name, body, headers, {"verified": False, "reason": reason, "response": {"status": 401}}, secret)


def make_good():
    good("message", MESSAGE, [MESSAGE_EVENT], "m-1")
    good("message-header-case", MESSAGE, [MESSAGE_EVENT], "m-1",
         {"x-WEBHOOK-signature": body_signature(MESSAGE)})
    media = {"id": "m-2", "kind": "message", "from": "u-8", "reply_to": "out-3", "timestamp": "2026-11-21T07:59:50.250+01:00",
             "media": [{"url": "https://files.example.com/1.jpg", "content_type": "image/jpeg"},
                       {"id": "file-9", "filename": "Rechnung № 7.pdf"}]}
    good("message-media-only", media,
         [{"type": "message.inbound", "idempotency_key": "m-2", "from": "u-8", "to": None, "text": None,
           "reply_to": "out-3", "timestamp": NOW - 9.75, "media": media["media"]}], "m-2")
    unicode = {"id": "m-3", "kind": "message", "from": "u-9", "text": "Grüße 🎉 日本語 \u202bمرحبا"}
    good("message-unicode", unicode,
         [{"type": "message.inbound", "text": "Grüße 🎉 日本語 \u202bمرحبا", "timestamp": None}], "m-3")
    status = {"id": "s-1", "kind": "status", "reference": "out-3", "status": "failed", "to": "u-7",
              "error_code": 470, "reason": "outside window", "timestamp": AT}
    good("status-failed", status,
         [{"type": "message.status", "provider_event": "status", "idempotency_key": "s-1", "provider_event_id": "s-1",
           "provider_message_id": "out-3", "status": "failed", "provider_status": "failed", "from": None, "to": "u-7",
           "text": None, "error_code": "470", "reason": "outside window", "timestamp": NOW - 10}], "s-1")
    odd = {"id": "s-2", "kind": "status", "reference": "out-4", "status": "Seen"}
    good("status-unknown-word", odd,
         [{"type": "message.status", "idempotency_key": "s-2", "status": None, "provider_status": "Seen"}], "s-2")
    order = {"id": "o-1", "kind": "order.shipped", "reference": "1042", "status": "shipped",
             "metadata": {"carrier": "Post", "weight": 1.5}, "timestamp": AT}
    good("order", order,
         [{"type": "generic", "provider_event": "order.shipped", "idempotency_key": "o-1", "reference": "1042",
           "status": "shipped", "metadata": {"carrier": "Post", "weight": 1.5}, "timestamp": NOW - 10}], "o-1")
    good("batch", [MESSAGE, status, order],
         [MESSAGE_EVENT, {"type": "message.status", "idempotency_key": "s-1"},
          {"type": "generic", "idempotency_key": "o-1"}])
    good("batch-one-bad-item", [{"id": "m-4", "kind": "message", "text": "nobody wrote this"}, MESSAGE], [MESSAGE_EVENT])
    good("batch-501-items", [dict(MESSAGE, id=f"m-{i}") for i in range(501)], [])
    good("batch-empty", [], [])
    good("no-id", {"kind": "message", "from": "u-7", "text": "no id"}, [])
    good("not-json", b'{"id": "m-1",', [], parse_error=True)
    good("neither-object-nor-list", b'"hello"', [], parse_error=True)
    good("rotation-old-secret", MESSAGE, [MESSAGE_EVENT], "m-1", secret={"secrets": ["fake-new-secret-0002", SECRET]})
    good("standard-webhooks", MESSAGE, [MESSAGE_EVENT], "m-1", standard_headers(MESSAGE, KEY), {"secret": WHSEC})
    good("standard-webhooks-text-secret", MESSAGE, [MESSAGE_EVENT], "m-1", standard_headers(MESSAGE, SECRET.encode()))
    both = {"X-Webhook-Signature": body_signature(MESSAGE, WHSEC), **standard_headers(MESSAGE, KEY)}
    both["webhook-signature"] = "v1a,AAAA v1," + base64.b64encode(bytes(32)).decode() + " " + both["webhook-signature"]
    good("standard-webhooks-list-beside-body-signature", MESSAGE, [MESSAGE_EVENT], "m-1", both, {"secret": WHSEC})
    good("standard-webhooks-oldest", MESSAGE, [MESSAGE_EVENT], "m-1", standard_headers(MESSAGE, KEY, NOW - 300), {"secret": WHSEC})


def make_refused():
    right = body_signature(MESSAGE)
    refused("neg-missing", {}, "no signature at all")
    refused("neg-empty", {"X-Webhook-Signature": ""}, "empty signature")
    refused("neg-no-prefix", {"X-Webhook-Signature": right.removeprefix("sha256=")}, "sha256= prefix missing")
    refused("neg-prefix-only", {"X-Webhook-Signature": "sha256="}, "nothing after the prefix")
    refused("neg-upper-case", {"X-Webhook-Signature": "sha256=" + right[7:].upper()}, "upper-case digits")
    refused("neg-base64", {"X-Webhook-Signature": "sha256=" + base64.b64encode(bytes.fromhex(right[7:])).decode()}, "base64, not hex")
    refused("neg-truncated", {"X-Webhook-Signature": right[:-2]}, "one byte short")
    refused("neg-twice", {"X-Webhook-Signature": [right, right]}, "the header came twice")
    refused("neg-wrong-secret", {"X-Webhook-Signature": body_signature(MESSAGE, "fake-other-secret-0009")}, "another secret")
    refused("neg-sha1", {"X-Webhook-Signature": body_signature(MESSAGE, digest=hashlib.sha1)}, "a SHA-1 MAC")
    refused("neg-unkeyed", {"X-Webhook-Signature": "sha256=" + hashlib.sha256(as_bytes(MESSAGE)).hexdigest()}, "no key")
    refused("neg-body-changed", {"X-Webhook-Signature": right}, "the body was changed", dict(MESSAGE, text="Send money"))
    refused("neg-body-newline", {"X-Webhook-Signature": right}, "a line end was added", as_bytes(MESSAGE) + b"\n")
    refused("neg-body-reserialised", {"X-Webhook-Signature": right}, "white space was added", json.dumps(MESSAGE, indent=2).encode())
    whsec = {"secret": WHSEC}
    refused("neg-standard-stale", standard_headers(MESSAGE, KEY, NOW - 301), "301 s old", secret=whsec)
    refused("neg-standard-future", standard_headers(MESSAGE, KEY, NOW + 301), "301 s ahead", secret=whsec)
    refused("neg-standard-time-changed", {**standard_headers(MESSAGE, KEY, NOW - 4000), "webhook-timestamp": str(NOW)},
            "the timestamp was changed", secret=whsec)
    refused("neg-standard-id-changed", {**standard_headers(MESSAGE, KEY), "webhook-id": "msg_2"}, "the id was changed", secret=whsec)
    refused("neg-standard-text-of-whsec", standard_headers(MESSAGE, WHSEC.encode()), "the key was not decoded", secret=whsec)
    stale = standard_headers(MESSAGE, KEY, NOW - 4000)
    refused("neg-standard-stale-beside-body-signature", {"X-Webhook-Signature": body_signature(MESSAGE, WHSEC), **stale},
            "stale; the other signature does not help", secret=whsec)
    refused("neg-timestamp-required", {"X-Webhook-Signature": right}, "only the body is signed",
            secret={"secret": SECRET, "require_timestamp": True})


FOLDER.mkdir(parents=True, exist_ok=True)
for old in FOLDER.glob("*.json"):
    old.unlink()
make_good()
make_refused()
print(f"{len(list(FOLDER.glob('*.json')))} cases")
