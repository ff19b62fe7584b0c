"""Checks what cargo has locked against a database of advisories, a checkout of RustSec/advisory-db: lint-advisories.py <database> <deny.toml> <Cargo.lock>...

Run by lint-dependencies.sh, where there is such a database. What `ignore` in deny.toml names is left out, as cargo-deny does. A crate that is not maintained any more is no fault of it, and is said.
"""

import re
import sys
from pathlib import Path

import tomli

FRONT_MATTER = re.compile(r"```toml\n(.*?)```", re.DOTALL)
COMPARATOR = re.compile(r"(>=|<=|>|<|=|\^|~)?\s*(\d+)(?:\.(\d+|\*))?(?:\.(\d+|\*))?(?:-([0-9A-Za-z.-]+))?(?:\+\S*)?$")


def key(numbers, pre):
    """What versions are ordered by: one that is yet to come is before that which it is for."""
    parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in (pre or "").split(".") if part]
    return (*numbers, 0 if pre else 1, parts)


def version(text):
    numbers, _, pre = text.partition("+")[0].partition("-")
    return key(tuple(int(number) for number in numbers.split(".")), pre)


def meets(found, comparator):
    """Whether a version meets one comparator, as cargo reads it."""
    parsed = COMPARATOR.match(comparator.strip())
    if not parsed:
        sys.exit(f"advisories: `{comparator}` is no requirement of a version")
    operator, *parts, pre = parsed.groups()
    given = [int(part) for part in parts if part and part.isdigit()]
    low = key(tuple(given + [0] * (3 - len(given))), pre)
    if operator == ">=":
        return found >= low
    if operator == "<":
        return found < low

    def above(kept):
        """The first version whose numbers are others than the first so many."""
        numbers = given[:kept]
        return key((*numbers[:-1], numbers[-1] + 1, *[0] * (3 - kept)), "0")

    if operator in (">", "<="):
        # What is not said of a version may be anything.
        beyond = found > low if len(given) == 3 else found >= above(len(given))
        return beyond if operator == ">" else not beyond
    if operator == "=":
        return found == low if len(given) == 3 else low <= found < above(len(given))
    if operator == "~":
        return low <= found < above(min(2, len(given)))
    first = next((place for place, number in enumerate(given) if number), len(given) - 1)
    return low <= found < above(first + 1)


def is_among(found, requirements):
    return any(all(meets(found, one) for one in requirement.split(",")) for requirement in requirements)


def main(database, configuration, *locks):
    ignored = set(tomli.loads(Path(configuration).read_text()).get("advisories", {}).get("ignore", []))
    locked = {}
    for lock in locks:
        for package in tomli.loads(Path(lock).read_text())["package"]:
            if "source" in package:
                locked.setdefault(package["name"], set()).add(package["version"])
    faults, met = [], set()
    for name, versions in sorted(locked.items()):
        for file in sorted(Path(database, "crates", name).glob("RUSTSEC-*.md")):
            advisory = tomli.loads(FRONT_MATTER.match(file.read_text())[1])
            said, fine = advisory["advisory"], advisory.get("versions", {})
            fine = fine.get("patched", []) + fine.get("unaffected", [])
            for found in sorted(versions):
                if said.get("withdrawn") or is_among(version(found), fine):
                    continue
                met.add(said["id"])
                title = re.search(r"^# (.+)$", file.read_text(), re.MULTILINE)
                line = f"{name} {found}: {said['id']}: {title[1] if title else 'without a title'}"
                if said["id"] in ignored:
                    continue
                if said.get("informational") in ("unmaintained", "notice"):
                    print(f"advisories: {line} (no fault of it: {said['informational']})")
                else:
                    faults.append(line)
    for fault in faults:
        print(f"advisories: {fault}; take a newer version, or say in deny.toml why it does not matter", file=sys.stderr)
    for unknown in sorted(ignored - met):
        print(f"advisories: deny.toml ignores {unknown}, which concerns nothing here: take that out", file=sys.stderr)
    return bool(faults or ignored - met)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
