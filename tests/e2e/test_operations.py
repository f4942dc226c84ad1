#!/usr/bin/env python3
"""Running the real program: configuration, TLS, backup, a second process, streams, the command line."""
import base64
import http.client
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import time
import urllib.request

from harness import ADMIN_KEY, Checks, Posthorn, Receiver, binary_argument, body_signature, free_port, make_certificate, wait_until

checks = Checks()
BINARY = os.path.abspath(binary_argument())


def bare(*arguments, environment=None, text=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("POSTHORN_")}
    run = subprocess.run([BINARY, *arguments], input=text, capture_output=True, text=True, timeout=120, env=dict(clean, **(environment or {})))
    return run.returncode, run.stdout, run.stderr


def configuration():
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "posthorn.toml")
    with open(path, "w") as file:
        file.write('[delivery]\nin_flight = 0\n[tls]\ncertificat = "x"\n[log]\nlevel = "loud"\n')
    code, _, errors = bare("serve", "--config", path, "--data", folder)
    checks.equal("wrong configuration: exit 2", code, 2)
    checks.check("every fault at once", all(word in errors for word in ("delivery.in_flight", "tls.certificat", "log.level")), errors)
    checks.check("the nearest name is suggested", "tls.certificate" in errors, errors)
    code, _, errors = bare("serve", "--data", folder, environment={"POSTHORN_DELIVERY__INFLIGHT": "5"})
    checks.equal("an unknown variable: exit 2", code, 2)
    code, _, errors = bare("serve", "--no-such-flag")
    checks.equal("an unknown flag: exit 2", code, 2)
    code, _, _ = bare("no-such-command")
    checks.equal("an unknown command: exit 2", code, 2)
    shutil.rmtree(folder)


def one_process_a_folder():
    with Posthorn(BINARY) as posthorn:
        code, _, errors = bare("serve", "--data", posthorn.data, "--listen", "127.0.0.1:0")
        checks.equal("a second process on the folder ends with 3", code, 3)
        checks.check("and says why", "use" in errors, errors)


def once_with_demo():
    folder = tempfile.mkdtemp()
    code, out, errors = bare("serve", "--data", folder, "--listen", "127.0.0.1:0", "--demo", "--once")
    checks.equal("serve --demo --once ends with 0", code, 0)
    checks.check("the demo shows both signatures", "X-Webhook-Signature ok" in out and "webhook-signature ok" in out, out + errors)
    checks.check("a key is made and shown", "phk_" in out, out)
    code, out, _ = bare("serve", "--data", folder, "--listen", "127.0.0.1:0", "--demo", "--once")
    checks.equal("a second time too", code, 0)
    checks.check("the key is shown only once", "phk_" not in out, out)
    shutil.rmtree(folder)


def https_listener():
    folder = tempfile.mkdtemp()
    certificate, key = make_certificate(folder)
    port = free_port()
    with Posthorn(BINARY, environment={"POSTHORN_TLS__LISTEN": f"127.0.0.1:{port}", "POSTHORN_TLS__CERTIFICATE": certificate, "POSTHORN_TLS__KEY": key}):
        def get(trusted):
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=ssl.create_default_context(cafile=trusted))
            connection.request("GET", "/healthz")
            return connection.getresponse().status

        checks.equal("https answers", get(certificate), 200)
        old = os.path.join(folder, "old.pem")
        shutil.copy(certificate, old)
        make_certificate(folder)

        def reloaded():
            try:
                return get(certificate) == 200
            except ssl.SSLError:
                return False

        wait_until(reloaded, 20, "the new certificate")
        try:
            get(old)
            checks.check("the old certificate is gone", False)
        except ssl.SSLError:
            checks.check("the old certificate is gone", True)
    shutil.rmtree(folder)


def backup_and_restore():
    folder = tempfile.mkdtemp()
    target, copy = os.path.join(folder, "backup"), os.path.join(folder, "restored")
    with Receiver(answer=lambda seen: 500) as receiver:
        with Posthorn(BINARY) as posthorn:
            posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["*"], "retry": ["1h"]})
            event = posthorn.call("POST", "/v1/events", {"type": "backup.test", "data": {"n": 1}})
            receiver.wait(1)
            code, _, errors = bare("backup", "--data", posthorn.data, "--to", target)
            checks.equal("a backup while serving", code, 0)
            checks.check("without the key file", not os.path.exists(os.path.join(target, "keys")))
            checks.equal("it verifies", bare("restore", "--from", target, "--verify")[0], 0)
            checks.equal("it restores", bare("restore", "--from", target, "--data", copy)[0], 0)
            shutil.copy(os.path.join(posthorn.data, "keys"), os.path.join(copy, "keys"))
            posthorn.stop()
        count = receiver.count()
        restored = Posthorn(BINARY, data=copy)
        with restored:
            checks.equal("the event is there", restored.call("GET", "/v1/events/" + event["id"])["id"], event["id"])
            made = restored.call("POST", "/v1/events", {"type": "backup.later", "data": {}})
            time.sleep(1.5)  # Nothing can be waited for: what is shown is that nothing is sent.
            checks.equal("a restored server starts paused", receiver.count(), count)
            checks.equal("and stops cleanly", restored.stop(), 0)
        resumed = Posthorn(BINARY, data=copy, arguments=["--resume-from", "all"])
        with resumed:
            wait_until(lambda: receiver.count() > count, 20, "the deliveries after --resume-from all")
            checks.check("resumed", made["id"] in {seen.id for seen in receiver.received})
            resumed.stop()
        checks.equal("fsck", bare("fsck", "--data", copy)[0], 0)
        with open(os.path.join(target, "posthorn.db"), "r+b") as file:
            file.seek(5000)
            file.write(b"damage")
        checks.equal("a damaged backup is found", bare("restore", "--from", target, "--verify")[0], 1)
    shutil.rmtree(folder)


def drains():
    with Receiver(answer=lambda seen: (time.sleep(1), 200)[1]) as receiver, Posthorn(BINARY) as posthorn:
        posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["*"]})
        event = posthorn.call("POST", "/v1/events", {"type": "drain.test", "data": {}})
        receiver.wait(1)
        checks.equal("a stop lets the attempt end", posthorn.stop(), 0)
        posthorn.start()
        rows = list(posthorn.pages("/v1/deliveries?event_id=" + event["id"]))
        checks.equal("its result was recorded", rows[0]["status"], "succeeded")
        time.sleep(0.5)  # A repeat would come at once.
        checks.equal("and it is not sent again", receiver.count(), 1)


def streams():
    with Posthorn(BINARY) as posthorn:
        def read(last=None, count=2):
            connection = http.client.HTTPConnection("127.0.0.1", posthorn.port, timeout=20)
            headers = {"Authorization": "Bearer " + ADMIN_KEY, **({"Last-Event-ID": last} if last else {})}
            connection.request("GET", "/v1/stream?topics=events", headers=headers)
            answer = connection.getresponse()
            checks.equal("the stream's type", answer.headers["Content-Type"].split(";")[0], "text/event-stream")
            found, cursor = [], None
            while len(found) < count:
                line = answer.readline().decode().rstrip("\r\n")
                if line.startswith("id:"):
                    cursor = line[3:].strip()
                elif line.startswith("data:"):
                    found.append((cursor, json.loads(line[5:])))
            connection.close()
            return found

        first = posthorn.call("POST", "/v1/events", {"type": "stream.test", "data": {"n": 0}})
        import threading
        result = {}
        reader = threading.Thread(target=lambda: result.update(live=read(count=2)))
        reader.start()
        time.sleep(0.3)  # The reader must be connected before the live events.
        one = posthorn.call("POST", "/v1/events", {"type": "stream.test", "data": {"n": 1}})
        two = posthorn.call("POST", "/v1/events", {"type": "stream.test", "data": {"n": 2}})
        reader.join(20)
        live = result["live"]
        checks.equal("live events arrive in order", [row[1]["id"] for row in live], [one["id"], two["id"]])
        three = posthorn.call("POST", "/v1/events", {"type": "stream.test", "data": {"n": 3}})
        later = read(last=live[0][0], count=2)
        checks.equal("Last-Event-ID resumes from the log", [row[1]["id"] for row in later], [two["id"], three["id"]])
        checks.check("the event before is not repeated", first["id"] not in {row[1]["id"] for row in live + later})


def case_files(secret, seen, signature):
    """sign and verify from one JSON file; every fault of the file at once."""
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "request.json")

    def run(command, case):
        with open(path, "w") as file:
            json.dump(case, file)
        return bare(command, "--case", path)

    packed = base64.b64encode(seen.body).decode()
    headers = {name: value for name, value in seen.headers.items() if name.lower().startswith(("webhook-", "x-webhook-"))}
    request = {"method": "POST", "url": "https://receiver.example/hook", "headers": headers, "body_base64": packed}
    now = int(seen.headers["webhook-timestamp"])
    case = {"name": "a delivery", "secret": secret, "now": now, "request": request}
    code, out, errors = run("verify", case)
    checks.check("verify --case: good", code == 0 and "verified" in out, out + errors)
    checks.equal("verify --case: too old is 8", run("verify", {**case, "now": now + 301})[0], 8)
    checks.equal("verify --case: another body is 8", run("verify", {**case, "request": {**request, "body_base64": packed[:-4]}})[0], 8)
    code, out, errors = run("sign", {"secret": secret, "id": seen.id, "now": now, "request": {"body_base64": packed}})
    checks.check("sign --case", code == 0 and signature in out and seen.headers["webhook-signature"].split()[0] in out, out + errors)
    plain = run("sign", {"secret": secret, "id": seen.id, "now": now, "request": {"body": seen.body.decode()}})
    checks.equal("sign --case with the body as text", plain[1], out)
    code, _, errors = run("verify", {"secret": 1, "now": "soon", "colour": "red", "request": {"headers": {"a": 1}, "body_base64": "***"}})
    checks.equal("a wrong case: exit 2", code, 2)
    faults = ("/secret", "/now", "/colour", "/request/headers/a", "/request/body_base64")
    checks.check("all its faults at once", all(pointer in errors for pointer in faults), errors)
    code, _, errors = bare("verify", "--case", path, "--body", "x")
    checks.equal("--case with --body: exit 2", code, 2)
    checks.equal("no such file: exit 2", bare("sign", "--case", path + "-not-there")[0], 2)
    shutil.rmtree(folder)


def links():
    with Posthorn(BINARY) as posthorn:
        base = f"http://127.0.0.1:{posthorn.port}"
        made = posthorn.call("POST", "/v1/bins", {"name": "links"})
        checks.check("a bin's link has the real port", made["url"].startswith(base + "/b/"), made["url"])
        found = urllib.request.urlopen(urllib.request.Request(made["url"], b"hello"), timeout=10)
        checks.equal("and leads to it", found.status, 200)
        checks.equal("so does the OpenAPI document", posthorn.call("GET", "/v1/openapi.json")["servers"][0]["url"], base)
    with Posthorn(BINARY, environment={"POSTHORN_PUBLIC_URL": "https://hooks.example.com"}) as posthorn:
        checks.check("a configured public URL wins", posthorn.call("POST", "/v1/bins", {"name": "links"})["url"].startswith("https://hooks.example.com/b/"))


def stops_from_the_first_moment():
    """A signal right behind the readiness line is a stop like any other."""
    for _ in range(5):
        with Posthorn(BINARY) as posthorn:
            checks.equal("a stop at once is a clean one", posthorn.stop(), 0)


def command_line():
    with Receiver() as receiver, Posthorn(BINARY) as posthorn:
        code, out, errors = posthorn.cli("--json", "endpoints", "create", receiver.url, "--types", "cli.*")
        checks.equal("endpoints create", code, 0)
        endpoint = json.loads(out)
        code, out, _ = posthorn.cli("--json", "events", "publish", "cli.test", "--data", '{"big":12345678901234567890}')
        checks.equal("events publish", code, 0)
        event = json.loads(out)
        seen = receiver.wait(1)[0]
        checks.check("big numbers stay", b"12345678901234567890" in seen.body, seen.body)
        row = wait_until(lambda: [json.loads(line) for line in posthorn.cli("--json", "deliveries", "list", "--status", "succeeded")[1].splitlines()], 10)[0]
        code, out, _ = posthorn.cli("deliveries", "get", row["id"])
        checks.check("deliveries get", code == 0 and "succeeded" in out, out)
        code, out, _ = posthorn.cli("events", "get", event["id"], "--explain")
        checks.check("events get --explain", code == 0 and endpoint["id"] in out, out)
        code, _, _ = posthorn.cli("--yes", "deliveries", "replay", "--status", "succeeded", "--wait", "--rate", "50")
        checks.equal("deliveries replay by filter", code, 0)
        receiver.wait(2)
        code, out, _ = posthorn.cli("endpoints", "list")
        checks.check("a table for people", "URL" in out and receiver.url in out, out)
        code, _, errors = posthorn.cli("endpoints", "create", "http://10.0.0.1/")
        checks.check("a wrong URL: exit 2, and the field is named", code == 2 and "/url" in errors, f"{code} {errors}")
        code, _, _ = posthorn.cli("events", "get", "evt_0000000000zzz")
        checks.equal("an unknown id: exit 4", code, 4)
        code, _, _ = posthorn.cli("events", "list", environment={"POSTHORN_KEY": "phk_wrong"})
        checks.equal("a wrong key: exit 5", code, 5)
        code, _, _ = posthorn.cli("--url", f"http://127.0.0.1:{free_port()}", "events", "list")
        checks.equal("no server: exit 7", code, 7)
        signature = body_signature(endpoint["secret"], seen.body)
        with open(posthorn.data + "-body", "wb") as file:
            file.write(seen.body)
        verify = lambda header: bare("verify", "--secret-file", "-", "--body", "@" + posthorn.data + "-body", "--header", header, text=endpoint["secret"])
        checks.equal("verify: good", verify("X-Webhook-Signature: " + signature)[0], 0)
        checks.equal("verify: bad is 8", verify("X-Webhook-Signature: sha256=" + "0" * 64)[0], 8)
        code, out, _ = bare("sign", "--secret-file", "-", "--body", "@" + posthorn.data + "-body", text=endpoint["secret"])
        checks.check("sign", code == 0 and signature in out, out)
        case_files(endpoint["secret"], seen, signature)
        for shell in ("bash", "zsh", "fish"):
            code, out, _ = bare("completion", shell)
            checks.check(f"completion {shell}", code == 0 and "endpoints" in out)
        document = json.loads(posthorn.cli("openapi")[1])
        checks.equal("openapi", document["openapi"], "3.1.0")


def main():
    for scenario in (configuration, one_process_a_folder, once_with_demo, https_listener, backup_and_restore, drains,
                     streams, command_line, links, stops_from_the_first_moment):
        try:
            scenario()
        except (AssertionError, OSError, KeyError, ValueError, subprocess.TimeoutExpired) as problem:
            checks.check(scenario.__name__, False, f"{type(problem).__name__}: {problem}"[:600])
    checks.finish()


main()
