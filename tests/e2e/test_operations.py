#!/usr/bin/env python3
"""Running the real program: configuration, TLS, backup, a second process, streams, the command line."""
import base64
import http.client
import json
import os
import shutil
import socket
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
    code, _, errors = bare("serve", "--config", folder, "--data", folder)
    checks.check("a configuration that is a folder: exit 2, and it is named", code == 2 and folder in errors, f"{code} {errors}")
    code, _, errors = bare("serve", "--data", folder, environment={"POSTHORN_EGRESS__CA_FILE": "/nope", "POSTHORN_SMTP__FROM": "x", "POSTHORN_PUBLIC_URL": "foo"})
    checks.check("files, addresses and URLs are checked together", code == 2 and all(word in errors for word in ("egress.ca_file", "smtp.from", "public_url")), errors)
    code, _, errors = bare("serve", "--data", os.path.join(folder, "new"), "--resume-from", "foo", "--once")
    checks.check("a wrong --resume-from: exit 2, and what it takes", code == 2 and "--resume-from" in errors and "foo" in errors, f"{code} {errors}")
    checks.check("and no data folder", not os.path.exists(os.path.join(folder, "new")))
    code, _, errors = bare("serve", "--data", folder, "--listen", "127.0.0.1:0", "--once", environment={"POSTHORN_SECRET": "whsec_x"})
    checks.equal("a variable of another command does not matter", code, 0)
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


def the_admin_key_outlives_a_failed_start():
    folder = tempfile.mkdtemp()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, out, errors = bare("serve", "--data", folder, "--listen", f"127.0.0.1:{taken.getsockname()[1]}", "--once")
        checks.check("a start on a port in use fails", code != 0 and "phk_" not in out, f"{code} {out} {errors}")
    code, out, _ = bare("serve", "--data", folder, "--listen", "127.0.0.1:0", "--once")
    checks.check("the key is made and shown by the start that succeeds", code == 0 and "phk_" in out, f"{code} {out}")
    shown = next(word for word in out.split() if word.startswith("phk_"))
    with Posthorn(BINARY, data=folder) as posthorn:
        checks.equal("a key that is set opens a folder whose key was lost", posthorn.request("GET", "/v1/workspaces")[0], 200)
        checks.equal("the one that was made does not count meanwhile", posthorn.request("GET", "/v1/workspaces", key=shown)[0], 401)
        made = posthorn.call("POST", "/v1/api-keys", {"name": "operator", "scopes": ["admin"]})["key"]
        posthorn.stop()
    with Posthorn(BINARY, data=folder, environment={"POSTHORN_ADMIN_KEY": "another_key_of_the_admin"}) as posthorn:
        checks.equal("the set key ends with its setting", posthorn.request("GET", "/v1/workspaces")[0], 401)
        checks.equal("a key made with it stays", posthorn.request("GET", "/v1/workspaces", key=made)[0], 200)
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
            code, _, errors = bare("serve", "--data", copy, "--listen", "127.0.0.1:0", "--once")
            checks.check("without its key file it does not start, and says so", code == 2 and "keys is missing" in errors, f"{code} {errors}")
            checks.check("and makes none", not os.path.exists(os.path.join(copy, "keys")))
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


def leaf_commands(words=()):
    """The words of every command that has no commands of its own, out of the help itself."""
    code, out, errors = bare(*words, "--help")
    checks.equal(f"{' '.join(words)} --help", code, 0)
    listed = out.partition("\nSubcommands:\n")[2].split("\n\n")[0]
    names = [line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2] != " "]
    if not names:
        return [(words, out)]
    return [leaf for name in names for leaf in leaf_commands((*words, name))]


def help_has_examples():
    """Every command shows how it is called; the root says what the exit codes mean."""
    leaves = leaf_commands()
    checks.check("the commands are found", len(leaves) > 50, len(leaves))
    for words, out in leaves:
        call = " ".join(("posthorn", *words))
        footer = out[out.find("\nExample"):].splitlines()
        checks.check(f"{call} --help has an example of its own", any(line.startswith("  ") and call in line for line in footer), out)
        others = [line for line in footer if line.startswith("  posthorn ") and call not in line]
        checks.equal(f"{call} --help has no example of another command", others, [])
    told = bare("--help")[1]
    codes = ("0 done", "1 failed", "2 wrong", "3 something", "4 not found", "5 not authorised", "6 conflict", "7 server", "8 bad signature",
             "9 partly", "10 rate limited")
    checks.check("posthorn --help has every exit code", all(code in told for code in codes), told)


def wrong_words():
    """What is not known is named, with the nearest known word."""
    for words, expected in ((("endpoints", "frob"), ("endpoints", '"frob"', "rotate-secret")), (("endpoints", "creat"), ('"creat"', "did you mean create?")),
                            (("endpoint",), ('"endpoint"', "did you mean endpoints?")), (("endpoints",), ("say what to do with endpoints", "create")),
                            (("endpoints", "--frob"), ("--frob",)), ((), ("say what to do", "serve"))):
        code, _, errors = bare(*words)
        checks.check(f"posthorn {' '.join(words)}: exit 2, and it is said why", code == 2 and all(part in errors for part in expected), f"{code} {errors}")
    code, _, errors = bare("serve", "--listen", "nowhere")
    checks.check("a wrong --listen is named as it was given", code == 2 and "--listen:" in errors and "POSTHORN_LISTEN" not in errors, errors)


def refusals_of_input():
    """Wrong input ends with 2, names the option, and nothing happens."""
    with Posthorn(BINARY) as posthorn:
        def refused(what, arguments, *parts, text=""):
            code, _, errors = posthorn.cli(*arguments, text=text)
            checks.check(f"{what}: exit 2, and it is said why", code == 2 and all(part in errors for part in parts), f"{code} {errors}")

        refused("publish without data", ("events", "publish", "cli.test"), "--data TEXT, @file or -", text='{"n":1}')
        refused("publish with empty data", ("events", "publish", "cli.test", "--data", ""), "--data is not JSON")
        checks.equal("and nothing was published", list(posthorn.pages("/v1/events")), [])
        code, _, errors = posthorn.cli("events", "publish", "cli.test", "--data", "-", text='{"n":1}')
        checks.equal("a pipe is read by --data -", code, 0)
        smuggled = '{"type":"object"},"archived":true'
        refused("a schema with more behind it", ("event-types", "create", "cli.schema", "--schema", smuggled), "--schema is not JSON")
        refused("an example that is not JSON", ("event-types", "create", "cli.schema", "--example", "{"), "--example is not JSON")
        code, _, errors = posthorn.cli("event-types", "create", "cli.schema", "--schema", '{"type":"object"}', "--example", '{"n":12345678901234567890}')
        checks.equal("a right schema and example are taken", (code, errors), (0, ""))
        create = ("endpoints", "create", "https://example.com/hooks")
        refused("an empty --retry", (*create, "--retry", ""), "--retry takes")
        refused("a header twice", (*create, "--header", "X-Team: a", "--header", "x-team: b"), "x-team", "twice")
        refused("probing and not", (*create, "--probing", "--no-probing"), "--probing")
        endpoint = posthorn.call("POST", "/v1/endpoints", {"url": "https://example.com/hooks", "event_types": ["none.*"]})["id"]
        refused("a delete without --yes", ("endpoints", "delete", endpoint), "--yes")
        checks.equal("and it is still there", posthorn.request("GET", "/v1/endpoints/" + endpoint)[0], 200)
        refused("ids with --dry-run", ("deliveries", "replay", "dlv_0000000000042", "--dry-run", "--rate", "5"), "--dry-run", "--rate", "beside ids")
        refused("ids with a filter", ("deliveries", "replay", "dlv_0000000000042", "--status", "exhausted", "--wait"), "--status", "--wait")
        refused("request ids with --dry-run", ("requests", "replay", "req_0000000000042", "--force", "--dry-run"), "--dry-run cannot stand beside ids")
        code, _, errors = posthorn.cli("endpoints", "create", "http://10.0.0.1/")
        checks.equal("one fault is told once", (code, errors.count("/url:")), (2, 1))


def updates_undo():
    with Posthorn(BINARY) as posthorn:
        endpoint = posthorn.call("POST", "/v1/endpoints", {"url": "https://example.com/hooks"})["id"]

        def update(*arguments):
            code, out, errors = posthorn.cli("--json", "endpoints", "update", endpoint, *arguments)
            checks.equal(f"endpoints update {' '.join(arguments)}", (code, errors), (0, ""))
            shown = json.loads(out) if out else {}
            return tuple(shown.get(name) for name in ("description", "rate_limit", "probing"))

        checks.equal("set", update("--description", "shop", "--rate", "5", "--no-probing"), ("shop", 5, False))
        checks.equal("undone", update("--description", "", "--rate", "0", "--probing"), ("", None, True))
        checks.equal("nothing given is no change", posthorn.cli("endpoints", "update", endpoint)[0], 2)


def replay_jobs():
    """What a job looks at, counts and skips."""
    with Receiver() as receiver, Posthorn(BINARY) as posthorn:
        endpoint = posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["replay.*"]})["id"]
        posthorn.call("POST", "/v1/events", {"type": "replay.test", "data": {}})
        row = wait_until(lambda: list(posthorn.pages("/v1/deliveries?status=succeeded")), 20)[0]
        code, out, errors = posthorn.cli("deliveries", "replay", "--status", "succeeded", "--dry-run")
        checks.equal("a dry run is a sentence", (code, out), (0, "1 delivery would be replayed\n"))
        code, out, _ = posthorn.cli("--json", "deliveries", "replay", "--status", "succeeded", "--dry-run")
        checks.equal("and the record for programs", (code, json.loads(out)["total"]), (0, 1))
        code, _, errors = posthorn.cli("deliveries", "replay", "--endpoint", endpoint, "--yes")
        checks.check("a job that matches nothing says why", code == 0 and "without --status only exhausted" in errors, f"{code} {errors}")
        checks.check("the help says it too", "only exhausted" in bare("deliveries", "replay", "--help")[1])
        code, _, errors = posthorn.cli("deliveries", "replay", row["id"], "--dry-run")
        checks.equal("a dry run beside an id sends nothing", (code, receiver.count()), (2, 1))
        checks.equal("the endpoint goes", posthorn.cli("--yes", "endpoints", "delete", endpoint)[0], 0)
        code, _, errors = posthorn.cli("--yes", "deliveries", "replay", "--status", "succeeded", "--wait")
        checks.check("a job of which all were skipped ends with 9", code == 9 and "1 of 1 skipped" in errors, f"{code} {errors}")


def public_keys():
    """verify with the public key alone, and with a secret that is not the signer's."""
    with Receiver() as receiver, Posthorn(BINARY) as posthorn:
        endpoint = posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["key.*"], "asymmetric": True})
        public = endpoint["signing"]["public_key"]
        posthorn.call("POST", "/v1/events", {"type": "key.test", "data": {}})
        seen = receiver.wait(1)[0]
        standard = [part for name, value in seen.headers.items() if name.lower().startswith("webhook-") for part in ("--header", f"{name}: {value}")]
        simple = ("--header", "X-Webhook-Signature: " + seen.headers["X-Webhook-Signature"])
        body = seen.body.decode()
        code, out, errors = bare("verify", "--public-key", public, "--body", body, *standard)
        checks.check("the public key alone does", code == 0 and "ed25519 (v1a)" in out and "by the public key" in out, out + errors)
        code, out, _ = bare("verify", "--public-key", public, "--body", body, *standard, *simple)
        checks.check("what needs the secret is said not to be checked", code == 0 and "not checked" in out, out)
        checks.equal("another body is 8", bare("verify", "--public-key", public, "--body", body + " ", *standard)[0], 8)
        code, out, _ = bare("verify", "--public-key", public, "--secret-file", "-", "--body", body, *standard, text=endpoint["secret"])
        checks.check("both match", code == 0 and "by the secret" in out and "by the public key" in out, out)
        code, out, _ = bare("verify", "--public-key", public, "--secret-file", "-", "--body", body, *standard, text="whsec_" + base64.b64encode(b"x" * 32).decode())
        checks.check("a wrong secret is told beside", code == 0 and "by the secret" not in out and "no signature matches the secret" in out, out)
        code, _, errors = bare("verify", "--public-key", "whpk_short", "--body", body, *standard)
        checks.check("a wrong public key: exit 2", code == 2 and "--public-key takes" in errors, errors)
        code, _, errors = bare("verify", "--public-key", public, "--body", body, *simple)
        checks.check("X-Webhook-Signature needs the secret", code == 2 and "no secret" in errors, errors)


def bins():
    with Posthorn(BINARY) as posthorn:
        code, out, _ = posthorn.cli("--json", "bins", "create", "--name", "try-out")
        checks.equal("bins create", code, 0)
        made = json.loads(out)
        urllib.request.urlopen(urllib.request.Request(made["url"], b"hello"), timeout=10)
        code, out, _ = posthorn.cli("bins", "list")
        checks.check("bins list", code == 0 and made["id"] in out and "try-out" in out, out)
        code, out, _ = posthorn.cli("bins", "get", made["id"])
        checks.check("bins get shows what came", code == 0 and "POST" in out and "cap_" in out, out)
        code, out, _ = posthorn.cli("--json", "bins", "get", made["id"])
        checks.equal("with its body for programs", (code, json.loads(out)["body"]), (0, "hello"))


def main():
    for scenario in (configuration, one_process_a_folder, once_with_demo, the_admin_key_outlives_a_failed_start, https_listener, backup_and_restore, drains,
                     streams, command_line, help_has_examples, wrong_words, refusals_of_input, updates_undo, replay_jobs, public_keys,
                     bins, links, stops_from_the_first_moment):
        try:
            scenario()
        except (AssertionError, OSError, KeyError, ValueError, subprocess.TimeoutExpired) as problem:
            checks.check(scenario.__name__, False, f"{type(problem).__name__}: {problem}"[:600])
    checks.finish()


main()
