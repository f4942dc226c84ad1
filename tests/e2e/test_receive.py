#!/usr/bin/env python3
"""Every provider, as its users meet it: source by the command line, instructions, a signed call, its event, a forged call, its explanation.

usage: test_receive.py BINARY
"""
import base64
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import urllib.parse

from harness import ADMIN_KEY, Checks, Posthorn, binary_argument, free_port, wait_until
from receiving import Sources, configs, wrong_config

checks = Checks()
BINARY = os.path.abspath(binary_argument())

STRIPE = {"signing_secret": "whsec_end_to_end_0001"}


def settled(sources, request):
    """The request once it is worked on."""
    return wait_until(lambda: (row := sources.posthorn.call("GET", "/v1/requests/" + request))["state"] != "received" and row, 15, request + " worked on")


def every_provider(posthorn, sources, folder):
    providers = {one["name"]: one for one in posthorn.pages("/v1/providers")}
    wanted = configs(folder)
    checks.equal("every provider has settings here", sorted(wanted), sorted(providers))
    for name, provider in sorted(providers.items()):
        try:
            one_provider(posthorn, sources, provider, wanted[name], folder)
        except (AssertionError, KeyError, IndexError, TypeError, OSError, ValueError) as problem:
            checks.check(name, False, f"{type(problem).__name__}: {problem}"[:600])


def one_provider(posthorn, sources, provider, config, folder):
    name = provider["name"]
    config = {key: value for key, value in config.items() if key != "certs"}
    source = sources.create(name, config)
    code, text, _ = posthorn.cli("sources", "instructions", source["id"])
    checks.check(f"{name}: instructions have the address", code == 0 and source["ingest_url"] in text, text[:200])
    secrets = [one for key in ("secret", "signing_secret", "auth_token", "app_secret") for one in [config.get(key)] if isinstance(one, str)]
    checks.check(f"{name}: and no secret", not any(one in text for one in secrets))
    shown = json.dumps(posthorn.call("GET", "/v1/sources/" + source["id"]))
    checks.check(f"{name}: nor is one shown", not any(one in shown for one in secrets))

    if name == "ses_sns":
        code, _, errors = posthorn.cli("trigger", name, "--to-source", source["id"])
        checks.check("ses_sns: only Amazon can sign, and trigger says so", code == 2 and "private_key" in errors, f"{code} {errors}")
    else:
        answer = sources.run("trigger", name, "--to-source", source["id"])
        row = answer["request"]
        if checks.check(f"{name}: a signed call is accepted", answer["accepted"] and row["state"] == "processed" and row["events"], json.dumps(answer)[:500]):
            event = posthorn.call("GET", "/v1/events/" + row["events"][0])
            checks.check(f"{name}: its event is named after it", event["type"].startswith(name + "."), event["type"])
            checks.check(f"{name}: and has a kind and a link to the request", event["data"]["kind"] and row["id"] in json.dumps(event["data"]), json.dumps(event)[:400])
            checks.equal(f"{name}: its actor is the source", event["actor"], "source:" + source["id"])
        others = {sample: posthorn.call("POST", f"/v1/sources/{source['id']}/trigger", {"event": sample}) for sample in provider["samples"][1:]}
        ends = {sample: settled(sources, other["request"]["id"])["state"] for sample, other in others.items()}
        checks.check(f"{name}: so is every other sample", all(other["accepted"] for other in others.values()) and set(ends.values()) <= {"processed", "answered"}, ends)
        call = sources.signed(name, config, source["ingest_url"])
        status, _, body = call.send(posthorn.port)
        checks.check(f"{name}: so is one from outside", status < 400, f"{status} {body[:200]}")
        first = settled(sources, sources.newest(source)["id"])
        status, _, again = call.send(posthorn.port)
        checks.equal(f"{name}: sent again it is answered the same", (status < 400, again), (True, body))
        settled(sources, sources.newest(source)["id"])
        rows = sources.requests("source_id=" + source["id"])
        if name != "open":
            checks.equal(f"{name}: and is a duplicate, or makes nothing new", (len(rows), rows[0]["duplicate_of"] == first["id"] or rows[0]["events_new"] == 0), (3 + len(others), True))
    refused_when_forged(posthorn, sources, source, provider, config, folder)


def refused_when_forged(posthorn, sources, source, provider, config, folder):
    name = provider["name"]
    if name == "open":
        return
    if name == "web_form":
        call = sources.signed(name, config, source["ingest_url"])
        call.headers["Origin"] = "https://evil.example"
        status, _, body = call.send(posthorn.port)
    elif name == "ses_sns":
        envelope = {"Type": "Notification", "MessageId": "1", "TopicArn": config["topic_arns"][0], "Message": "{}", "Timestamp": "2026-01-01T00:00:00.000Z",
                    "SignatureVersion": "2", "Signature": "AAAA", "SigningCertURL": "https://evil.example/SimpleNotificationService-0.pem"}
        status, _, body = raw_post(posthorn.port, source["ingest_url"], json.dumps(envelope).encode(), {"Content-Type": "text/plain"})
    else:
        wrong = wrong_config(config, provider["fields"], folder)
        if not checks.check(f"{name}: has a secret to be wrong about", wrong):
            return
        status, _, body = sources.signed(name, wrong, source["ingest_url"]).send(posthorn.port)
    checks.check(f"{name}: a forged call is refused", status in (401, 403), f"{status} {body[:300]}")
    row = sources.newest(source)
    checks.equal(f"{name}: and kept as refused", (row["state"], row["events"]), ("refused", []))
    code, text, _ = posthorn.cli("requests", "explain", row["id"])
    checks.check(f"{name}: explain shows the step that failed", code == 0 and "FAIL" in text, text)


def raw_post(port, url, body, headers=None, method="POST", host="127.0.0.1"):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(host, port, timeout=30)
    connection.request(method, parts.path + ("?" + parts.query if parts.query else ""), body, headers or {})
    answer = connection.getresponse()
    result = answer.status, answer.headers, answer.read()
    connection.close()
    return result


def mistakes_are_named(posthorn, sources):
    live = sources.create("stripe", {"signing_secret": "whsec_of_the_live_mode_1"}, "--name", "live")
    test = sources.create("stripe", {"signing_secret": "whsec_of_the_test_mode_2"}, "--name", "test mode")
    sources.signed("stripe", {"signing_secret": "whsec_of_the_live_mode_1"}, test["ingest_url"]).send(posthorn.port)
    refused = sources.newest(test)
    told = sources.run("requests", "explain", refused["id"])
    checks.check("the secret of another source is named", [one["code"] for one in told["likely_mistakes"]][:1] == ["secret_of_other_source"] and
                 "live" in told["likely_mistakes"][0]["sentence"], told["likely_mistakes"])
    call = sources.signed("stripe", {"signing_secret": "whsec_of_the_live_mode_1"}, live["ingest_url"])
    call.send(posthorn.port, json.dumps(json.loads(call.body), indent=3).encode())
    told = sources.run("requests", "explain", sources.newest(live)["id"])
    checks.check("a body that was written anew does not verify", told["now"]["verified"] is False, told)
    sources.run("requests", "replay", refused["id"], wanted=6)
    code, _, _ = posthorn.cli("sources", "update", test["id"], "--set", "signing_secret=-", text="whsec_of_the_live_mode_1\n")
    checks.equal("the right secret by standard input", code, 0)
    sources.run("requests", "replay", refused["id"])
    checks.equal("with it the refused one goes on", settled(sources, refused["id"])["state"], "processed")


def replays(posthorn, sources):
    source = sources.create("stripe", STRIPE)
    first = sources.run("trigger", "stripe", "charge.refunded", "--to-source", source["id"])["request"]
    sources.run("requests", "replay", first["id"])
    row = settled(sources, first["id"])
    checks.equal("a replay makes nothing twice", (row["events"], row["events_new"]), (first["events"], 0))
    sources.run("requests", "replay", first["id"], "--force")
    row = settled(sources, first["id"])
    checks.check("a forced one makes it anew", row["events_new"] == 1 and row["events"] != first["events"], row)
    second = sources.run("trigger", "stripe", "--to-source", source["id"])["request"]
    answers = sources.run("requests", "replay", first["id"], second["id"])
    checks.equal("many by id, with an answer for each", [one["status"] for one in answers], [202, 202])
    for one in (first, second):
        settled(sources, one["id"])
    code, out, _ = posthorn.cli("requests", "replay", first["id"], "req_00000000zzzzz", "--json")
    checks.equal("and told apart", (code, len(out.splitlines())), (9, 2))
    settled(sources, first["id"])
    job = sources.run("requests", "replay", "--source", source["id"], "--state", "processed", "--dry-run")
    checks.equal("by filter: counted", job["total"], 2)
    job = sources.run("requests", "replay", "--source", source["id"], "--state", "processed", "--wait", "--yes", "--rate", "1000")
    checks.equal("by filter: as a job that ends", (job["status"], job["replayed"]), ("completed", 2))
    code, _, _ = posthorn.cli("requests", "replay")
    checks.equal("never everything by mistake", code, 2)


def rotation(posthorn, sources):
    old, new = {"secret": "github-old-secret-0001"}, {"secret": "github-new-secret-0002"}
    source = sources.create("github", old)
    code, _, errors = posthorn.cli("sources", "rotate-secret", source["id"], "--value", new["secret"])
    checks.check("a secret is not taken as an argument", code == 2 and "@file" in errors, errors)
    shown = sources.run("sources", "rotate-secret", source["id"], "--value", "-", "--overlap-seconds", "3600", text=new["secret"] + "\n")
    checks.equal("the old one is shown as such", [one["field"] for one in shown["previous_secrets"]], ["secret"])
    for config, which in ((old, "the old"), (new, "the new")):
        checks.equal(f"during the overlap {which} secret verifies", sources.signed("github", config, source["ingest_url"]).send(posthorn.port)[0], 200)
    third = {"secret": "github-third-secret-0003"}
    sources.run("sources", "rotate-secret", source["id"], "--value", "-", "--overlap-seconds", "0", text=third["secret"])
    call = sources.signed("github", old, source["ingest_url"])
    checks.equal("without an overlap it ends at once", call.send(posthorn.port)[0], 401)
    told = sources.run("requests", "explain", sources.newest(source)["id"])
    checks.check("which is kept, and explained by the old secret", told["state"] == "refused" and "old_secret" in [one["code"] for one in told["likely_mistakes"]], told)
    checks.equal("while the newest verifies", sources.signed("github", third, source["ingest_url"]).send(posthorn.port)[0], 200)


def pause_and_resume(posthorn, sources):
    source = sources.create("stripe", STRIPE)
    checks.equal("paused", sources.run("sources", "pause", source["id"])["paused"], True)
    answer = sources.run("trigger", "stripe", "--to-source", source["id"], "--no-wait")
    checks.equal("a paused source answers and keeps", (answer["accepted"], answer["request"]["state"]), (True, "received"))
    checks.equal("and says that it waits", posthorn.call("GET", "/v1/sources/" + source["id"])["activity"]["waiting"], 1)
    told = posthorn.call("GET", "/v1/requests/" + answer["request"]["id"])
    checks.check("in words", "paused" in told["state_in_words"], told["state_in_words"])
    sources.run("sources", "resume", source["id"])
    checks.equal("and works on it when it goes on", settled(sources, answer["request"]["id"])["state"], "processed")


def forwarding(posthorn, sources):
    source = sources.create("shopify", {"client_secrets": ["shpss_end_to_end_0001"]})
    made = posthorn.call("POST", "/v1/bins", {"name": "forwarded", "verify_secret": "forward-secret-0001"})
    posthorn.call("POST", "/v1/endpoints", {"url": made["endpoint_url"], "event_types": ["shopify.*"], "secret": "forward-secret-0001"})
    answer = sources.run("trigger", "shopify", "--to-source", source["id"])
    capture = wait_until(lambda: list(posthorn.pages(f"/v1/bins/{made['id']}/requests")), 15, "the forwarded event")[0]
    checks.equal("forwarded to an endpoint, signed", (capture["signatures"]["x_webhook_signature"], capture["signatures"]["webhook_signature"]), ("valid", "valid"))
    envelope = json.loads(posthorn.call("GET", f"/v1/bins/{made['id']}/requests/{capture['id']}")["body"])
    checks.check("as its event", envelope["id"] in answer["request"]["events"] and envelope["type"].startswith("shopify."), envelope)


def replies(posthorn, sources):
    twilio = sources.create("twilio_sms", {"auth_token": "0123456789abcdef0123456789abcdef"})
    call = sources.signed("twilio_sms", {"auth_token": "0123456789abcdef0123456789abcdef"}, twilio["ingest_url"])
    status, headers, body = call.send(posthorn.port)
    checks.check("Twilio gets TwiML", status == 200 and "xml" in headers["Content-Type"] and b"<Response" in body, f"{headers['Content-Type']} {body}")
    meta = sources.create("meta_whatsapp", {"app_secret": "0123456789abcdef0123456789abcdef", "verify_token": "end-to-end-token"})
    asked = meta["ingest_url"] + "?hub.mode=subscribe&hub.verify_token={}&hub.challenge=1158201444"
    status, headers, body = raw_post(posthorn.port, asked.format("end-to-end-token"), None, method="GET")
    checks.equal("Meta's handshake is answered", (status, body), (200, b"1158201444"))
    checks.check("as text that no browser guesses at", headers["Content-Type"].startswith("text/plain") and headers["X-Content-Type-Options"] == "nosniff", dict(headers))
    checks.equal("with the wrong token it is not", raw_post(posthorn.port, asked.format("wrong"), None, method="GET")[0] // 100, 4)
    checks.equal("handshakes are kept", sorted(one["state"] for one in sources.requests("source_id=" + meta["id"])), ["answered", "refused"])
    slack = sources.create("slack", {"signing_secret": "0123456789abcdef0123456789abcdef"})
    hello = json.dumps({"token": "x", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", "type": "url_verification"})
    answer = sources.run("trigger", "slack", "--to-source", slack["id"], "--body", hello)
    checks.check("Slack's handshake is answered", "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P" in answer["answered"]["body"], answer)
    checks.equal("and makes no event", (answer["request"]["state"], answer["request"]["events"]), ("answered", []))
    vonage = sources.create("vonage", {"scheme": "jwt", "signature_secret": "0123456789abcdef0123456789abcdef"})
    call = sources.signed("vonage", {"scheme": "jwt", "signature_secret": "0123456789abcdef0123456789abcdef"}, vonage["ingest_url"])
    del call.headers["Authorization"]
    status, _, _ = call.send(posthorn.port)
    checks.equal("an unsigned call of Vonage's is asked for again", status, 503)
    mailgun = sources.create("mailgun", {"signing_key": "mailgun-key-0001"})
    call = sources.signed("mailgun", {"signing_key": "mailgun-key-0001"}, mailgun["ingest_url"])
    checks.equal("Mailgun's token is taken once", call.send(posthorn.port)[0], 200)
    checks.equal("with another body it must stop", call.send(posthorn.port, call.body + b" ")[0], 406)
    standard = sources.create("standard_webhooks", {"secret": "whsec_" + base64.b64encode(b"end-to-end-secret-24-byte").decode()})
    status, headers, _ = raw_post(posthorn.port, standard["ingest_url"], None, {"WebHook-Request-Origin": "eventemitter.example.com"}, method="OPTIONS")
    if status == 405:
        checks.equal("a preflight where there is none is refused", headers["Allow"], "POST")
    else:
        checks.equal("CloudEvents' handshake is answered", headers["WebHook-Allowed-Origin"], "eventemitter.example.com")


def bad_calls(posthorn, sources):
    source = sources.create("stripe", STRIPE)
    unknown = [raw_post(posthorn.port, path, b"{}") for path in ("http://x/in/nothing", "http://x/in/" + "a" * 26, "http://x/in/")]
    checks.equal("unknown slugs all get the same 404", {(status, body) for status, _, body in unknown}, {(404, unknown[0][2])})
    suffixed = raw_post(posthorn.port, source["ingest_url"] + "/more/path?x=1", b"{}")[0]
    checks.equal("a suffix belongs to the source", suffixed, 401)
    big = b'{"x":"' + b"x" * (1 << 20) + b'"}'
    checks.equal("a body over the cap is refused before it is read", raw_head(posthorn.port, source["ingest_url"], len(big)), 413)
    checks.equal("so is a coded one", raw_post(posthorn.port, source["ingest_url"], b"x", {"Content-Encoding": "gzip"})[0], 415)
    answer = sources.run("trigger", "stripe", "--to-source", source["id"], "--body", "this is no JSON")
    checks.equal("what verifies and cannot be read is kept", (answer["accepted"], answer["request"]["state"]), (True, "unparsed"))
    answer = sources.run("trigger", "stripe", "--to-source", source["id"], "--body", '{"id": 7, "type": "charge.refunded"}')
    checks.equal("so is what lacks its fields", (answer["accepted"], answer["request"]["state"]), (True, "invalid"))
    status, _, problem = posthorn.request("POST", "/v1/sources", {"provider": "strip", "name": "x", "config": {}, "public_url": "nonsense"})
    checks.check("all faults of a source at once", status == 422 and {"/provider", "/public_url"} <= {one["pointer"] for one in problem["errors"]}, problem)
    code, _, errors = posthorn.cli("sources", "create", "strip")
    checks.check("the nearest provider is named", code == 2 and "stripe" in errors, errors)
    code, _, errors = posthorn.cli("sources", "create", "stripe", "--set", "signing_secre=@/dev/null")
    checks.check("the nearest setting is named", code == 2 and "signing_secret" in errors, errors)


def raw_head(port, url, length):
    """The status of the answer to a head whose body never comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=15) as peer:
        path = urllib.parse.urlsplit(url).path
        peer.sendall(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {length}\r\n\r\n".encode())
        return int(peer.recv(4096).split()[1])


def command_line(posthorn, sources, folder):
    source = sources.create("stripe", STRIPE, "--name", "Payments", "--rate-per-minute", "600", "--key", "/object_id")
    shown = sources.run("sources", "get", source["id"])
    checks.equal("settings by options", (shown["name"], shown["rate_per_minute"], shown["key"]), ("Payments", 600, "/object_id"))
    changed = sources.run("sources", "update", "--set", "tolerance_s=60", source["id"], "--description", "live")
    checks.equal("changed by options", (changed["config"]["tolerance_s"], changed["description"]), (60, "live"))
    changed = sources.run("sources", "update", source["id"], "--unset", "tolerance_s")
    checks.check("unset", "tolerance_s" not in changed["config"], changed["config"])
    changed = sources.run("sources", "update", source["id"], "--poll", "api_key=-", "--poll", "types=charge.refunded", "--poll", "interval_seconds=86400", text="rk_live_end_to_end_0001")
    checks.check("the backstop's settings, its key masked", changed["poll"]["interval_seconds"] == 86400 and "rk_live_end_to_end_0001" not in json.dumps(changed), changed["poll"])
    checks.equal("and without one", sources.run("sources", "update", source["id"], "--no-poll")["poll"], None)
    password = os.path.join(folder, "password.txt")
    with open(password, "w", encoding="utf-8") as file:
        file.write("inbound-password-0001\n")
    mail = sources.run("sources", "create", "sendgrid_inbound", "--set", f"basic_auth=inbound:@{password}")
    checks.equal("credentials from a file", mail["config"]["basic_auth"]["username"], "inbound")
    answer = sources.run("trigger", "--to-source", source["id"], "--count", "3")
    checks.equal("several at once", [one["accepted"] for one in answer], [True] * 3)
    code, out, _ = posthorn.cli("sources", "list", "--provider", "stripe")
    checks.check("listed in a table", code == 0 and source["id"] in out and "RECEIVED" in out, out)
    code, out, _ = posthorn.cli("providers", "get", "stripe")
    checks.check("a provider's settings and samples", code == 0 and "signing_secret" in out and "charge.refunded" in out, out)
    checks.check("every sample", "stripe" in posthorn.cli("trigger", "--list")[1])
    row = sources.newest(source)
    code, body, _ = posthorn.cli("requests", "get", row["id"], "--body")
    checks.equal("the raw body", (code, len(body.encode())), (0, row["body_bytes"]))
    code, out, _ = posthorn.cli("requests", "get", row["id"])
    checks.check("a request as it came", code == 0 and "Stripe-Signature: t=" in out and body in out, out)
    code, out, _ = posthorn.cli("requests", "list", "--source", source["id"], "--state", "processed")
    checks.check("requests in a table", code == 0 and row["id"] in out, out)
    for unknown in (("sources", "get", "src_00000000zzzzz"), ("requests", "get", "req_00000000zzzzz"), ("trigger", "--to-source", "src_00000000zzzzz")):
        checks.equal(" ".join(unknown[:2]) + ": nothing there", posthorn.cli(*unknown)[0], 4)
    checks.equal("deleted", posthorn.cli("sources", "delete", source["id"], "--yes")[0], 0)
    checks.equal("then its address is unknown", raw_post(posthorn.port, source["ingest_url"], b"{}")[0], 404)
    checks.check("what it received stays", sources.requests("source_id=" + source["id"]))
    completion = posthorn.cli("completion", "bash")[1]
    checks.check("completion knows the commands", "rotate-secret" in completion and "--to-source" in completion)


def offline(posthorn, sources, folder):
    printed = json.dumps({**sources.run("trigger", "stripe", "--to-url", "http://127.0.0.1:1/in/x", "--print", "--config", sources.config_file(STRIPE))})
    case = os.path.join(folder, "case.json")
    with open(case, "w", encoding="utf-8") as file:
        file.write(printed)
    config = sources.config_file(STRIPE)
    told = sources.run("verify", "--case", case, "--config", config)
    checks.check("verify --case of a provider", told["verified"] and told["events"][0]["type"].startswith("stripe."), told)
    wrong = sources.config_file({"signing_secret": STRIPE["signing_secret"] + " "})
    told = sources.run("verify", "--case", case, "--config", wrong, wanted=8)
    checks.check("a space behind the secret is named", told["likely_mistakes"], told)
    request = json.loads(printed)["request"]
    body = os.path.join(folder, "body")
    with open(body, "wb") as file:
        file.write(base64.b64decode(request["body_base64"]))
    headers = [part for name, value in request["headers"].items() for part in ("--header", f"{name}: {value}")]
    told = sources.run("verify", "--provider", "stripe", "--config", config, "--body", "@" + body, *headers)
    checks.check("verify by flags", told["verified"] and all(step["passed"] for step in told["steps"]), told)
    code, out, _ = posthorn.cli("verify", "--provider", "stripe", "--config", wrong, "--body", "@" + body, *headers)
    checks.check("and for people", code == 8 and "FAIL" in out and "NOT VERIFIED" in out, out)
    checks.equal("settings that are missing", posthorn.cli("verify", "--provider", "stripe", "--body", "x")[0], 2)


def tailed(sources_of):
    """Live, and over a kill: what was received meanwhile is shown when the server is there again."""
    with Posthorn(BINARY, dev=False, port=free_port()) as posthorn:
        sources = sources_of(posthorn)
        source, other = sources.create("stripe", STRIPE), sources.create("github", {"secret": "github-secret-0001"})
        run = subprocess.Popen([BINARY, "requests", "tail", "--source", source["id"], "--state", "processed", "--json"], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "POSTHORN_URL": f"http://127.0.0.1:{posthorn.port}", "POSTHORN_KEY": ADMIN_KEY})
        rows = []
        reader = threading.Thread(target=lambda: rows.extend(json.loads(line) for line in run.stdout), daemon=True)
        reader.start()
        try:
            sources.run("trigger", "github", "--to-source", other["id"])
            # What comes before the stream is open is not shown: called until something is.
            wait_until(lambda: sources.run("trigger", "stripe", "--to-source", source["id"]) and rows, 30, "the first row")
            posthorn.kill()
            posthorn.start()
            later = sources.run("trigger", "stripe", "--to-source", source["id"])["request"]["id"]
            wait_until(lambda: later in [row["id"] for row in rows], 30, "what came after the kill")
        finally:
            run.kill()
            run.wait()
        checks.check("tail shows what comes, of one source, also over a kill", {row["source_id"] for row in rows} == {source["id"]}, rows)
        checks.equal("none twice", len({row["id"] for row in rows}), len(rows))


def readme(sources_of, folder):
    """The commands of README's part on receiving, one after the other; `src_...` is the source that was made, `req_...` its last request."""
    text = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "README.md"), encoding="utf-8").read()
    commands = re.search(r"### Receiving\n.*?```\n(.*?)```", text, re.S).group(1).splitlines()
    checks.check("README has commands for receiving", len(commands) > 5, commands)
    with Posthorn(BINARY, dev=False) as posthorn:
        sources = sources_of(posthorn)
        for command in commands:
            made = sources.run("sources", "list") if "src_..." in command else None
            if made:
                command = command.replace("src_...", made["id"])
            if "req_..." in command:
                command = command.replace("req_...", posthorn.call("GET", "/v1/requests?limit=1")["data"][0]["id"])
            run = subprocess.run(["bash", "-c", f"posthorn() {{ '{BINARY}' \"$@\"; }}\n" + command], cwd=folder, capture_output=True, text=True, timeout=60,
                                 env={**os.environ, "POSTHORN_URL": f"http://127.0.0.1:{posthorn.port}", "POSTHORN_KEY": ADMIN_KEY})
            checks.check("README: " + command, run.returncode == 0, run.stdout + run.stderr)


def plain_http(sources_of):
    """Over plain http only loopback is trusted."""
    address = own_address()
    if address is None:
        checks.skip("plain http from another address", "this machine has no address but loopback")
        return
    with Posthorn(BINARY, dev=False, host="0.0.0.0") as posthorn:
        sources = sources_of(posthorn)
        source = sources.create("stripe", STRIPE)
        call = sources.signed("stripe", STRIPE, source["ingest_url"])
        checks.equal("plain http from another address is refused", call.send(posthorn.port, host=address)[0], 403)
        told = sources.run("requests", "explain", sources.newest(source)["id"])
        checks.check("kept and explained", told["state"] == "refused" and "https" in json.dumps(told["at_receipt"]), told)
        checks.equal("what a stranger says about https counts for nothing", call.send(posthorn.port, headers={"X-Forwarded-Proto": "https"}, host=address)[0], 403)
    with Posthorn(BINARY, dev=False, host="0.0.0.0", environment={"POSTHORN_TRUSTED_PROXIES": address + "/32"}) as posthorn:
        sources = sources_of(posthorn)
        source = sources.create("stripe", STRIPE)
        call = sources.signed("stripe", STRIPE, source["ingest_url"])
        checks.equal("what a trusted proxy says does", call.send(posthorn.port, headers={"X-Forwarded-Proto": "https"}, host=address)[0], 200)
        checks.equal("also that it was plain", call.send(posthorn.port, headers={"X-Forwarded-Proto": "http"}, host=address)[0], 403)


def own_address():
    """An address of this machine that is not loopback; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
        return None if address.startswith("127.") else address


def main():
    folder = tempfile.mkdtemp(prefix="posthorn-receive-")
    try:
        with Posthorn(BINARY, dev=False) as posthorn:
            sources = Sources(posthorn, folder)
            scenarios = {
                "every provider": lambda: every_provider(posthorn, sources, folder), "mistakes": lambda: mistakes_are_named(posthorn, sources),
                "replays": lambda: replays(posthorn, sources), "rotation": lambda: rotation(posthorn, sources),
                "pause": lambda: pause_and_resume(posthorn, sources), "forwarding": lambda: forwarding(posthorn, sources),
                "replies": lambda: replies(posthorn, sources), "bad calls": lambda: bad_calls(posthorn, sources),
                "command line": lambda: command_line(posthorn, sources, folder), "offline": lambda: offline(posthorn, sources, folder),
                "tail": lambda: tailed(lambda other: Sources(other, folder)), "readme": lambda: readme(lambda other: Sources(other, folder), folder), "plain http": lambda: plain_http(lambda other: Sources(other, folder))}
            for name, scenario in scenarios.items():
                try:
                    scenario()
                except (AssertionError, KeyError, IndexError, TypeError, OSError, ValueError) as problem:
                    checks.check(name, False, f"{type(problem).__name__}: {problem}"[:800])
            checks.equal("a clean stop", posthorn.stop(), 0)
            checks.equal("fsck holds", posthorn.cli("fsck", "--data", posthorn.data)[0], 0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    checks.finish()


main()
