#!/usr/bin/env python3
"""Outgoing webhooks of the real program: signatures, retries, statuses, disabling, holding, replay, order."""
import email.utils
import json
import os
import sys
import tempfile
import time
import xml.etree.ElementTree

from harness import Checks, Posthorn, Receiver, binary_argument, body_signature, make_certificate, standard_signature, wait_until

checks = Checks()


def deliveries(posthorn, **filters):
    query = "&".join(f"{k}={v}" for k, v in filters.items())
    return list(posthorn.pages("/v1/deliveries?limit=100&" + query))


def settled(posthorn, event_id, status="succeeded", seconds=20):
    def ready():
        rows = deliveries(posthorn, event_id=event_id)
        return rows if rows and all(row["status"] == status for row in rows) else None

    return wait_until(ready, seconds, f"{event_id} to be {status}")


def signed_and_logged(posthorn):
    with Receiver() as receiver:
        endpoint = posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["ticket.*"], "headers": {"X-Team": "support"}})
        data = '{"big": 12345678901234567890, "order": {"z": 1, "a": 2}, "text": "h\\u00e9llo"}'
        status, _, answer = posthorn.request("POST", "/v1/events", raw=('{"type":"ticket.created","data":' + data + "}").encode())
        checks.equal("publishing is answered 202", status, 202)
        seen = receiver.wait(1)[0]
        headers = seen.headers
        checks.equal("content type", headers["Content-Type"], "application/json")
        checks.equal("event header", headers["X-Webhook-Event"], "ticket.created")
        checks.equal("attempt header", headers["X-Webhook-Attempt"], "1")
        checks.equal("own header", headers["X-Team"], "support")
        checks.equal("webhook-id is the event's id", headers["webhook-id"], answer["id"])
        checks.equal("body signature", headers["X-Webhook-Signature"], body_signature(endpoint["secret"], seen.body))
        checks.equal("standard signature", headers["webhook-signature"],
                     standard_signature(endpoint["secret"], headers["webhook-id"], headers["webhook-timestamp"], seen.body))
        checks.check("the data's bytes are sent as they came", data.encode() in seen.body, seen.body)
        checks.equal("envelope", sorted(json.loads(seen.body)), sorted(["id", "type", "version", "timestamp", "workspace_id", "actor", "sequence", "data"]))
        row = settled(posthorn, answer["id"])[0]
        full = posthorn.call("GET", "/v1/deliveries/" + row["id"])
        checks.equal("one attempt is logged", len(full["attempts"]), 1)
        checks.equal("its status", full["attempts"][0]["status_code"], 204)
        by_uuid = posthorn.call("GET", "/v1/deliveries/" + headers["X-Webhook-Delivery"])
        checks.equal("the UUID finds the delivery", by_uuid["id"], row["id"])
        posthorn.call("DELETE", "/v1/endpoints/" + endpoint["id"])


def retried_with_the_same_id(posthorn):
    with Receiver(answer=lambda seen: 503 if seen.headers["X-Webhook-Attempt"] == "1" else 200) as receiver:
        endpoint = posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["retry.*"]})
        event = posthorn.call("POST", "/v1/events", {"type": "retry.test", "data": {}})
        first, second = receiver.wait(2)
        checks.equal("the id stays", first.id, second.id)
        checks.equal("the delivery stays", first.headers["X-Webhook-Delivery"], second.headers["X-Webhook-Delivery"])
        checks.check("the first retry comes after 1 s, not before", 0.99 <= second.at - first.at <= 3, second.at - first.at)
        settled(posthorn, event["id"])
        posthorn.call("DELETE", "/v1/endpoints/" + endpoint["id"])


def retry_after_lengthens(posthorn):
    forms = {"seconds": "3", "date": None, "nonsense": "soon"}
    for name, value in forms.items():
        def answer(seen, value=value):
            if seen.headers["X-Webhook-Attempt"] != "1":
                return 200
            return 429, {"Retry-After": value or email.utils.formatdate(time.time() + 4, usegmt=True)}

        with Receiver(answer=answer) as receiver:
            endpoint = posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": [f"after.{name}"]})
            posthorn.call("POST", "/v1/events", {"type": f"after.{name}", "data": {}})
            first, second = receiver.wait(2)
            gap = second.at - first.at
            wanted = (0.99, 2.5) if name == "nonsense" else (2.9, 6)
            checks.check(f"Retry-After as {name}", wanted[0] <= gap <= wanted[1], gap)
            posthorn.call("DELETE", "/v1/endpoints/" + endpoint["id"])


def statuses(posthorn):
    for status, follows in ((301, 0), (302, 0), (307, 0), (304, 0)):
        target = Receiver()
        with Receiver(answer=lambda seen, s=status: (s, {"Location": target.url})) as receiver:
            endpoint = posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": [f"status.{status}"], "retry": []})
            event = posthorn.call("POST", "/v1/events", {"type": f"status.{status}", "data": {}})
            settled(posthorn, event["id"], "exhausted")
            checks.equal(f"{status} is a failure and never followed", target.count(), follows)
            posthorn.call("DELETE", "/v1/endpoints/" + endpoint["id"])
        target.close()
    with Receiver(answer=lambda seen: 410) as receiver:
        endpoint = posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["gone.*"]})
        posthorn.call("POST", "/v1/events", {"type": "gone.test", "data": {}})
        state = wait_until(lambda: (e := posthorn.call("GET", "/v1/endpoints/" + endpoint["id"])) and not e["enabled"] and e, 15, "410 to disable")
        checks.equal("410 disables at once", state["disabled_reason"], "gone")
        checks.equal("after one attempt", receiver.count(), 1)
        posthorn.call("DELETE", "/v1/endpoints/" + endpoint["id"])


def disabled_held_and_recovered(posthorn):
    mood = {"status": 500}
    with Receiver(answer=lambda seen: mood["status"]) as receiver, Receiver() as watcher:
        endpoint = posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["hold.*"], "disable_after": 3, "retry": "quick", "probing": False})
        posthorn.call("POST", "/v1/endpoints", {"url": watcher.url, "event_types": ["endpoint.disabled"]})
        first = posthorn.call("POST", "/v1/events", {"type": "hold.test", "data": {"n": 1}})
        wait_until(lambda: receiver.count() >= 2, 20, "two attempts")
        wait_until(lambda: not posthorn.call("GET", "/v1/endpoints/" + endpoint["id"])["enabled"], 90, "the endpoint to be disabled")
        checks.equal("disabled after three failures in a row", receiver.count(), 3)
        notice = watcher.wait(1)[0]
        body = json.loads(notice.body)["data"]
        checks.equal("the notice says why", body["reason"], "consecutive_failures")
        checks.equal("the notice says how many", body["count"], 3)
        held = posthorn.call("POST", "/v1/events", {"type": "hold.test", "data": {"n": 2}})
        row = deliveries(posthorn, event_id=held["id"])[0]
        checks.equal("a later event is held", row["status"], "held")
        mood["status"] = 200
        posthorn.call("POST", f"/v1/endpoints/{endpoint['id']}/enable", {"recover": "all"})
        settled(posthorn, held["id"], seconds=90)
        settled(posthorn, first["id"], seconds=90)
        checks.equal("exactly one notice", watcher.count(), 1)
        notes = posthorn.call("GET", "/v1/notifications")["data"]
        checks.check("and it is listed", any("disabled" in json.dumps(note) for note in notes))


def replayed(posthorn):
    mood = {"status": 500}
    with Receiver(answer=lambda seen: mood["status"]) as receiver:
        endpoint = posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["replay.*"], "retry": []})
        event = posthorn.call("POST", "/v1/events", {"type": "replay.test", "data": {"bytes": "h\u00e9"}})
        failed = settled(posthorn, event["id"], "exhausted")[0]
        mood["status"] = 200
        made = posthorn.call("POST", f"/v1/deliveries/{failed['id']}/replay", {})
        before, after = receiver.wait(2)
        checks.equal("the same event", before.id, after.id)
        checks.equal("the same bytes", before.body, after.body)
        checks.equal("a new delivery", made["replay_of"], failed["id"])
        job = posthorn.call("POST", "/v1/replay-jobs", {"filter": {"status": "exhausted", "endpoint_id": endpoint["id"]}, "dry_run": True})
        checks.equal("a dry run counts", job["total"], 1)
        checks.equal("and sends nothing", receiver.count(), 2)
        job = posthorn.call("POST", "/v1/replay-jobs", {"filter": {"status": "exhausted", "endpoint_id": endpoint["id"]}, "rate": 50})
        wait_until(lambda: posthorn.call("GET", "/v1/replay-jobs/" + job["id"])["status"] == "completed", 20, "the job")
        receiver.wait(3)
        posthorn.call("DELETE", "/v1/endpoints/" + endpoint["id"])


def in_order(posthorn):
    failures = {"left": 2}

    def answer(seen):
        if json.loads(seen.body)["data"]["n"] == 1 and failures["left"] > 0:
            failures["left"] -= 1
            return 500
        return 200

    with Receiver(answer=answer) as receiver:
        endpoint = posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["order.*"], "ordering": "key", "retry": ["1s", "1s", "1s"], "probing": False})
        for n in range(1, 6):
            posthorn.call("POST", "/v1/events", {"type": "order.test", "key": "ticket-1", "data": {"n": n}})
        wait_until(lambda: receiver.count() >= 7, 30, "all in order")
        good = [json.loads(seen.body)["data"]["n"] for seen in receiver.received if True]
        checks.equal("a failing head holds back its key", good, [1, 1, 1, 2, 3, 4, 5])
        numbers = [json.loads(seen.body)["sequence"]["n"] for seen in receiver.received[2:]]
        checks.equal("the sequence counts", numbers, [1, 2, 3, 4, 5])
        posthorn.call("DELETE", "/v1/endpoints/" + endpoint["id"])


def formats(posthorn):
    with Receiver() as receiver:
        for name, wanted in (("bare", "application/json"), ("xml", "application/xml"), ("form", "application/x-www-form-urlencoded"),
                             ("cloudevents", "application/cloudevents+json"), ("cloudevents_binary", "application/json")):
            endpoint = posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": [f"format.{name}"], "format": name})
            count = receiver.count()
            posthorn.call("POST", "/v1/events", {"type": f"format.{name}", "data": {"a": "<&>", "list": [1, 2]}})
            seen = receiver.wait(count + 1)[-1]
            checks.check(f"{name}: content type", seen.headers["Content-Type"].startswith(wanted), seen.headers["Content-Type"])
            checks.equal(f"{name}: the sent bytes are signed", seen.headers["X-Webhook-Signature"], body_signature(endpoint["secret"], seen.body))
            if name == "xml":
                xml.etree.ElementTree.fromstring(seen.body)
            if name == "cloudevents":
                checks.equal("cloudevents: specversion", json.loads(seen.body)["specversion"], "1.0")
            if name == "cloudevents_binary":
                checks.equal("cloudevents_binary: ce-id", seen.headers["ce-id"], seen.id)
            posthorn.call("DELETE", "/v1/endpoints/" + endpoint["id"])


def idempotent(posthorn):
    one = posthorn.call("POST", "/v1/events", {"type": "same.test", "id": "my-1", "data": {"n": 1}})
    two = posthorn.call("POST", "/v1/events", {"type": "same.test", "id": "my-1", "data": {"n": 1}})
    checks.equal("the same id and content is the same event", two["id"], one["id"])
    status, _, _ = posthorn.request("POST", "/v1/events", {"type": "same.test", "id": "my-1", "data": {"n": 2}})
    checks.equal("the same id with other content is refused", status, 409)
    headers = {"Idempotency-Key": "key-1"}
    a = posthorn.request("POST", "/v1/events", {"type": "same.test", "data": {}}, headers=headers)
    b = posthorn.request("POST", "/v1/events", {"type": "same.test", "data": {}}, headers=headers)
    checks.equal("an Idempotency-Key repeats the answer", b[2], a[2])
    checks.equal("and says so", b[1].get("Idempotency-Replayed"), "true")


def over_https(binary):
    folder = tempfile.mkdtemp()
    certificate = make_certificate(folder)
    with Receiver(certificate=certificate) as receiver:
        with Posthorn(binary, environment={"POSTHORN_EGRESS__CA_FILE": certificate[0]}) as posthorn:
            endpoint = posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["tls.*"]})
            posthorn.call("POST", "/v1/events", {"type": "tls.test", "data": {}})
            seen = receiver.wait(1)[0]
            checks.equal("https: signed", seen.headers["X-Webhook-Signature"], body_signature(endpoint["secret"], seen.body))
        with Posthorn(binary) as posthorn:
            posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["tls.*"], "retry": []})
            event = posthorn.call("POST", "/v1/events", {"type": "tls.test", "data": {}})
            row = settled(posthorn, event["id"], "exhausted")[0]
            attempt = posthorn.call("GET", "/v1/deliveries/" + row["id"])["attempts"][0]
            checks.equal("https: an unknown certificate is refused", attempt["error_class"], "tls_failed")
            checks.equal("https: and nothing was sent", receiver.count(), 1)


def survives_a_restart(binary):
    with Receiver(answer=lambda seen: 503 if seen.headers["X-Webhook-Attempt"] == "1" else 200) as receiver:
        with Posthorn(binary) as posthorn:
            posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["*"], "retry": ["3s"]})
            event = posthorn.call("POST", "/v1/events", {"type": "restart.test", "data": {}})
            first = receiver.wait(1)[0]
            wait_until(lambda: deliveries(posthorn, event_id=event["id"])[0]["attempt_count"] == 1, 10, "the attempt to be recorded")
            checks.equal("a stop is clean", posthorn.stop(), 0)
            posthorn.start()
            second = receiver.wait(2)[1]
            checks.check("the retry keeps its time over a restart", second.at - first.at >= 2.9, second.at - first.at)
            checks.equal("and its id", second.id, first.id)


def main():
    binary = binary_argument()
    with Posthorn(binary) as posthorn:
        for scenario in (signed_and_logged, retried_with_the_same_id, retry_after_lengthens, statuses, replayed, in_order, formats, idempotent,
                         disabled_held_and_recovered):
            try:
                scenario(posthorn)
            except (AssertionError, KeyError, IndexError) as problem:
                checks.check(scenario.__name__, False, f"{type(problem).__name__} {problem}"[:500])
    for scenario in (over_https, survives_a_restart):
        try:
            scenario(binary)
        except (AssertionError, KeyError, IndexError) as problem:
            checks.check(scenario.__name__, False, f"{type(problem).__name__} {problem}"[:500])
    checks.finish()


main()
