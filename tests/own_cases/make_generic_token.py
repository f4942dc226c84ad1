#!/usr/bin/env python3
"""Makes the cases of the providers of our own design generic_token and open, from what their
descriptions say and without Posthorn's code.

usage: make_generic_token.py        (writes providers/generic_token/*.json and providers/open/*.json beside it)
"""
import base64
import hashlib
import json
import pathlib

HERE = pathlib.Path(__file__).parent / "providers"
NOW = 1760000000
TOKEN = {"token": "tok-FAKE-0001"}


def write(provider, name, secret, headers, body, expect, method="POST", url=None, note=None):
    case = {
        "name": name,
        "provider": provider,
        "request": {
            "method": method,
            "url": url or f"https://hooks.example.com/in/{provider}",
            "headers": headers,
            "body_base64": base64.b64encode(body).decode(),
        },
        "secret": secret,
        "now": NOW,
        "expect": expect,
        "proof": {"decided_by": "the description of the provider in src/providers"},
    }
    if note:
        case["note"] = note
    folder = HERE / provider
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(case, indent=1, ensure_ascii=False)
    (folder / f"{name}.json").write_text(text + "\n")


def digest(body):
    return "sha256:" + hashlib.sha256(body).hexdigest()


def basic(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def one(key, event=None, **fields):
    found = {"type": "generic", "provider_event": event, "provider_event_id": key, **fields}
    return {"verified": True, "idempotency_key": key, "response": {"status": 200}, "events": [found]}


def each(*events):
    return {"verified": True, "idempotency_key": None, "response": {"status": 200}, "events": list(events)}


def refused(reason):
    return {"verified": False, "reason": reason, "response": {"status": 401}}


def token_cases():
    body = b'{"id": 12, "event": "deploy.done", "data": {"id": "d-9"}}'
    as_json = {"Content-Type": "application/json"}
    bearer = {**as_json, "Authorization": "Bearer tok-FAKE-0001"}

    def case(name, secret, headers, expect, sent=body, **more):
        write("generic_token", name, secret, headers, sent, expect, **more)

    case("bearer", TOKEN, bearer, one(digest(body)))
    case("bearer-scheme-in-lower-case", TOKEN, {"authorization": "bearer tok-FAKE-0001"}, one(digest(body)))
    case("bearer-rotation", {"tokens": ["tok-FAKE-0002", "tok-FAKE-0001"]}, bearer, one(digest(body)))
    case("own-header", {**TOKEN, "header": "X-Api-Key"}, {"x-api-key": "tok-FAKE-0001"}, one(digest(body)))
    case("basic", {"credentials": {"username": "desk", "password": "pa:ss wörd"}},
         {"Authorization": basic("desk", "pa:ss wörd")}, one(digest(body)),
         note="the name ends at the first colon; UTF-8")
    case("basic-beside-token", {**TOKEN, "credentials": {"username": "desk", "password": "secret"}},
         {"Authorization": basic("desk", "secret")}, one(digest(body)))
    case("bearer-beside-credentials", {**TOKEN, "credentials": {"username": "desk", "password": "secret"}},
         bearer, one(digest(body)))
    case("id-and-event-in-json", {**TOKEN, "id_json_pointer": "/data/id", "event_json_pointer": "/event"},
         bearer, one("d-9", "deploy.done"))
    case("id-is-a-number", {**TOKEN, "id_json_pointer": "/id"}, bearer, one("12"))
    case("id-and-event-in-headers", {**TOKEN, "id_header": "X-Id", "event_header": "X-Event"},
         {**bearer, "X-Id": "n-1", "X-Event": "thing"}, one("n-1", "thing"))
    xml = '<?xml version="1.0"?><o:order xmlns:o="urn:x" id="77"><status> bezählt </status></o:order>'.encode()
    case("id-and-event-in-xml", {**TOKEN, "id_xml_path": "/order/@id", "event_xml_path": "/order/status"},
         {**bearer, "Content-Type": "application/xml"}, one("77", "bezählt"), sent=xml)
    laughs = b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><l id="1">&b;</l>'
    case("xml-with-a-dtd", {**TOKEN, "id_xml_path": "/l/@id"}, {**bearer, "Content-Type": "text/xml"},
         {"verified": True, "idempotency_key": None, "events": [], "parse_error": True}, sent=laughs)
    case("broken-json", {**TOKEN, "id_json_pointer": "/id"}, bearer,
         {"verified": True, "idempotency_key": None, "events": [], "parse_error": True}, sent=b'{"id":')
    case("empty-body", TOKEN, bearer, one(digest(b"")), sent=b"")

    alert = {"status": "firing", "labels": {"alertname": "DiskFull", "severity": "critical"},
             "annotations": {"summary": "The disk is full"}, "startsAt": "2025-10-09T08:53:20.123Z",
             "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "https://prom.example.com/g",
             "fingerprint": "c1f2"}
    quiet = {**alert, "status": "resolved", "fingerprint": "d3e4"}
    group = json.dumps({"version": "4", "status": "firing", "receiver": "desk", "externalURL": "https://am.example.com",
                        "alerts": [alert, quiet]}).encode()

    def alarm(fingerprint, status):
        key = f"{fingerprint}|{status}|2025-10-09T08:53:20.123Z"
        return {"type": "generic", "provider_event": f"alert.{status}", "provider_event_id": key,
                "idempotency_key": key, "timestamp": 1760000000, "object_id": fingerprint, "title": "DiskFull",
                "text": "The disk is full", "severity": "critical", "status": status,
                "url": "https://prom.example.com/g"}

    case("alertmanager", {**TOKEN, "preset": "alertmanager"}, bearer,
         each(alarm("c1f2", "firing"), alarm("d3e4", "resolved")), sent=group)
    case("alertmanager-without-alerts", {**TOKEN, "preset": "alertmanager"}, bearer,
         {"verified": True, "idempotency_key": None, "events": []}, sent=b'{"version": "4"}',
         note="verified, and kept with the fault at /alerts")
    grafana = {**alert, "labels": {"alertname": "Latency"}, "annotations": {}, "dashboardURL": "https://g.example.com/d/1"}
    del grafana["generatorURL"]
    sent = json.dumps({"receiver": "desk", "status": "firing", "title": "[FIRING:1] Latency", "message": "p99 is 4 s",
                       "commonLabels": {"severity": "warning"}, "alerts": [grafana]}).encode()
    case("grafana", {**TOKEN, "preset": "grafana"}, bearer,
         each({**alarm("c1f2", "firing"), "title": "Latency", "text": "p99 is 4 s", "severity": "warning",
               "url": "https://g.example.com/d/1"}), sent=sent)
    kuma = json.dumps({"heartbeat": {"monitorID": 3, "status": 0, "time": "2025-10-09 08:53:20.123", "msg": "timeout"},
                       "monitor": {"id": 3, "name": "Shop", "url": "https://shop.example.com"},
                       "msg": "[Shop] [Down] timeout"}).encode()
    key = "3|0|2025-10-09 08:53:20.123"
    case("uptime-kuma", {**TOKEN, "preset": "uptime"}, bearer,
         each({"type": "generic", "provider_event": "monitor.down", "provider_event_id": key, "timestamp": 1760000000,
               "object_id": "3", "title": "Shop", "text": "timeout", "status": "down",
               "url": "https://shop.example.com"}), sent=kuma)
    robot = b"monitorID=9&monitorFriendlyName=Caf%C3%A9&alertType=2&alertDateTime=1760000000&alertDetails=HTTP+200"
    key = "9|2|1760000000"
    case("uptime-robot-form", {**TOKEN, "preset": "uptime"},
         {**bearer, "Content-Type": "application/x-www-form-urlencoded"},
         each({"type": "generic", "provider_event": "monitor.up", "provider_event_id": key, "timestamp": 1760000000,
               "object_id": "9", "title": "Café", "text": "HTTP 200", "status": "up"}), sent=robot)
    crm = json.dumps([{"eventId": 1, "subscriptionType": "contact.creation", "objectId": 51, "occurredAt": 1760000000999},
                      {"eventId": 2, "subscriptionType": "contact.propertyChange", "objectId": 52,
                       "occurredAt": 1760000001000, "propertyName": "lifecyclestage", "propertyValue": "customer"}]).encode()
    case("crm-contact-batch", {**TOKEN, "preset": "crm_contact"}, bearer,
         each({"provider_event": "contact.creation", "provider_event_id": "1|51|1760000000999", "object_id": "51",
               "timestamp": 1760000000},
              {"provider_event": "contact.propertyChange", "provider_event_id": "2|52|1760000001000", "object_id": "52",
               "timestamp": 1760000001, "status": "customer"}), sent=crm)
    single = json.dumps({"event": "contact.created", "event_id": "e-1", "contact":
                         {"id": 7, "name": "Ada", "email": "ada@example.com", "phone": "+4930123"}}).encode()
    case("crm-contact-single", {**TOKEN, "preset": "crm_contact"}, bearer,
         each({"provider_event": "contact.created", "provider_event_id": "e-1", "object_id": "7", "name": "Ada",
               "email": "ada@example.com", "phone": "+4930123", "timestamp": None}), sent=single)

    case("neg-wrong-token", TOKEN, {"Authorization": "Bearer tok-FAKE-0002"}, refused("another token"))
    case("neg-token-cut", TOKEN, {"Authorization": "Bearer tok-FAKE-000"}, refused("the token cut short"))
    case("neg-token-with-more", TOKEN, {"Authorization": "Bearer tok-FAKE-00011"}, refused("one character more"))
    case("neg-token-in-upper-case", TOKEN, {"Authorization": "Bearer TOK-FAKE-0001"}, refused("case counts"))
    case("neg-no-scheme", TOKEN, {"Authorization": "tok-FAKE-0001"}, refused("no scheme"))
    case("neg-token-as-basic", TOKEN, {"Authorization": basic("tok-FAKE-0001", "")}, refused("the token as a user name"))
    case("neg-empty", TOKEN, {"Authorization": ""}, refused("empty"))
    case("neg-missing", TOKEN, as_json, refused("no Authorization"))
    case("neg-twice", TOKEN, {"Authorization": ["Bearer tok-FAKE-0001", "Bearer tok-FAKE-0001"]}, refused("came twice"))
    case("neg-in-the-query", TOKEN, as_json, refused("a token in the URL is not taken"),
         url="https://hooks.example.com/in/generic_token?token=tok-FAKE-0001")
    case("neg-own-header-bearer", {**TOKEN, "header": "X-Api-Key"}, bearer, refused("not in the configured header"))
    case("neg-own-header-with-scheme", {**TOKEN, "header": "X-Api-Key"}, {"X-Api-Key": "Bearer tok-FAKE-0001"},
         refused("the header holds the token alone"))
    secret = {"credentials": {"username": "desk", "password": "secret"}}
    case("neg-basic-password", secret, {"Authorization": basic("desk", "Secret")}, refused("another password"))
    case("neg-basic-name", secret, {"Authorization": basic("Desk", "secret")}, refused("another user name"))
    case("neg-basic-no-colon", secret,
         {"Authorization": "Basic " + base64.b64encode(b"desksecret").decode()}, refused("no colon"))
    case("neg-basic-not-base64", secret, {"Authorization": "Basic ???"}, refused("not base64"))
    case("neg-no-secret", {}, bearer, refused("nothing is configured: fail closed"))


def open_cases():
    body = b'{"hello": "world"}'
    as_json = {"Content-Type": "application/json"}

    def case(name, headers, sent, expect, secret=None, **more):
        write("open", name, secret or {}, headers, sent, expect, **more)

    case("json", as_json, body, one(digest(body)))
    case("text", {"Content-Type": "text/plain"}, b"anything", one(digest(b"anything")))
    binary = bytes(range(256))
    case("binary", {"Content-Type": "application/octet-stream"}, binary, one(digest(binary)))
    case("no-content-type", {}, body, one(digest(body)))
    case("xml-is-not-read", {"Content-Type": "application/xml"}, b"<!DOCTYPE x><x/>", one(digest(b"<!DOCTYPE x><x/>")))
    case("broken-json-is-not-read", as_json, b'{"a":', one(digest(b'{"a":')))
    for name, url in (("get", "https://hooks.example.com/in/open?a=1"), ("get-other-query", "https://hooks.example.com/in/open?a=2")):
        case(name, {}, b"", one(digest(b"GET " + url.encode())), method="GET", url=url,
             note="without a body, calls differ in method and address")
    case("id-and-event", {**as_json, "X-Id": "n-7"}, b'{"event":"ping"}', one("n-7", "ping"),
         secret={"id_header": "X-Id", "event_json_pointer": "/event"})
    case("authorization-does-not-matter", {"Authorization": "Bearer whatever"}, body, one(digest(body)))


token_cases()
open_cases()
