"""Checks what the host is made of, by deny.toml: licences, where it comes from, what is banned, and what is there twice. Run by lint-dependencies.sh.

The file is written as cargo-deny reads it, so `cargo deny check` does the same where that is installed; this needs nothing but cargo itself.
"""

import json
import re
import sys
from collections import defaultdict
from pathlib import Path

import tomli

faults = []


def check(holds, fault):
    if not holds:
        faults.append(fault)


def tokens(expression):
    """Of a licence expression of SPDX, or of the older form with slashes."""
    expression = expression.replace("/", " OR ")
    return re.findall(r"\(|\)|[^\s()]+", expression)


class Licence:
    """Whether an expression can be met by licences that are allowed."""

    def __init__(self, expression, allowed):
        self.left, self.allowed = tokens(expression), allowed

    def next(self):
        return self.left.pop(0) if self.left else None

    def any(self):
        met = self.all()
        while self.left[:1] == ["OR"]:
            self.next()
            met = self.all() or met
        return met

    def all(self):
        met = self.one()
        while self.left[:1] == ["AND"]:
            self.next()
            met = self.one() and met
        return met

    def one(self):
        if self.left[:1] == ["("]:
            self.next()
            met = self.any()
            self.next()
            return met
        name = self.next()
        if self.left[:1] == ["WITH"]:
            self.next()
            name = f"{name} WITH {self.next()}"
        return name in self.allowed


def main(metadata, configuration):
    packages = json.loads(Path(metadata).read_text())["packages"]
    deny = tomli.loads(Path(configuration).read_text())
    allowed = set(deny["licenses"]["allow"])
    exceptions = {one["crate"]: set(one["allow"]) for one in deny["licenses"].get("exceptions", [])}
    registries = {f"registry+{url}" for url in deny["sources"]["allow-registry"]}
    banned = {one["crate"]: one["reason"] for one in deny["bans"]["deny"]}
    twice = {one["crate"]: one["reason"] for one in deny["bans"]["skip"]}
    versions = defaultdict(set)
    for package in packages:
        name, version = package["name"], package["version"]
        if package["source"] is None:
            continue
        versions[name].add(version)
        licence = package["license"]
        may = allowed | exceptions.get(name, set())
        check(licence and Licence(licence, may).any(), f"{name} {version} has the licence {licence}, which deny.toml does not allow")
        check(package["source"] in registries, f"{name} {version} comes from {package['source']}, which deny.toml does not allow")
        check(name not in banned, f"{name} is banned: {banned.get(name)}")
    for name, found in sorted(versions.items()):
        check(len(found) < 2 or name in twice, f"{name} is there in {len(found)} versions ({', '.join(sorted(found))}); bring them together, or say in deny.toml why not")
    for name in twice:
        check(len(versions[name]) > 1, f"deny.toml lets {name} be there twice, and it is not: take that out")
    for fault in faults:
        print(f"dependencies: {fault}", file=sys.stderr)
    return bool(faults)


sys.exit(main(*sys.argv[1:]))
