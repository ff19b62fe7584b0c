"""Checks k8s/observability against what the host measures and what docs/operations.md says; prints the alert rules as a Prometheus reads them."""

import json
import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "k8s/observability/rules.yaml"
DASHBOARD = ROOT / "k8s/observability/dashboard.json"
METRIC = re.compile(r"\binnkeeper_[a-z0-9_]+")
# What Prometheus makes of a histogram.
PARTS = re.compile(r"_(bucket|sum|count)$")


def measured():
    """The metrics that the host describes, as its source names them."""
    named = set()
    for source in (ROOT / "host/src/observe/metrics").glob("*.rs"):
        named.update(METRIC.findall(source.read_text()))
    return named


def anchors(document):
    """The anchors of a document's headings, as they are made on the web."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


def expressions(dashboard):
    """What a dashboard asks Prometheus for."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield f"panel {panel['title']!r}", target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']!r}", variable["query"]


def main():
    faults = []
    known = measured()
    rules = yaml.safe_load(RULES.read_text())["spec"]
    dashboard = json.loads(DASHBOARD.read_text())
    asked = [
        (f"alert {rule['alert']}", rule["expr"])
        for group in rules["groups"]
        for rule in group["rules"]
    ]
    asked.extend(expressions(dashboard))
    for where, expression in asked:
        for name in METRIC.findall(expression):
            if name not in known and PARTS.sub("", name) not in known:
                faults.append(f"{where}: the host does not measure {name}")
    identifiers = [panel["id"] for panel in dashboard["panels"]]
    if len(set(identifiers)) != len(identifiers):
        faults.append("dashboard.json: two panels have one id")
    for group in rules["groups"]:
        for rule in group["rules"]:
            file, _, anchor = rule["annotations"]["runbook"].partition("#")
            if anchor not in anchors(ROOT / file):
                faults.append(f"alert {rule['alert']}: {file} has no section #{anchor}")
    for fault in faults:
        print(f"lint: {fault}", file=sys.stderr)
    if faults:
        sys.exit(1)
    yaml.safe_dump(rules, sys.stdout)


main()
