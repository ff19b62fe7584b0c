"""Checks that imports go down only, by the table of rooms in docs/architecture.md. Run by lint-rooms.sh.

The table lists the rooms from the bottom up: a room may import those above its row, and none below it. What stands in backticks in its last column is a room or
a crate that it does not know, whatever the order says. A directory or file of host/src that has no row is a fault, and so is a row that nothing belongs to.
"""

import re
import sys
from pathlib import Path

HEADING = "## The rooms"
# Texts and comments say what they like. Of a lifetime, such as 'a, nothing is taken for the beginning of a character.
COMMENT_OR_TEXT = re.compile(
    r'''//[^\n]*|/\*.*?\*/|\bb?r(?P<hashes>\#*)".*?"(?P=hashes)|\bb?"(?:\\.|[^"\\])*"|"(?:\\.|[^"\\])*"|b?'(?:\\[^']*|[^'\\])\'''',
    re.DOTALL,
)
MODULE = re.compile(r"\bmod\s+\w+\s*\{")


class Room:
    """One row of the table."""

    def __init__(self, name, order, unknown):
        self.name, self.order, self.unknown = name, order, unknown


def rooms(architecture):
    """The rows of the table, by name."""
    section = architecture.split(HEADING, 1)[1].split("\n## ", 1)[0]
    found = {}
    for line in section.splitlines():
        columns = [column.strip() for column in line.strip().strip("|").split(" | ")]
        name = re.match(r"`(\w+)`", columns[0]) if line.startswith("|") else None
        if name:
            unknown = re.findall(r"`([\w:]+)`", columns[-1])
            found[name[1]] = Room(name[1], len(found), unknown)
    return found


def without_texts(source):
    """The same code, each character at its place, with nothing in it that is only read by people."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match[0])

    return COMMENT_OR_TEXT.sub(blank, source)


def closing(source, opening):
    """Where the brace that opens here is closed."""
    depth = 0
    for place in range(opening, len(source)):
        depth += {"{": 1, "}": -1}.get(source[place], 0)
        if depth == 0:
            return place
    return len(source)


def first_names(group):
    """The first name of each path in a group, without its braces."""
    depth, start = 0, 0
    for place, character in enumerate(group + ","):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0 and character == ",":
            name = re.match(r"\s*(\w+|\*)", group[start:place])
            if name:
                yield start + name.start(1), name[1]
            start = place + 1


def after(source, place):
    """The names that follow a path's `::`, each with its place: one, or those of a group."""
    follows = re.compile(r"\s*(?:(\w+|\*)|(\{))").match(source, place)
    if follows and follows[1]:
        yield follows.start(1), follows[1]
    elif follows:
        begin = follows.end()
        for offset, name in first_names(source[begin : closing(source, follows.start(2))]):
            yield begin + offset, name


def named(source, depth):
    """What of the crate's top level some code names, and where. `depth` is how deep its module lies below that."""
    for match in re.finditer(r"\bcrate\s*::", source):
        yield from after(source, match.end())
    inner = [(match.start(), closing(source, match.end() - 1)) for match in MODULE.finditer(source)]
    for match in re.finditer(r"(?<![\w:])(?:self\s*::\s*)?((?:super\s*::\s*)+)", source):
        here = depth + sum(begin < match.start() < end for begin, end in inner)
        if match[1].count("super") == here:
            yield from after(source, match.end())


def line(source, place):
    return source.count("\n", 0, place) + 1


def check_file(path, source, room, table, depth):
    """The faults of one file of a room."""
    source = without_texts(source)
    for place, name in named(source, depth):
        other = table.get(name)
        where = f"{path}:{line(source, place)}"
        if name == "*":
            yield f"{where}: {room.name} imports all that there is; name what it needs"
        elif other and other.order > room.order:
            yield f"{where}: {room.name} imports {name}, which is above it in docs/architecture.md; move down what both need, or hand it in from above"
        elif name in room.unknown:
            yield f"{where}: {room.name} imports {name}, which it does not know by docs/architecture.md"
    for unknown in set(room.unknown) - table.keys():
        uses = rf"(?<![\w:.]){re.escape(unknown)}\s*::|\buse\s+{re.escape(unknown)}\b"
        for match in re.finditer(uses, source):
            yield f"{path}:{line(source, match.start())}: {room.name} uses {unknown}, which it does not know by docs/architecture.md"


def check(root):
    """All faults of the repository at `root`."""
    table = rooms((root / "docs/architecture.md").read_text())
    source = root / "host/src"
    paths = [path for path in source.iterdir() if path.suffix == ".rs" or any(path.rglob("*.rs"))]
    found = {path.stem: path for path in paths if path.stem not in ("lib", "main")}
    crates = {name: root / "host" / name / "src" for name in table if (root / "host" / name / "src").is_dir()}
    for name in sorted(found.keys() - table.keys()):
        yield f"host/src/{name} has no row in the table of docs/architecture.md: say there what it is for, and where in the order it belongs"
    for name in table.keys() - found.keys() - crates.keys():
        yield f"docs/architecture.md has a row for {name}, and there is no such room"
    for name, path in sorted((crates | found).items()):
        if name in table:
            for file in sorted(path.rglob("*.rs")) if path.is_dir() else [path]:
                parts = file.relative_to(source if name in found else path).with_suffix("").parts
                depth = len(parts) - (parts[-1] in ("mod", "lib"))
                yield from check_file(file.relative_to(root), file.read_text(), table[name], table, depth)


if __name__ == "__main__":
    faults = list(check(Path(sys.argv[1])))
    for fault in faults:
        print(f"rooms: {fault}", file=sys.stderr)
    sys.exit(bool(faults))
