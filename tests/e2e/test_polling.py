#!/usr/bin/env python3
"""The polling backstop against local servers that behave as the providers' APIs are documented.

A fifth of the webhooks is dropped at random; polling behind them must leave none missing and none double, through pages, rate limits, faults
and empty answers, and through a kill in the middle. Telegram has no webhook here: it is polled instead.

usage: test_polling.py BINARY [--seed N] [--count N]
"""
import argparse
import base64
import collections
import datetime
import email.utils
import hashlib
import hmac
import http.client
import http.server
import json
import random
import re
import threading
import time
import urllib.parse

from harness import Checks, Posthorn, wait_until

INTERVAL = 10  # The shortest that is allowed.


class Api:
    """A provider's API: serve(method, path, query, body) gives (status, headers, JSON), or a number of seconds to stay silent for."""

    def __init__(self, provider):
        self.provider, self.lock, self.asked, self.faults = provider, threading.Lock(), 0, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                parts = urllib.parse.urlsplit(self.path)
                with outer.lock:
                    outer.asked += 1
                    fault = outer.faults.pop(0) if outer.faults else None
                    if not outer.provider.is_authorised(self.headers, parts.path):
                        fault = (401, {}, {"message": "Bad credentials"})
                    status, headers, reply = fault or outer.provider.serve(parts.path, dict(urllib.parse.parse_qsl(parts.query)), body)
                text = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # The program is killed in the middle of a question.

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Stripe:
    name, config = "stripe", {"signing_secret": "whsec_polling_stripe_1"}
    poll = {"api_key": "rk_test_polling"}

    def __init__(self):
        self.events = []

    def is_authorised(self, headers, _):
        return headers["Authorization"] == "Bearer rk_test_polling"

    def make(self, number):
        event = {"id": f"evt_{number:05}", "object": "event", "type": "invoice.paid", "created": int(time.time()), "livemode": False,
                 "data": {"object": {"id": f"in_{number}", "object": "invoice", "amount_paid": number, "currency": "usd"}}}
        self.events.insert(0, event)
        body = json.dumps(event, indent=2).encode()
        at = str(event["created"])
        mac = hmac.new(self.config["signing_secret"].encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
        return event["id"], body, {"Content-Type": "application/json", "Stripe-Signature": f"t={at},v1={mac}"}

    def lost(self, key, _):
        pass  # delivery_success=false lists what is pending, too: everything.

    def serve(self, path, query, _):
        assert path == "/v1/events" and query["delivery_success"] == "false", (path, query)
        found = [one for one in self.events if one["created"] >= int(query["created[gte]"])]
        if "starting_after" in query:
            at = [one["id"] for one in found].index(query["starting_after"])
            found = found[at + 1:]
        size = min(int(query["limit"]), 7)
        return 200, {}, {"object": "list", "data": found[:size], "has_more": len(found) > size}

    @staticmethod
    def effect(event):
        return event["data"]["provider_event_id"]


class GitHub:
    name, config = "github", {"secret": "polling github secret"}
    poll = {"token": "github_pat_polling", "repository": "example/app", "hook_id": "12345678"}

    def __init__(self):
        self.deliveries, self.payloads = [], {}

    def is_authorised(self, headers, _):
        return headers["Authorization"] == "Bearer github_pat_polling"

    def make(self, number):
        payload = {"action": "opened", "issue": {"number": number, "title": f"Näme {number}"}, "sender": {"login": "ada"}}
        guid = f"{number:08x}-242f-11e5-81e1-c7b6966d2516"
        body = json.dumps(payload, separators=(",", ":")).encode()
        mac = hmac.new(self.config["secret"].encode(), body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-GitHub-Delivery": guid, "X-GitHub-Event": "issues", "X-Hub-Signature-256": "sha256=" + mac}
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        one = {"id": 9_000_000_000 + number, "guid": guid, "delivered_at": now, "redelivery": False, "duration": 0.1, "status": "OK", "status_code": 200,
               "event": "issues", "action": "opened"}
        self.deliveries.insert(0, one)
        self.payloads[str(one["id"])] = {**one, "request": {"headers": headers, "payload": payload}, "response": {"headers": {}, "payload": None}}
        return guid, body, headers

    def lost(self, key, _):
        for one in self.deliveries:
            if one["guid"] == key:
                one["status"], one["status_code"] = "timed out", 0

    def serve(self, path, query, _):
        base = "/repos/example/app/hooks/12345678/deliveries"
        if path != base:
            found = self.payloads.get(path[len(base) + 1:])
            return (200, {}, found) if found else (404, {}, {"message": "Not Found"})
        found = [one for one in self.deliveries if one["status_code"] != 200] if query.get("status") == "failure" else self.deliveries
        begin = int(query.get("cursor", "v1_0")[3:])
        headers = {}
        if len(found) > begin + 5:
            headers["Link"] = f'<https://api.github.com{base}?per_page=100&cursor=v1_{begin + 5}>; rel="next"'
        return 200, headers, found[begin:begin + 5]

    @staticmethod
    def effect(event):
        return event["data"]["provider_event_id"]


class Twilio:
    account = "AC0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
    name, config = "twilio_sms", {"auth_token": "test_auth_token_polling"}
    poll = {"account_sid": account, "phone_number": "+15555550199"}

    def __init__(self):
        self.messages, self.url = [], None

    def is_authorised(self, headers, _):
        return headers["Authorization"] == "Basic " + base64.b64encode(f"{self.account}:test_auth_token_polling".encode()).decode()

    def make(self, number):
        sid, now = f"SM{number:032x}", email.utils.format_datetime(datetime.datetime.now(datetime.timezone.utc))
        inbound = number % 3 != 0
        ours, theirs = "+15555550199", "+15555550100"
        self.messages.insert(0, {"sid": sid, "account_sid": self.account, "direction": "inbound" if inbound else "outbound-api",
                                 "status": "received" if inbound else "delivered", "from": theirs if inbound else ours, "to": ours if inbound else theirs,
                                 "body": f"text & {number}", "num_media": "0", "num_segments": "1", "error_code": None, "error_message": None,
                                 "messaging_service_sid": None, "date_created": now, "date_sent": now, "date_updated": now})
        form = {"MessageSid": sid, "AccountSid": self.account, "From": theirs if inbound else ours, "To": ours if inbound else theirs}
        form.update({"Body": f"text & {number}", "NumMedia": "0", "SmsStatus": "received"} if inbound else {"MessageStatus": "delivered"})
        signed = self.url + "".join(name + form[name] for name in sorted(form))
        mac = base64.b64encode(hmac.new(self.config["auth_token"].encode(), signed.encode(), hashlib.sha1).digest()).decode()
        return (sid + ":" + ("received" if inbound else "delivered"), urllib.parse.urlencode(form).encode(),
                {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": mac})

    def lost(self, key, _):
        pass

    def serve(self, path, query, _):
        base = f"/2010-04-01/Accounts/{self.account}/Messages.json"
        assert path == base, path
        if "PageToken" not in query:
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", query["DateSent>"]), query
        begin = int(query.get("PageToken", "0"))
        following = f"{base}?PageSize=6&Page=1&PageToken={begin + 6}" if len(self.messages) > begin + 6 else None
        return 200, {}, {"messages": self.messages[begin:begin + 6], "next_page_uri": following, "page_size": 6}

    @staticmethod
    def effect(event):
        return event["data"]["provider_message_id"] + ":" + event["data"]["status"]


class Shopify:
    name, config = "shopify", {"client_secret": "shpss_polling"}
    poll = {"shop": "example.myshopify.com", "access_token": "shpat_polling", "topics": ["orders/create"]}

    def __init__(self):
        self.orders = []

    def is_authorised(self, headers, _):
        return headers["X-Shopify-Access-Token"] == "shpat_polling"

    def make(self, number):
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.orders.append({"id": f"gid://shopify/Order/{number}", "legacyResourceId": str(number), "name": f"#{number}", "email": "ada@example.com",
                            "createdAt": now, "updatedAt": now, "cancelledAt": None, "cancelReason": None, "displayFinancialStatus": "PENDING",
                            "displayFulfillmentStatus": "UNFULFILLED", "totalPriceSet": {"shopMoney": {"amount": "19.9", "currencyCode": "EUR"}},
                            "customer": None, "transactions": []})
        body = json.dumps({"id": number, "created_at": now, "updated_at": now, "total_price": "19.90", "currency": "EUR"}).encode()
        mac = base64.b64encode(hmac.new(self.config["client_secret"].encode(), body, hashlib.sha256).digest()).decode()
        return f"{number}", body, {"Content-Type": "application/json", "X-Shopify-Topic": "orders/create", "X-Shopify-Hmac-Sha256": mac,
                                   "X-Shopify-Shop-Domain": "example.myshopify.com", "X-Shopify-API-Version": "2026-07",
                                   "X-Shopify-Webhook-Id": f"{number:08x}-0000-4000-8000-000000000000", "X-Shopify-Triggered-At": now}

    def lost(self, key, _):
        pass

    def serve(self, path, _, body):
        assert path == "/admin/api/2026-07/graphql.json", path
        variables = json.loads(body)["variables"]
        since = re.fullmatch(r"updated_at:>='(.*)'", variables["q"])[1]
        found = [one for one in self.orders if one["updatedAt"] >= since]
        begin = int(variables["a"] or 0)
        return 200, {}, {"data": {"orders": {"nodes": found[begin:begin + 8],
                                             "pageInfo": {"hasNextPage": len(found) > begin + 8, "endCursor": str(begin + 8)}}}}

    @staticmethod
    def effect(event):
        return event["data"]["object_id"]


class Telegram:
    name, config = "telegram", {"secret_token": "polling_secret_token"}
    poll = {"bot_token": "110201543:AApollingpollingpolling", "long_poll_seconds": 0}

    def __init__(self):
        self.updates, self.has_webhook = [], True

    def is_authorised(self, _, path):
        return path == "/bot110201543:AApollingpollingpolling/getUpdates"

    def make(self, number):
        self.updates.append({"update_id": 730000000 + number,
                             "message": {"message_id": number, "date": int(time.time()), "chat": {"id": 5, "type": "private"}, "text": f"hi {number}"}})
        return f"5:{number}", None, None

    def lost(self, key, _):
        pass

    def serve(self, path, query, body):
        if self.has_webhook:
            return 409, {}, {"ok": False, "error_code": 409, "description": "Conflict: can't use getUpdates method while webhook is active; use "
                                                                            "deleteWebhook to delete the webhook first"}
        asked = json.loads(body)
        if "offset" in asked:
            self.updates = [one for one in self.updates if one["update_id"] >= asked["offset"]]  # Confirmed, and gone.
        return 200, {}, {"ok": True, "result": self.updates[:9]}

    @staticmethod
    def effect(event):
        return event["data"]["provider_message_id"]


LIMITED = (429, {"Retry-After": "1"}, {"error": {"message": "slow down"}})
THROTTLED = (200, {}, {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
                       "extensions": {"cost": {"requestedQueryCost": 60, "throttleStatus": {"currentlyAvailable": 10, "restoreRate": 50}}}})
FAULTS = {"stripe": [LIMITED, (500, {}, b"oops")], "github": [(403, {"Retry-After": "1"}, {"message": "secondary rate limit"}), (502, {}, b"<html>")],
          "twilio_sms": [LIMITED, (200, {}, b"not JSON")], "shopify": [THROTTLED, (503, {}, b"")], "telegram": []}


class Polled:
    """A provider with its source, its API and what it should have come to."""

    def __init__(self, posthorn, provider):
        self.posthorn, self.provider, self.api, self.wanted, self.dropped = posthorn, provider, Api(provider), [], 0
        self.known = {}  # What the events mean, by their ids.
        self.source = posthorn.call("POST", "/v1/sources", {"provider": provider.name, "name": provider.name, "config": provider.config, "poll": {
            **provider.poll, "interval_seconds": INTERVAL, "base_url": self.api.url}})
        provider.url = self.source["ingest_url"]

    def send(self, number, drop):
        with self.api.lock:
            key, body, headers = self.provider.make(number)
            if drop:
                self.provider.lost(key, body)
        self.wanted.append(key)
        if body is None:
            return 200
        if drop:
            self.dropped += 1
            return 200
        connection = http.client.HTTPConnection("127.0.0.1", self.posthorn.port, timeout=30)
        connection.request("POST", urllib.parse.urlsplit(self.provider.url).path, body, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def state(self):
        return self.posthorn.call("GET", f"/v1/sources/{self.source['id']}")["polling"]

    def effects(self):
        for event in self.posthorn.pages("/v1/events?limit=100"):
            if event["id"] not in self.known and event["type"].startswith(self.provider.name + "."):
                self.known[event["id"]] = self.provider.effect(self.posthorn.call("GET", "/v1/events/" + event["id"]))
        return collections.Counter(self.known.values())


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--seed", type=int, default=None)
    arguments.add_argument("--count", type=int, default=60)
    given = arguments.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    chance, checks = random.Random(seed), Checks()
    with Posthorn(given.binary) as posthorn:
        all_polled = [Polled(posthorn, make()) for make in (Stripe, GitHub, Twilio, Shopify, Telegram)]
        for polled in all_polled:
            name = polled.provider.name
            shown = polled.source["poll"]
            secret = [value for key, value in polled.provider.poll.items() if key in ("api_key", "token", "access_token", "bot_token")]
            checks.check(f"{name}: no secret is shown", all(text not in json.dumps(shown) for text in secret), shown)
        telegram = all_polled[-1]
        wait_until(lambda: (telegram.state() or {}).get("last_error"), 20, "Telegram's conflict")
        checks.check("telegram: health says that a webhook is set", "webhook" in telegram.state()["last_error"], telegram.state())
        # The first look of each is over, and found nothing.
        for polled in all_polled[:-1]:
            wait_until(lambda: (polled.state() or {}).get("last_polled_at"), 20, polled.provider.name + " is polled")
        with telegram.api.lock:
            telegram.provider.has_webhook = False
        for number in range(1, given.count + 1):
            for polled in all_polled:
                status = polled.send(number, chance.random() < 0.2)
                checks.check(f"{polled.provider.name}: webhook {number} is taken", status == 200, status)
        for polled in all_polled:
            with polled.api.lock:
                polled.api.faults = list(FAULTS[polled.provider.name])
        # Killed wherever it stands, once pages are being read.
        asked = {polled.provider.name: polled.api.asked for polled in all_polled}
        wait_until(lambda: any(polled.api.asked > asked[polled.provider.name] + 3 for polled in all_polled), 30, "a look")
        posthorn.kill()
        posthorn.start()
        for polled in all_polled:
            name = polled.provider.name
            try:
                wait_until(lambda: len(polled.effects()) >= len(polled.wanted), 90, name + ": everything")
            except AssertionError as error:
                print(error, polled.state())
        # Two more looks find everything again, and keep none of it.
        asked = {polled.provider.name: polled.api.asked for polled in all_polled}
        for polled in all_polled:
            wait_until(lambda: polled.api.asked >= asked[polled.provider.name] + 2, 60, "two more questions")
        for polled in all_polled:
            name, effects = polled.provider.name, polled.effects()
            missing = [key for key in polled.wanted if not effects[key]]
            double = {key: count for key, count in effects.items() if count > 1}
            checks.check(f"{name}: none is missing", not missing, missing)
            checks.check(f"{name}: none is double", not double, double)
            checks.equal(f"{name}: and nothing else", len(effects), len(polled.wanted))
            rows = list(posthorn.pages(f"/v1/requests?source_id={polled.source['id']}"))
            origins = collections.Counter(one["origin"] for one in rows)
            wait_until(lambda: not polled.state()["last_error"], 30, name + " is well again")
            checks.check(f"{name}: it is polled and well", polled.state()["last_polled_at"] and not polled.state()["behind"], polled.state())
            checks.equal(f"{name}: one row for each", sum(one["state"] != "duplicate" for one in rows), len(polled.wanted))
            checks.check(f"{name}: what is found again leaves no row", not any(one["origin"] == "poll" and one["state"] == "duplicate" for one in rows))
            if name != "telegram":
                checks.check(f"{name}: webhooks were dropped", polled.dropped > 0)
                checks.check(f"{name}: the poll brought what was dropped", origins["poll"] >= polled.dropped, origins)
            explained = posthorn.call("GET", f"/v1/requests/{next(one['id'] for one in rows if one['origin'] == 'poll')}/explain")
            checks.check(f"{name}: what was polled is explained as that", "polling" in explained["now_unknown_because"] and not explained["likely_mistakes"],
                         explained)
            print(f"{name}: {len(polled.wanted)} events, {polled.dropped} webhooks dropped, {origins['poll']} found by polling, {polled.api.asked} questions")
        # Settings are checked with all their faults.
        status, _, problem = posthorn.request("POST", "/v1/sources", {"provider": "stripe", "name": "x", "config": Stripe.config, "poll": {
            "interval_seconds": 1, "base_url": "nonsense", "key": "x"}})
        checks.equal("wrong settings are a 422", status, 422)
        checks.equal("with every fault", len(problem["errors"]), 4)
    checks.finish()


if __name__ == "__main__":
    main()
