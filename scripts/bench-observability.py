#!/usr/bin/env python3
"""Measures what it costs to be seen: `GET /rooms/1` by wrk on hosts that differ in nothing else, taking turns, so that what the machine does meanwhile meets all of them.

    make build PROFILE=release
    scripts/bench-observability.py target/release/innkeeper [--baseline OTHER-BINARY [--baseline-app ITS-MANIFEST]] [--only "all off"] [--rounds 9] [--seconds 4] [--connections 32]

With a baseline, a binary of another commit (and that commit's app, where the contract of guests is another), the first rows say what a change costs where everything is off. What telemetry costs where it is off is
measured beside a binary without it:

    cargo build --release --no-default-features --package innkeeper --target-dir target/without

Each number is the middle of all rounds. The ratio of processor time is the one to look at: wrk shares the machine, so requests a second vary.
"""

import argparse
import json
import re
import shutil
import statistics
import tempfile
import urllib.request
from pathlib import Path

from measured_host import MeasuredHost

ROOT = Path(__file__).resolve().parent.parent
BASELINE = "baseline"
LOG = "INNKEEPER_GATEWAY__ACCESS_LOG__"
# A port that nobody listens at: what is exported is made and thrown away, so that no collector shares the machine.
NOWHERE = "http://127.0.0.1:9"


def variants(binary, baseline, home):
    """What is compared: a name, a binary, and variables."""
    if baseline:
        yield BASELINE, baseline, {}
    yield "all off", binary, {}
    yield "access log, 1 % in JSON", binary, {f"{LOG}FORMAT": "json", f"{LOG}SAMPLE": "0.01", f"{LOG}FILE": f"{home}/sampled.log"}
    yield "access log, all in JSON", binary, {f"{LOG}FORMAT": "json", f"{LOG}FILE": f"{home}/json.log"}
    yield "access log, all, common", binary, {f"{LOG}FORMAT": "common", f"{LOG}FILE": f"{home}/common.log"}
    yield "metrics by OTLP", binary, {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": NOWHERE, "OTEL_METRIC_EXPORT_INTERVAL": "1000"}
    sampled = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}
    yield "traces, 1 %", binary, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": NOWHERE, **sampled}
    yield "traces, all", binary, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": NOWHERE}


def opened(name, binary, variables, home, app):
    """A host with one room."""
    host = MeasuredHost(name, binary, app, home / re.sub(r"\W+", "-", name), variables)
    try:
        request = urllib.request.Request(f"{host.base}/rooms", json.dumps({"desc": "measured"}).encode(), {"content-type": "application/json"})
        urllib.request.urlopen(request).read()
    except BaseException:
        host.close()
        raise
    return host


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--baseline")
    parser.add_argument("--baseline-app", type=Path, default=ROOT / "innkeeper.toml")
    parser.add_argument("--only", help="one of the rows, beside the baseline")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=32)
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp())
    hosts = []
    try:
        for name, binary, settings in variants(asked.binary, asked.baseline, home):
            if asked.only not in (None, name) and name != BASELINE:
                continue
            app = asked.baseline_app if name == BASELINE else ROOT / "innkeeper.toml"
            hosts.append(opened(name, binary, settings, home, app))
        for host in hosts:
            host.load("/rooms/1", 2, asked.connections)
            host.forget()
        for turn in range(asked.rounds):
            # Nobody is always first.
            for host in hosts[turn % len(hosts) :] + hosts[: turn % len(hosts)]:
                host.load("/rooms/1", asked.seconds, asked.connections)
        first = hosts[0]
        print("| what | requests a second | ratio | processor µs | ratio |\n| --- | ---: | ---: | ---: | ---: |")
        for host in hosts:
            # Round by round: what the machine did in one met both.
            rate = statistics.median(one / other for one, other in zip(host.rates, first.rates))
            cost = statistics.median(one / other for one, other in zip(host.costs, first.costs))
            print(f"| {host.name} | {statistics.median(host.rates):,.0f} | {rate:.1%} | {statistics.median(host.costs):.2f} | {cost:.1%} |")
    finally:
        for host in hosts:
            host.close()
        shutil.rmtree(home)


main()
