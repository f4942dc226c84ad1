#!/usr/bin/env python3
"""Our signatures, verified by the official npm packages `standardwebhooks` and `svix`, also all through a rotation."""
import json
import os
import shutil
import subprocess
import tempfile
import time

from harness import Checks, Posthorn, Receiver, binary_argument, body_signature, wait_until

VERIFIER = """
const { Webhook } = require('standardwebhooks');
const svix = require('svix');
const input = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const results = input.map(({ secret, headers, body }) => {
  const out = {};
  for (const [name, make] of [['standardwebhooks', () => new Webhook(secret)], ['svix', () => new svix.Webhook(secret)]]) {
    try { make().verify(body, headers); out[name] = 'ok'; } catch (error) { out[name] = String(error.message || error); }
  }
  return out;
});
console.log(JSON.stringify(results));
"""

checks = Checks()


def verify(folder, messages):
    run = subprocess.run(["node", "verifier.js"], input=json.dumps(messages), capture_output=True, text=True, timeout=60, cwd=folder)
    if run.returncode:
        raise AssertionError(run.stderr)
    return json.loads(run.stdout)


def message(secret, seen):
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return {"secret": secret, "headers": {name: seen.headers[name] for name in names}, "body": seen.body.decode()}


def main():
    if not shutil.which("npm") or not shutil.which("node"):
        checks.skip("standardwebhooks and svix as verifiers", "npm is not installed")
        print("0 passed, 0 failed, 1 skipped")
        return
    folder = tempfile.mkdtemp()
    with open(os.path.join(folder, "verifier.js"), "w") as file:
        file.write(VERIFIER)
    install = subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "standardwebhooks@1.0.0", "svix@1.45.1"],
                             cwd=folder, capture_output=True, text=True, timeout=300)
    if install.returncode:
        checks.skip("standardwebhooks and svix as verifiers", "npm cannot install them: " + install.stderr.strip()[-200:])
        print("0 passed, 0 failed, 1 skipped")
        return
    with Receiver() as receiver, Posthorn(binary_argument()) as posthorn:
        def publish():
            count = receiver.count()
            posthorn.call("POST", "/v1/events", {"type": "npm.test", "data": {"text": "h\u00e9llo \u4f8b", "n": count}})
            return receiver.wait(count + 1)[-1]

        endpoint = posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["npm.*"]})
        old = endpoint["secret"]
        for name, verdict in verify(folder, [message(old, publish())])[0].items():
            checks.equal(f"{name} verifies", verdict, "ok")
        wrong = message(old, publish())
        wrong["body"] += " "
        for name, verdict in verify(folder, [wrong])[0].items():
            checks.check(f"{name} refuses a changed body", verdict != "ok", verdict)

        promote = time.time() + 3
        rotated = posthorn.call("POST", f"/v1/endpoints/{endpoint['id']}/rotate-secret",
                                {"grace_seconds": 6, "promote_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(promote))})
        new = rotated["secret"]
        samples = []
        while time.time() < promote + 3:
            samples.append(publish())
            time.sleep(0.25)
        both = verify(folder, [message(old, seen) for seen in samples] + [message(new, seen) for seen in samples])
        half = len(samples)
        checks.check("the old secret verifies all through the overlap", all(row["standardwebhooks"] == row["svix"] == "ok" for row in both[:half]), both[:half])
        checks.check("the new secret verifies all through the overlap", all(row["standardwebhooks"] == row["svix"] == "ok" for row in both[half:]), both[half:])
        everything_after = [seen.headers["X-Webhook-Signature"] for seen in samples]
        checks.check("X-Webhook-Signature holds exactly one value at every moment", all(value.count("sha256=") == 1 and len(value) == 71 for value in everything_after))
        current = [body_signature(old, seen.body) == seen.headers["X-Webhook-Signature"] for seen in samples]
        checks.check("and it is of the current secret: the old one first, then the new one", current == sorted(current, reverse=True) and current[0] and not current[-1], current)
        checks.check("afterwards the new one", all(is_old or body_signature(new, seen.body) == seen.headers["X-Webhook-Signature"] for is_old, seen in zip(current, samples)))
        previous = [seen.headers.get("X-Webhook-Signature-Previous") for is_old, seen in zip(current, samples) if not is_old]
        checks.check("X-Webhook-Signature-Previous is of the old one", previous and all(previous), previous)
    shutil.rmtree(folder)
    checks.finish()


main()
