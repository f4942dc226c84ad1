#!/usr/bin/env python3
"""Makes the cases of web_form beside this file: forms written by Python's urllib, keys by its hashlib.

usage: make_web_form.py        (writes providers/web_form/*.json)
"""
import base64, hashlib, json, pathlib, urllib.parse

FOLDER = pathlib.Path(__file__).parent / "providers" / "web_form"
ORIGIN = "https://www.example.com"
SETTINGS = {"allowed_origins": [ORIGIN, "http://localhost:3000"], "honeypot": "website",
            "required_fields": ["email", "message"], "redirect_url": "https://www.example.com/thanks"}
NOW = 1795244400
FORM = "application/x-www-form-urlencoded"
BROWSER = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Mode": "navigate"}
TYPED = [("name", "Zoë Müller"), ("email", "zoe@example.com"), ("subject", "Grüße & Fragen"),
         ("message", "Wo ist meine Bestellung?\r\n+100 % dringend 👋")]


def digest(pairs, files=()):
    """What was typed, as a compact JSON list of lists."""
    rows = [list(pair) for pair in pairs]
    rows += [[name, hashlib.sha256(data).hexdigest()] for name, data in files]
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def event(pairs, **more):
    known = dict(pairs)
    return {"type": "message.inbound", "provider_event": None, "from": known["email"],
            "name": known.get("name", ""), "email": known["email"], "subject": known.get("subject", ""),
            "text": known["message"], "fields": known, **more}


def write(name, body, headers, expect, secret=SETTINGS, method="POST"):
    case = {"name": name, "provider": "web_form", "secret": secret,
            "request": {"method": method, "url": "https://hooks.example.com/in/web-form", "headers": headers,
                        "body_base64": base64.b64encode(body).decode()},
            "now": NOW, "expect": expect,
            "proof": {"oracle": "python3 urllib.parse/hashlib",
                      "oracle_verdict": "accept" if expect["verified"] else "refuse"}}
    (FOLDER / f"{name}.json").write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n")


def urlencoded(pairs):
    return urllib.parse.urlencode(pairs).encode()


def multipart(pairs, files, boundary):
    out = b""
    for name, value in pairs:
        out += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    for field, filename, kind, data in files:
        out += (f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{filename}"\r\n'
                f"Content-Type: {kind}\r\n\r\n").encode() + data + b"\r\n"
    return out + f"--{boundary}--\r\n".encode()


def accepted(pairs, response, key=None, **more):
    return {"verified": True, "idempotency_key": key or digest(pairs), "response": response,
            "events": [event(pairs, **more)]}


def answered(response):
    return {"verified": True, "events": [], "response": response}


FOLDER.mkdir(parents=True, exist_ok=True)
plain = {"Content-Type": FORM, "Origin": ORIGIN}
write("browser-urlencoded-redirects", urlencoded(TYPED), {**plain, **BROWSER}, accepted(TYPED, {"status": 303}))
script = {"Content-Type": "application/json; charset=utf-8", "Origin": "http://localhost:3000", "Accept": "*/*"}
write("script-json", json.dumps(dict(TYPED)).encode(), script,
      accepted(TYPED, {"status": 200, "content_type": "application/json",
                       "body": '{"ok":true,"message":"Thank you. We have received your message."}'}))
picture = b"\x89PNG\r\n\x1a\n\x00--near-boundary"
files = [("photo", "bänk.png", "image/png", picture)]
key = digest(TYPED, [("bänk.png", picture)])
for boundary in ("----WebKitFormBoundaryAAAA", "----WebKitFormBoundaryBBBB"):
    write(f"multipart-file-{boundary[-1].lower()}", multipart(TYPED, files, boundary),
          {"Content-Type": f"multipart/form-data; boundary={boundary}", "Origin": ORIGIN, **BROWSER},
          accepted(TYPED, {"status": 303}, key, attachments=[
              {"filename": "bänk.png", "content_type": "image/png", "size": len(picture),
               "sha256": hashlib.sha256(picture).hexdigest()}]))
numbered = TYPED + [("submission_id", "form-42")]
write("own-id-is-the-key", urlencoded(numbered), {**plain, **BROWSER}, accepted(numbered, {"status": 303}, "form-42"))
write("no-redirect-answers-text", urlencoded(TYPED), {**plain, **BROWSER},
      accepted(TYPED, {"status": 200, "content_type": "text/plain; charset=utf-8", "body": "Danke!"}),
      secret={"allowed_origins": ORIGIN, "success_message": "Danke!"})
write("honeypot-filled-is-dropped-silently", urlencoded(TYPED + [("website", "http://spam.example")]),
      {**plain, **BROWSER}, answered({"status": 303}))
write("required-field-empty", urlencoded([("email", "zoe@example.com"), ("message", "  ")]), {**plain, **BROWSER},
      answered({"status": 422, "content_type": "text/plain; charset=utf-8", "body": "message: is missing or empty."}))
write("no-address", urlencoded([("email", "not an address"), ("message", "x")]), {**plain, **BROWSER},
      answered({"status": 422}))
write("json-broken", b'{"email":', script, {**answered({"status": 422}), "parse_error": True})
write("multipart-cut", multipart(TYPED, files, "XX")[:-10],
      {"Content-Type": "multipart/form-data; boundary=XX", "Origin": ORIGIN},
      {**answered({"status": 422}), "parse_error": True})
write("preflight", b"", {"Origin": ORIGIN, "Access-Control-Request-Method": "POST",
                         "Access-Control-Request-Headers": "content-type"},
      answered({"status": 204, "body": ""}), method="OPTIONS")


def refused(name, headers, reason, secret=SETTINGS, status=403, method="POST"):
    write(name, urlencoded(TYPED), headers, {"verified": False, "reason": reason, "response": {"status": status}},
          secret, method)


refused("neg-preflight-of-another-page", {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
        "an origin that is not allowed", method="OPTIONS")
refused("neg-other-origin", {**plain, "Origin": "https://www.example.com.evil.example"}, "an origin that is not allowed")
refused("neg-origin-with-port", {**plain, "Origin": ORIGIN + ":8443"}, "another port is another origin")
refused("neg-origin-plain-http", {**plain, "Origin": "http://www.example.com"}, "another scheme is another origin")
refused("neg-origin-null", {**plain, "Origin": "null"}, "a sandboxed page")
refused("neg-no-origin", {"Content-Type": FORM}, "no Origin: not a browser")
refused("neg-two-origins", {**plain, "Origin": [ORIGIN, "https://evil.example"]}, "Origin came twice")
refused("neg-get", plain, "a GET", status=405, method="GET")
