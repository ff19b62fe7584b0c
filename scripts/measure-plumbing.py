#!/usr/bin/env python3
"""How much of an app is plumbing: lines that a context needs to be connected, and that say nothing of what it does.

Counted are all lines that the app's author writes, but blank ones and comments: the packages in Rust with their tests, what contexts offer in WIT, the manifest, the
Cargo.toml of each package, and the script that tries the app as a whole. Plumbing is what would stand there in any other app, too:

- all of Cargo.toml, and the lines of the manifest that say where a package is;
- imports of the SDK, of serde and of the standard library, modules, and attributes of whole files; imports of a script;
- files of nothing but bindings, calls to others wrapped by hand, or answers of others that tests play by hand (bindings.rs, calls.rs, fakes.rs), `generate!` and `export!`
  elsewhere, and what turns one error into another (`impl From<Fault> for ...`);
- the package's own name in WIT.

What `context!` and `events!` say is none: a context's routes, tables, events and calls are what it does, and are written nowhere else.

usage: measure-plumbing.py [--most PERCENT] [--each] [--without PACKAGE]... APP
"""

import argparse
import pathlib
import re
import sys

# Files of which all is plumbing.
WHOLE = {"bindings.rs", "calls.rs", "fakes.rs", "Cargo.toml"}
# What begins an import that says nothing of the app.
IMPORT = re.compile(r"(pub(\(\w+\))?\s+)?use\s+(::)?(\{|(innkeeper_sdk|serde|serde_json|std|core|alloc|super)\b)")
MODULE = re.compile(r"(pub(\(\w+\))?\s+)?mod\s+\w+;")
# What begins a block that connects, up to the brace that closes it.
BLOCK = re.compile(r"(innkeeper_sdk::)?(wit_bindgen::)?(generate|export)!|impl\s+From<(innkeeper_sdk::)?Fault>\s+for\b")


def lines(text, comment):
    """The lines that say something, each with its number."""
    found = []
    in_comment = False
    for line in text.splitlines():
        stripped = line.strip()
        if comment == "//" and in_comment:
            in_comment = "*/" not in stripped
        elif comment == "//" and stripped.startswith("/*"):
            in_comment = "*/" not in stripped
        elif stripped and not stripped.startswith(comment):
            found.append(stripped)
    return found


def block_end(code, start):
    """How many lines a block has that begins here."""
    depth = 0
    for count, line in enumerate(code[start:], 1):
        depth += sum(line.count(opening) for opening in "({[") - sum(line.count(closing) for closing in ")}]")
        if depth <= 0 and (line.endswith((";", "}")) or count > 1):
            return count
    return len(code) - start


def plumbing_of_rust(code):
    """How many of these lines connect."""
    count = 0
    at = 0
    while at < len(code):
        line = code[at]
        if BLOCK.match(line) or IMPORT.match(line):
            length = block_end(code, at)
        elif MODULE.fullmatch(line) or line.startswith("#![") or line == "#[cfg(test)]":
            length = 1
        else:
            at += 1
            continue
        count += length
        at += length
    return count


def measure(file):
    """The lines of a file, and how many of them are plumbing."""
    text = file.read_text()
    code = lines(text, "//" if file.suffix in {".rs", ".wit"} else "#")
    if file.name in WHOLE:
        return len(code), len(code)
    if file.suffix == ".rs":
        return len(code), plumbing_of_rust(code)
    if file.suffix == ".wit":
        return len(code), sum(line.startswith("package ") for line in code)
    if file.suffix != ".toml":
        return len(code), sum(line.startswith(("import ", "from ")) for line in code)
    return len(code), sum(line.startswith(("package =", "component =")) for line in code)


def files_of(app, without):
    """The files that the author has written, but those of these packages."""
    packages = [package for package in sorted((app / "components").iterdir()) if (package / "Cargo.toml").is_file()]
    packages = [package for package in packages if package.name not in {*without, "sdk"}]
    found = [app / "innkeeper.toml"]
    for package in packages:
        found += [package / "Cargo.toml", *sorted(package.glob("src/**/*.rs")), *sorted(package.glob("tests/**/*.rs"))]
    scripts = [file for file in sorted((app / "tests").glob("e2e*")) if file.is_file()]
    return found + sorted((app / "wit").glob("**/*.wit")) + scripts


def main():
    given = argparse.ArgumentParser(description="How much of an app is plumbing.")
    given.add_argument("--most", type=float, help="fail when it is more than this, in percent")
    given.add_argument("--each", action="store_true", help="show each file")
    given.add_argument("app", type=pathlib.Path)
    given.add_argument("--without", action="append", default=[], help="not this package")
    given = given.parse_args()
    measured = [(file, *measure(file)) for file in files_of(given.app, given.without)]
    if given.each:
        for file, total, plumbing in measured:
            print(f"{plumbing:5} of {total:5}  {file.relative_to(given.app)}")
    total, plumbing = (sum(each) for each in zip(*((total, plumbing) for _, total, plumbing in measured)))
    share = 100 * plumbing / total
    print(f"{plumbing} of {total} lines are plumbing: {share:.1f} %")
    if given.most is not None and share > given.most:
        sys.exit(f"measure-plumbing: that is more than {given.most:g} %")


if __name__ == "__main__":
    main()
