"""What the tests of receiving share: a source of every provider, and its calls as the provider would send them."""
import base64
import glob
import hashlib
import hmac
import http.client
import json
import os
import subprocess
import tempfile
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))


def p256_pair(folder):
    """(public key as base64 of DER, private key as PEM) of SendGrid's kind."""
    key = os.path.join(folder, "p256.pem")
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key], check=True, capture_output=True)
    public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
    return base64.b64encode(public).decode(), open(key).read()


def configs(folder):
    """{provider: config}: of each provider's first case that verifies, or one of our own."""
    public, private = p256_pair(folder)
    found = {"open": {}, "generic_token": {"token": "a token of some length"}, "sendgrid_events": {"public_key": public, "private_key": private},
             "ses_sns": {"topic_arns": ["arn:aws:sns:us-east-1:123456789012:mail"]}}
    for path in sorted(glob.glob(os.path.join(HERE, "..", "*cases", "providers", "*", "*.json"))):
        case = json.load(open(path, encoding="utf-8"))
        if case["expect"]["verified"]:
            found.setdefault(case["provider"], case["secret"])
    return found


def spoiled(text):
    """Another secret of the same form."""
    at = len(text) // 2
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]


def wrong_config(config, fields, folder):
    """The same settings with other secrets: what a forger would sign with; None where there is no secret."""
    wrong, changed = dict(config), False
    names = {name: field["kind"] for field in fields for name in (field["name"], field["plural"]) if name}
    for name, value in config.items():
        kind = names[name]
        if kind == "secret" and name not in ("private_key", "verify_token"):
            wrong[name] = [spoiled(one) for one in value] if isinstance(value, list) else spoiled(value)
        elif kind == "credentials":
            wrong[name] = {**value, "password": value["password"] + "x"}
        elif kind == "public_key" and "private_key" in config:
            wrong["public_key"], wrong["private_key"] = p256_pair(folder)
        else:
            continue
        changed = True
    return wrong if changed else None


class Call:
    """One call of a provider, as `posthorn trigger --print` signs it."""

    def __init__(self, printed):
        request = printed["request"]
        self.method, self.url, self.headers = request["method"], request["url"], dict(request["headers"])
        self.body = base64.b64decode(request["body_base64"])

    def send(self, port, body=None, headers=None, host="127.0.0.1"):
        """(status, headers, body): sent to this server whatever host its URL names."""
        parts = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(host, port, timeout=30)
        connection.request(self.method, parts.path + ("?" + parts.query if parts.query else ""), self.body if body is None else body,
                           {**self.headers, **(headers or {})})
        answer = connection.getresponse()
        result = answer.status, answer.headers, answer.read()
        connection.close()
        return result


class Sources:
    """Sources made and called through the command line."""

    def __init__(self, posthorn, folder):
        self.posthorn, self.folder = posthorn, folder

    def config_file(self, config):
        with tempfile.NamedTemporaryFile("w", suffix=".json", dir=self.folder, delete=False) as file:
            json.dump(config, file)
        return "@" + file.name

    def run(self, *arguments, wanted=0, text=None):
        """What the command says in JSON."""
        code, out, errors = self.posthorn.cli(*arguments, "--json", text=text)
        if code != wanted:
            raise AssertionError(f"posthorn {' '.join(arguments)}: ended with {code}: {errors}{out}")
        lines = [json.loads(line) for line in out.splitlines()]
        return lines[0] if len(lines) == 1 else lines

    def create(self, provider, config, *more):
        return self.run("sources", "create", provider, "--config", self.config_file(config), *more)

    def signed(self, provider, config, url, *more):
        return Call(self.run("trigger", provider, "--to-url", url, "--print", "--config", self.config_file(config), *more))

    def requests(self, query):
        return list(self.posthorn.pages("/v1/requests?" + query))

    def newest(self, source):
        return self.posthorn.call("GET", f"/v1/requests?source_id={source['id']}&limit=1")["data"][0]


class StripeSender:
    """Signs Stripe events without the program, and sends them over a kept connection to wherever it listens now."""

    def __init__(self, posthorn, source, secret):
        self.posthorn, self.path, self.secret, self.connection = posthorn, urllib.parse.urlsplit(source["ingest_url"]).path, secret.encode(), None

    def send(self, event_id):
        """The status; None when there was no answer."""
        body = json.dumps({"id": event_id, "object": "event", "type": "customer.updated", "created": int(time.time()), "livemode": False,
                           "data": {"object": {"id": "cus_" + event_id, "object": "customer"}}}).encode()
        at = str(int(time.time()))
        mac = hmac.new(self.secret, at.encode() + b"." + body, hashlib.sha256).hexdigest()
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.posthorn.port, timeout=10)
            self.connection.request("POST", self.path, body, {"Content-Type": "application/json", "Stripe-Signature": f"t={at},v1={mac}"})
            answer = self.connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException, ValueError):
            self.connection = None  # It was killed, or another one listens now: whatever was not answered was not acknowledged.
            return None
