#!/usr/bin/python3
"""An SMTP server for test_mail.py, on Debian's aiosmtpd.

usage: smtp_server.py PORT [--tls none|starttls|smtps] [--certificate FILE --key FILE] [--login USER:PASSWORD] [--refuse CODE [--only-first]]

--only-first refuses each try of the first mail and takes the others. Says one JSON line for each mail that got as far as its text, and for each login. Ends when its input does.
"""
import argparse
import asyncio
import json
import logging
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def say(**what):
    print(json.dumps(what), flush=True)


class Handler:
    def __init__(self, code, only_first):
        self.refusal, self.only_first = f"{code} refused by the test", only_first
        self.refuses = bool(code)
        self.first = None

    async def handle_DATA(self, server, session, envelope):
        say(what="mail", tls=session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None, login=bool(session.authenticated),
            sender=envelope.mail_from, to=envelope.rcpt_tos, text=envelope.content.decode())
        about = next(line for line in envelope.content.decode().splitlines() if line.lower().startswith("message-id:"))
        self.first = self.first or about
        return self.refusal if self.refuses and (not self.only_first or about == self.first) else "250 kept"


async def serve(options):
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)
    wanted = options.login.encode().split(b":", 1) if options.login else None

    def authenticator(server, session, envelope, mechanism, data):
        good = [data.login, data.password] == wanted
        say(what="login", good=good, tls=session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None)
        return AuthResult(success=good, handled=False)

    handler = Handler(options.refuse, options.only_first)
    smtps = options.tls == "smtps"

    def connection():
        return SMTP(handler, hostname="test", tls_context=context if options.tls == "starttls" else None, require_starttls=options.tls == "starttls",
                    authenticator=authenticator, auth_required=bool(wanted), auth_require_tls=not smtps)

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", options.port, ssl=context if smtps else None)
    say(what="listening")
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("port", type=int)
    arguments.add_argument("--tls", default="none")
    arguments.add_argument("--certificate")
    arguments.add_argument("--key")
    arguments.add_argument("--login")
    arguments.add_argument("--refuse")
    arguments.add_argument("--only-first", action="store_true")
    logging.disable(logging.CRITICAL)
    asyncio.run(serve(arguments.parse_args()))


main()
