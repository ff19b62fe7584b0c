"""Tests that lint-rooms.py finds what it is there to find. Run by lint-rooms.sh."""

import importlib.util
import tempfile
import unittest
from pathlib import Path

specification = importlib.util.spec_from_file_location("lint_rooms", Path(__file__).with_name("lint-rooms.py"))
lint_rooms = importlib.util.module_from_spec(specification)
specification.loader.exec_module(lint_rooms)

TABLE = """# Architecture

## The rooms

| room | what it is for | what it does not know |
|---|---|---|
| `core` | what all need | whose it is |
| `config` | what is set | who reads it |
| `events` | what follows | `hyper`, and `config` never |
| `gateway` | the way in | state |

## Something else

| `cellar` | is no row | of it |
"""


class Imports(unittest.TestCase):
    def faults(self, files, table=TABLE):
        """The faults of a repository with these files below host/src."""
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            rooms = {f"{room}/mod.rs": "" for room in ("core", "config", "events", "gateway")}
            sources = {f"host/src/{name}": text for name, text in (rooms | files).items()}
            for name, text in (sources | {"docs/architecture.md": table}).items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            return list(lint_rooms.check(root))

    def refused(self, file, text, *expected):
        faults = self.faults({file: text})
        self.assertEqual(len(faults), 1, faults)
        for part in expected:
            self.assertIn(part, faults[0])

    def passes(self, file, text):
        self.assertEqual(self.faults({file: text}), [])

    def test_imports_go_down(self):
        self.passes("gateway/mod.rs", "use crate::core::Clock;\nuse crate::events::{self, Feed};\nuse super::core::Id;")
        self.passes("lib.rs", "pub mod gateway;")

    def test_an_import_that_goes_up(self):
        self.refused("events/lane.rs", "//! A lane.\n\nuse crate::gateway::Route;", "host/src/events/lane.rs:3", "events imports gateway")
        self.refused("events/lane.rs", "#[cfg(test)]\nmod tests {\n    use crate::gateway::Route;\n}", "lane.rs:3")

    def test_a_group(self):
        self.refused("events/mod.rs", "use crate::{\n    core::{Clock, gateway},\n    gateway::Route,\n};", "mod.rs:3", "gateway")
        self.passes("events/mod.rs", "use crate::{events::{self, gateway}};")

    def test_a_path_in_the_code(self):
        self.refused("core/id.rs", "fn id() -> u64 {\n    crate::events::next()\n}", "id.rs:2", "core imports events")
        self.refused("core/id.rs", "macro_rules! id { () => { $crate::events::next() } }", "core imports events")

    def test_a_path_by_the_parents(self):
        self.refused("events/lane/read.rs", "use super::super::super::gateway::Route;", "events imports gateway")
        self.refused("events/mod.rs", "use super::{core::Id, gateway::Route};", "events imports gateway")
        self.refused("events/mod.rs", "mod tests {\n    use super::super::gateway::Route;\n}", "mod.rs:2")
        # A module of its own, which has the name of a room.
        self.passes("events/lane.rs", "use super::gateway::Route;")
        self.passes("events/mod.rs", "mod tests {\n    use super::gateway::Route;\n}")

    def test_everything_at_once(self):
        self.refused("core/id.rs", "use crate::*;", "core imports all")

    def test_what_only_people_read(self):
        self.passes("core/id.rs", "//! See [`crate::events`].\n/* crate::events::a */\nconst A: &str = \"crate::events::a\";")
        self.passes("core/id.rs", "const A: &str = r#\"say \"crate::events::a\"\"#;\nfn b<'a>(c: &'a str) {}")
        self.refused("core/id.rs", "const A: (char, &str) = ('\"', \"//\"); fn b() { crate::events::c() }", "core imports events")

    def test_what_a_room_does_not_know(self):
        self.refused("events/mod.rs", "use hyper::Request;", "events uses hyper")
        self.refused("events/mod.rs", "fn a(b: hyper::Request) {}", "events uses hyper")
        self.refused("events/mod.rs", "use crate::{config::Live, core::Id};", "events imports config")
        self.passes("gateway/mod.rs", "use hyper::Request;")

    def test_a_room_that_is_not_on_the_map(self):
        self.refused("attic/mod.rs", "", "host/src/attic has no row")
        self.refused("cellar.rs", "", "host/src/cellar has no row")

    def test_a_row_without_a_room(self):
        table = TABLE.replace("| `gateway`", "| `attic` | nothing | nothing |\n| `gateway`")
        self.assertEqual(len(self.faults({}, table)), 1)


if __name__ == "__main__":
    unittest.main()
