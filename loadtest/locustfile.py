"""Load on apps of k8sflow: one user class per app and country, and one JSON line per second on stdout.

K8SFLOW_TARGETS says what to ask, as a JSON list of objects:

    name   how the target is called, such as "app1-it"
    url    where it is asked, such as "http://192.168.1.10"
    host   the Host header, such as "app1-it.info"; null leaves it alone
    ping   what `GET /ping` must answer, such as "hello from app1-staging-it"

By hand: K8SFLOW_TARGETS='[{"name": "app1-it", "url": "http://127.0.0.1:8080", "host": null,
"ping": "hello from app1-staging-it"}]' locust -f locustfile.py --headless --users 5 --run-time 30s
"""

import json
import os
import sys
import time

import gevent
from locust import FastHttpUser, between, events, tag, task
from locust.stats import StatsEntry

TARGETS = json.loads(os.environ["K8SFLOW_TARGETS"])
INTERVAL_S = 1
# Errors are grouped by their text; each text is of the app's making.
MAX_ERRORS = 20
MAX_ERROR_LENGTH = 200


class AppUser(FastHttpUser):
    """Somebody who looks at an app again and again, a few times per second."""

    abstract = True
    wait_time = between(0.1, 0.5)
    # The name in the certificate is that of the Host header, not that of the address.
    insecure = True
    connection_timeout = 10.0
    network_timeout = 10.0
    target: dict = {}

    def on_start(self):
        self.headers = {"Host": self.target["host"]} if self.target["host"] else {}
        # A redirect would lead away from the target, as a rule to https: that is an answer to report. Not by
        # allow_redirects, which fails where Locust is older than geventhttpclient and calls this by another name.
        self.client.client.redirect_response_codes = frozenset()

    @tag("page")
    @task(1)
    def page(self):
        with self.ask("/") as response:
            if response.status_code != 200:
                response.failure(said(response))

    @tag("ping")
    @task(3)
    def ping(self):
        with self.ask("/ping") as response:
            if response.status_code != 200:
                response.failure(said(response))
            elif (response.text or "").strip() != self.target["ping"]:
                response.failure(f"answered {(response.text or '')[:80]!r} instead of {self.target['ping']!r}")

    def ask(self, path):
        name = f"{self.target['name']} {path}"
        return self.client.get(path, headers=self.headers, name=name, catch_response=True)


def said(response):
    """What went wrong, in a few words."""
    if response.status_code == 0:
        return str(getattr(response, "error", None) or "no answer")
    where = (response.headers or {}).get("location")
    return f"status {response.status_code}" + (f", to {where}" if where else "")


# Locust finds user classes among the module's names.
for _target in TARGETS:
    _name = "".join(part.capitalize() for part in _target["name"].split("-")) + "User"
    globals()[_name] = type(_name, (AppUser,), {"host": _target["url"], "target": _target})
del _target, _name


class Window:
    """The requests since the last line."""

    def __init__(self):
        self.since = time.monotonic()
        self.times = []
        self.failures = 0

    def add(self, milliseconds, failed):
        self.times.append(milliseconds or 0)
        self.failures += 1 if failed else 0

    def percentile(self, share):
        if not self.times:
            return None
        ordered = sorted(self.times)
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)

    def line(self, users):
        seconds = max(time.monotonic() - self.since, 0.001)
        return {
            "kind": "second",
            "users": users,
            "requests": len(self.times),
            "seconds": round(seconds, 3),
            "failures": self.failures,
            "p50": self.percentile(0.5),
            "p95": self.percentile(0.95),
        }


def write(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def figures(entry):
    """Requests, failures, and times in milliseconds, which Locust rounds: 1 below 100, 10 below 1000, and so on."""
    times = {"p50": None, "p95": None, "p99": None, "max": None}
    if entry.num_requests > 0:
        shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
        times = {name: entry.get_response_time_percentile(share) for name, share in shares.items()}
        times["max"] = round(entry.max_response_time, 1)
    return {"requests": entry.num_requests, "failures": entry.num_failures, **times}


def end_line(stats):
    """The whole test: in all, per target, and what failed."""
    targets = {}
    for target in TARGETS:
        whole = StatsEntry(stats, target["name"], None)
        for (name, _), entry in list(stats.entries.items()):
            if name.split(" ")[0] == target["name"]:
                whole.extend(entry)
        targets[target["name"]] = figures(whole)
    errors = sorted(stats.errors.values(), key=lambda error: -error.occurrences)
    return {
        "kind": "end",
        "total": figures(stats.total),
        "targets": targets,
        "errors": [
            {"request": error.name, "message": str(error.error)[:MAX_ERROR_LENGTH], "count": error.occurrences}
            for error in errors[:MAX_ERRORS]
        ],
    }


@events.init.add_listener
def on_init(environment, **_):
    window = Window()

    def tick():
        nonlocal window
        while True:
            gevent.sleep(INTERVAL_S)
            done, window = window, Window()
            try:
                write(done.line(environment.runner.user_count))
            except OSError:
                # Whoever started this test has gone: nobody is left to end it.
                environment.runner.quit()
                return

    @environment.events.request.add_listener
    def on_request(response_time, exception=None, **_):
        window.add(response_time, exception is not None)

    @environment.events.test_start.add_listener
    def on_test_start(**_):
        gevent.spawn(tick)

    @environment.events.quitting.add_listener
    def on_quitting(**_):
        write(end_line(environment.stats))
