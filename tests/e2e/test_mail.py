#!/usr/bin/env python3
"""The mail about a disabled endpoint, sent by the real program to a real SMTP server (Debian's aiosmtpd).

usage: test_mail.py BINARY
"""
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading

from harness import Checks, Posthorn, Receiver, binary_argument, free_port, make_certificate, wait_until

checks = Checks()
BINARY = binary_argument()
HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"  # The one that Debian's packages are for.
LOGIN = "posthorn:correct horse"


class SmtpServer:
    """What it said is in `said`."""

    def __init__(self, port, *options):
        self.said = []
        self.process = subprocess.Popen([PYTHON, "-W", "ignore", os.path.join(HERE, "smtp_server.py"), str(port), *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        wait_until(lambda: self.of("listening"), 15, "the SMTP server")

    def _read(self):
        for line in self.process.stdout:
            self.said.append(json.loads(line))

    def of(self, what):
        return [row for row in list(self.said) if row["what"] == what]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def settings(port, scheme="smtp", **more):
    return {"POSTHORN_SMTP__URL": f"{scheme}://127.0.0.1:{port}", "POSTHORN_SMTP__FROM": "posthorn@example.com",
            "POSTHORN_NOTICES__MAIL_TO": "ops@example.com,boss@example.com", **more}


def with_login(ca_file):
    user, password = LOGIN.split(":")
    return {"POSTHORN_SMTP__USER": user, "POSTHORN_SMTP__PASSWORD": password, "POSTHORN_EGRESS__CA_FILE": ca_file}


def disable_an_endpoint(posthorn, receiver):
    """The receiver answers 410. Several deliveries meet the end of the endpoint at once."""
    endpoint = posthorn.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["*"]})
    posthorn.call("POST", "/v1/events", [{"type": "mail.test", "data": {"n": n}} for n in range(20)])
    wait_until(lambda: posthorn.call("GET", "/v1/endpoints/" + endpoint["id"])["enabled"] is False, 15, "the endpoint to be disabled")
    return endpoint


def failures(posthorn):
    with open(posthorn.log, errors="replace") as file:
        return [json.loads(line) for line in file if '"mail.failed"' in line]


def gone():
    return Receiver(answer=lambda seen: 410)


def arrives(name, scheme, tls, folder):
    certificate, key = make_certificate(folder)
    port = free_port()
    with SmtpServer(port, "--tls", tls, "--certificate", certificate, "--key", key, "--login", LOGIN) as smtp:
        with gone() as receiver, Posthorn(BINARY, environment=settings(port, scheme, **with_login(certificate))) as posthorn:
            endpoint = disable_an_endpoint(posthorn, receiver)
            mail = wait_until(lambda: smtp.of("mail"), 30, f"the mail over {name}: {failures(posthorn)}")[0]
            checks.check(f"{name}: over TLS and with the login", mail["tls"] and mail["login"], mail)
            checks.equal(f"{name}: to both", mail["to"], ["ops@example.com", "boss@example.com"])
            checks.check(f"{name}: about this endpoint", endpoint["id"] in mail["text"] or endpoint["id"] in decoded(mail["text"]), mail["text"])
            checks.check(f"{name}: no login without TLS", all(row["tls"] for row in smtp.of("login")), smtp.said)
            checks.equal(f"{name}: stops cleanly", posthorn.stop(), 0)
            checks.equal(f"{name}: one mail", len(smtp.of("mail")), 1)


def decoded(text):
    import base64
    return base64.b64decode(re.split(r"\r?\n\r?\n", text, maxsplit=1)[1]).decode()


def refused(name, options, environment, port, why):
    """No mail and no password reaches the server; the log says why."""
    with SmtpServer(port, *options) as smtp:
        with gone() as receiver, Posthorn(BINARY, environment=environment) as posthorn:
            disable_an_endpoint(posthorn, receiver)
            found = wait_until(lambda: failures(posthorn), 30, f"mail.failed ({name})")
            checks.check(f"{name}: the log says why", re.search(why, found[0]["what"], re.I), found[0])
            checks.check(f"{name}: no mail", not smtp.of("mail"), smtp.said)
            return smtp.of("login")


def refusals(folder):
    certificate, key = make_certificate(folder)
    other = os.path.join(folder, "other")
    os.mkdir(other)
    stranger, stranger_key = make_certificate(other, names="DNS:mail.example.com")
    tls = ["--login", LOGIN, "--certificate"]
    for scheme, mode in (("smtp", "starttls"), ("smtps", "smtps")):
        port = free_port()
        logins = refused(f"{mode}, a certificate that nobody vouches for", [*tls, certificate, "--key", key, "--tls", mode],
                         {**settings(port, scheme), **with_login(stranger)}, port, "certificate|SSL|TLS")
        checks.check(f"{mode}: the password stays here", not logins, logins)
        port = free_port()
        logins = refused(f"{mode}, a certificate with another name", [*tls, stranger, "--key", stranger_key, "--tls", mode],
                         {**settings(port, scheme), **with_login(stranger)}, port, "name|certificate|SSL|TLS")
        checks.check(f"{mode}: the password stays here too", not logins, logins)
    port = free_port()
    refused("no STARTTLS offered", ["--tls", "none"], {**settings(port), **with_login(certificate)}, port, "STARTTLS|TLS|SSL")
    port = free_port()
    wrong = {**settings(port), **with_login(certificate), "POSTHORN_SMTP__PASSWORD": "wrong"}
    logins = refused("a wrong password", [*tls, certificate, "--key", key, "--tls", "starttls"], wrong, port, "login|auth|denied")
    checks.check("it was tried over TLS only", logins and not any(row["good"] for row in logins) and all(row["tls"] for row in logins), logins)


def message_ids(smtp):
    return [re.search(r"^Message-ID: (.*?)\r?$", mail["text"], re.M).group(1) for mail in smtp.of("mail")]


def once_over_restarts():
    port = free_port()
    environment = settings(port, POSTHORN_SMTP__REQUIRE_TLS="false")
    with gone() as receiver, Posthorn(BINARY, environment=environment) as posthorn:
        with SmtpServer(port, "--refuse", "451") as smtp:
            endpoint = disable_an_endpoint(posthorn, receiver)
            wait_until(lambda: smtp.of("mail"), 30, "the first try")
            wait_until(lambda: failures(posthorn), 30, "the refusal in the log")
            posthorn.kill()
            posthorn.start()
            wait_until(lambda: len(smtp.of("mail")) >= 2, 30, "the try after the restart")
            tried = message_ids(smtp)
        posthorn.kill()
        with SmtpServer(port) as smtp:
            posthorn.start()
            wait_until(lambda: smtp.of("mail"), 30, "the mail at last")
            # A mail is sent first and removed afterwards: the next start has nothing to send.
            checks.equal("a clean stop", posthorn.stop(), 0)
            posthorn.start()
            rows = [row for row in posthorn.pages("/v1/notifications") if endpoint["id"] in json.dumps(row)]
            kinds = [row.get("kind") or row.get("type") for row in rows]
            checks.equal("one notice of the disabled endpoint", len([kind for kind in kinds if "disabled" in str(kind)]), 1)
            checks.equal("a clean stop again", posthorn.stop(), 0)
            tried += message_ids(smtp)
            checks.equal("it was taken once", len(smtp.of("mail")), 1)
        checks.check("every try has the same Message-ID", len(tried) >= 3 and len(set(tried)) == 1, tried)


def refused_mail_keeps_nobody_back():
    port = free_port()
    environment = settings(port, POSTHORN_SMTP__REQUIRE_TLS="false")
    with SmtpServer(port, "--refuse", "554", "--only-first") as smtp, gone() as receiver, Posthorn(BINARY, environment=environment) as posthorn:
        first = disable_an_endpoint(posthorn, receiver)
        wait_until(lambda: failures(posthorn), 30, "the refusal in the log")
        second = disable_an_endpoint(posthorn, receiver)
        wait_until(lambda: any(second["id"] in about for about in message_ids(smtp)), 30, "the second mail behind the refused one")
        checks.check("the refused one was tried first", first["id"] in message_ids(smtp)[0], message_ids(smtp))
        checks.equal("a clean stop behind a refused mail", posthorn.stop(), 0)


def main():
    probe = subprocess.run([PYTHON, "-c", "import aiosmtpd.smtp"], capture_output=True) if os.path.exists(PYTHON) else None
    if probe is None or probe.returncode != 0:
        checks.skip("mail", "Debian's python3-aiosmtpd is not installed")
        checks.passed += 1  # The skip is all there is to say.
        checks.finish()
    folder = tempfile.mkdtemp()
    for scenario in (lambda: arrives("STARTTLS", "smtp", "starttls", folder), lambda: arrives("smtps", "smtps", "smtps", folder),
                     lambda: refusals(folder), once_over_restarts, refused_mail_keeps_nobody_back):
        try:
            scenario()
        except (AssertionError, OSError, KeyError, ValueError, subprocess.SubprocessError) as problem:
            checks.check("mail", False, f"{type(problem).__name__}: {problem}"[:600])
    shutil.rmtree(folder)
    checks.finish()


main()
