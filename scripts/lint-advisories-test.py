"""Tests that lint-advisories.py finds what it is there to find. Run by lint-dependencies.sh."""

import contextlib
import importlib.util
import io
import tempfile
import unittest
from pathlib import Path

specification = importlib.util.spec_from_file_location("lint_advisories", Path(__file__).with_name("lint-advisories.py"))
lint_advisories = importlib.util.module_from_spec(specification)
specification.loader.exec_module(lint_advisories)

ADVISORY = """```toml
[advisory]
id = "RUSTSEC-2026-0001"
package = "cellar"
{more}
[versions]
patched = [">= 1.5.1, < 1.6.0", "^1.6.3"]
unaffected = ["< 0.3"]
```

# The cellar is flooded
"""


class Advisories(unittest.TestCase):
    def look(self, version, ignored=(), more=""):
        with tempfile.TemporaryDirectory() as home:
            home = Path(home)
            (home / "crates/cellar").mkdir(parents=True)
            (home / "crates/cellar/RUSTSEC-2026-0001.md").write_text(ADVISORY.format(more=more))
            (home / "deny.toml").write_text(f"[advisories]\nignore = {list(ignored)}\n")
            (home / "Cargo.lock").write_text(f'[[package]]\nname = "cellar"\nversion = "{version}"\nsource = "registry"\n')
            with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(said):
                failed = lint_advisories.main(home, home / "deny.toml", home / "Cargo.lock")
            return failed, said.getvalue()

    def test_versions_are_compared_as_cargo_does(self):
        for version, is_bad in {
            "0.2.9": False, "0.3.0": True, "1.5.0": True, "1.5.1": False, "1.5.9": False, "1.6.0": True, "1.6.3-alpha.1": True, "1.6.3": False, "1.10.0": False, "2.0.0": True,
        }.items():
            failed, said = self.look(version)
            self.assertEqual(failed, is_bad, f"{version}: {said}")
            self.assertEqual("RUSTSEC-2026-0001: The cellar is flooded" in said, is_bad)

    def test_requirements_are_read_in_each_form(self):
        meets = lambda version, comparator: lint_advisories.meets(lint_advisories.version(version), comparator)
        for comparator, met, missed in [
            ("=1.2.3", "1.2.3", "1.2.4"), ("=1.2", "1.2.9", "1.3.0"), ("~1.2.3", "1.2.9", "1.3.0"), ("1.2", "1.9.0", "2.0.0"), ("^0.2.3", "0.2.9", "0.3.0"),
            ("^0.0.3", "0.0.3", "0.0.4"), (">1.2", "1.3.0", "1.2.9"), ("<=1.2", "1.2.9", "1.3.0"), ("> 1.2.3", "1.2.4", "1.2.3"), ("<= 1.2.3", "1.2.3", "1.2.4"),
        ]:
            self.assertTrue(meets(met, comparator), f"{met} {comparator}")
            self.assertFalse(meets(missed, comparator), f"{missed} {comparator}")

    def test_what_is_ignored_is_left_out_and_has_to_be_there(self):
        self.assertEqual(self.look("1.0.0", ["RUSTSEC-2026-0001"])[0], False)
        failed, said = self.look("1.6.3", ["RUSTSEC-2026-0001"])
        self.assertTrue(failed and "take that out" in said, said)

    def test_what_is_no_fault_is_said(self):
        failed, said = self.look("1.0.0", more='informational = "unmaintained"')
        self.assertTrue(not failed and "unmaintained" in said, said)
        self.assertEqual(self.look("1.0.0", more='withdrawn = "2026-01-01"'), (False, ""))


unittest.main()
