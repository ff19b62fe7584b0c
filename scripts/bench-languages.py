#!/usr/bin/env python3
"""Measures what a context costs in each language: the one that `innkeeper new notes` writes, with every request run by a guest, in turns.

    make build PROFILE=release
    scripts/bench-languages.py target/release/innkeeper [--only python] [--rounds 3] [--seconds 5] [--apps FOLDER]

Making the apps takes minutes, since what builds each language is installed into its app. In FOLDER they are kept for the next run. What is printed is the table of docs/languages.md; each number is the middle of all rounds.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import urllib.request
from pathlib import Path

from measured_host import MeasuredHost

LANGUAGES = {"rust": "Rust", "javascript": "JavaScript", "python": "Python"}
# Every request is to run the guest, and Python takes more memory than a context has by default.
LIMITS = {"INNKEEPER_CONTEXT__NOTES__LIMITS__ANSWERS": "0", "INNKEEPER_CONTEXT__NOTES__LIMITS__MEMORY": "256MiB"}
NOTE = json.dumps({"text": "two words"})
CONNECTIONS = 16


class Measured:
    """The context in one language, built, and what was seen of it."""

    def __init__(self, binary, language, apps, home):
        self.binary, self.title = binary, LANGUAGES[language]
        app = apps / language / "notes"
        self.manifest = app / "innkeeper.toml"
        if not app.exists():
            app.parent.mkdir(parents=True, exist_ok=True)
            self._run("new", "notes", "--language", language, "--in", str(app.parent))
        self._run("build", "--app", str(self.manifest))
        [component] = app.glob("*/target/innkeeper/notes.wasm")
        self.component = component.stat().st_size
        self.data = home / language
        # The first start compiles it, in a process of its own; the memory is that of a start which finds it compiled.
        first = self._open()
        try:
            self.compiling = first.processor(children=True)
        finally:
            first.close()
        self.code = sum(file.stat().st_size for file in (self.data / "artifacts").rglob("*") if file.is_file())
        self.reads, self.writes = [], []
        self.host = self._open()
        # Nobody else knows of it yet.
        try:
            self.resident = self.host.resident()
            request = urllib.request.Request(f"{self.host.base}/notes", NOTE.encode(), {"content-type": "application/json"})
            urllib.request.urlopen(request, timeout=30).read()
        except BaseException:
            self.host.close()
            raise

    def _run(self, *arguments):
        subprocess.run([self.binary, *arguments], check=True, stdout=subprocess.DEVNULL)

    def _open(self):
        return MeasuredHost(self.title, self.binary, self.manifest, self.data, LIMITS)

    def turn(self, seconds, script):
        """Reads, and then writes, each of which is an event that the context follows itself."""
        self.reads.append(self._load("/notes/1", seconds))
        self.writes.append(self._load("/notes", seconds, script))

    def _load(self, path, seconds, script=None):
        self.host.load(path, seconds, CONNECTIONS, threads=1, script=script)
        seen = (self.host.rates[-1], self.host.late[-1], self.host.costs[-1] / 1000)
        self.host.forget()
        return seen


def middle(turns):
    return [statistics.median(values) for values in zip(*turns)]


def rate(turns):
    rate, late, _ = middle(turns)
    return f"{rate:,.0f}, {late:.1f} ms"


def cost(turns):
    return f"{middle(turns)[2]:.3g} ms"


def table(languages):
    yield ("component", *(f"{one.component / 1000:,.0f} kB" for one in languages))
    yield ("machine code, on disk and in memory while it is loaded", *(f"{one.code / 1000:,.0f} kB" for one in languages))
    yield ("compiling it, once for each digest, processor time", *(f"{one.compiling:.1f} s" for one in languages))
    yield ("memory of the host after its start", *(f"{one.resident / 1e6:.0f} MB" for one in languages))
    yield ("a read, processor time", *(cost(one.reads) for one in languages))
    yield ("reads a second, p99", *(rate(one.reads) for one in languages))
    yield ("a write with an event that it follows itself, processor time", *(cost(one.writes) for one in languages))
    yield ("writes a second, p99", *(rate(one.writes) for one in languages))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--only", choices=LANGUAGES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--apps", type=Path)
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp())
    script = home / "post.lua"
    script.write_text(f"wrk.method = 'POST'\nwrk.body = '{NOTE}'\nwrk.headers['content-type'] = 'application/json'\n")
    languages = []
    try:
        for language in LANGUAGES:
            if asked.only in (None, language):
                languages.append(Measured(asked.binary, language, asked.apps or home / "apps", home / "data"))
        for one in languages:
            one.turn(1, script)
            one.reads.clear(), one.writes.clear()
        for turn in range(asked.rounds):
            # Nobody is always first.
            for one in languages[turn % len(languages) :] + languages[: turn % len(languages)]:
                one.turn(asked.seconds, script)
        print("| | " + " | ".join(one.title for one in languages) + " |\n|---|" + "---:|" * len(languages))
        for row in table(languages):
            print("| " + " | ".join(row) + " |")
    finally:
        for one in languages:
            one.host.close()
        shutil.rmtree(home)


main()
