"""What the measurements of receiving share: sources, and the load of the benchmark program."""
import http.client
import json
import os
import subprocess
import tempfile

from load import ADMIN_KEY, wait_until

SECRET = "whsec_bench_signing_secret_0123456789"  # As in src/benchmark/verified.h.
CONNECTIONS, PAYLOAD = 256, 1024


def make_sources(posthorn, count):
    """Makes `count` Stripe sources over one connection; returns their slugs."""
    connection = http.client.HTTPConnection("127.0.0.1", posthorn.port, timeout=60)
    slugs = []
    for number in range(count):
        body = json.dumps({"provider": "stripe", "name": f"bench {number}", "config": {"signing_secret": SECRET}})
        connection.request("POST", "/v1/sources", body, {"Authorization": "Bearer " + ADMIN_KEY, "Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 201:
            raise RuntimeError(f"POST /v1/sources: {answer.status} {text!r}")
        slugs.append(json.loads(text)["ingest_url"].rsplit("/in/", 1)[1])
    connection.close()
    return slugs


def metrics(posthorn):
    """The counters and gauges without labels."""
    page = posthorn.call("GET", "/metrics")
    return {name: float(value) for name, value in (line.split(" ", 1) for line in page.splitlines() if line and line[0] != "#" and "{" not in line)}


def worker_is_done(posthorn):
    seen = metrics(posthorn)
    return seen["posthorn_requests_processed_total"] >= seen["posthorn_requests_received_total"]


def wait_for_worker(posthorn, seconds=120):
    wait_until(lambda: worker_is_done(posthorn), seconds, "that the worker is done with all that was received")


class StripeLoad:
    """Signed requests to sources, in turns; ids go on from run to run."""

    def __init__(self, posthorn, slugs, payload=PAYLOAD):
        self.posthorn, self.payload, self.next_id = posthorn, payload, 1
        with tempfile.NamedTemporaryFile("w", suffix="-slugs.txt", delete=False) as file:
            file.write("\n".join(slugs) + "\n")
            self.slugs = file.name

    def start(self, seconds, rate=0, connections=CONNECTIONS, acknowledged=None):
        arguments = [self.posthorn.port, self.slugs, connections, seconds, rate, self.payload, self.next_id]
        if acknowledged:
            arguments.append(acknowledged)
        return subprocess.Popen([self.posthorn.binary, "bench-role", "stripe-load", *map(str, arguments)], stdout=subprocess.PIPE, text=True)

    def finish(self, process):
        out = process.communicate()[0]
        if process.returncode != 0:
            raise RuntimeError(f"the load ended with {process.returncode}")
        result = json.loads(out)
        self.next_id += result["sent"]
        return result

    def run(self, seconds, **more):
        return self.finish(self.start(seconds, **more))

    def close(self):
        os.unlink(self.slugs)


def must_be_all_2xx(result):
    if any(not status.startswith("2") for status in result["statuses"]):
        raise RuntimeError(f"not every answer was a 2xx: {result['statuses']}")


def compare(first, second, rounds, seconds):
    """Runs two loads in turns: the median of second/first rates, and the medians of both."""
    ratios, rates = [], ([], [])
    for turn in range(-1, rounds):
        got = []
        for load in (first, second):
            got.append(load.run(seconds))
            must_be_all_2xx(got[-1])
            wait_for_worker(load.posthorn)
        if turn >= 0:  # The first warms up.
            ratios.append(got[1]["rate"] / got[0]["rate"])
            for kept, one in zip(rates, got):
                kept.append(one["rate"])
    middle = lambda values: sorted(values)[len(values) // 2]
    return middle(ratios), middle(rates[0]), middle(rates[1])
