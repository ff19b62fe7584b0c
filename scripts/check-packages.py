"""Looks through the packages of the SDKs that package.sh has made in a folder. Says what is wrong, one a line."""

import email
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MADE = Path(sys.argv[1])
# What cargo, npm and pip add.
OF_CARGO = {"Cargo.toml", "Cargo.toml.orig", "Cargo.lock", ".cargo_vcs_info.json"}
# What only those need who work on an SDK.
OF_AUTHORS = ("test/", "tests/", "node_modules/", "clippy.toml")

faults: list[str] = []


def packed(file: Path) -> dict[str, bytes]:
    """What is in a package, by its path there."""
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    found = {}
    with tarfile.open(file) as archive:
        for member in archive:
            if member.issym() or member.islnk():
                faults.append(f"{file.name}: {member.name} is a link, which leads nowhere elsewhere")
            if member.isfile() and (content := archive.extractfile(member)):
                # All is below one folder.
                found[member.name.partition("/")[2]] = content.read()
    return found


def sources(folder: str, below: str = "") -> set[str]:
    """What an SDK is made of, whatever is a link here."""
    top = ROOT / folder
    lines = subprocess.run(["find", "-L", ".", "-type", "f", "-printf", r"%P\n"], cwd=top, capture_output=True, text=True, check=True).stdout.splitlines()
    return {line for line in lines if line.startswith(below) and not line.startswith(OF_AUTHORS) and not is_left_by_tools(line)}


def is_left_by_tools(path: str) -> bool:
    """Whether git ignores it: what is compiled, and what pytest, mypy and the like remember."""
    return any(part == "__pycache__" or part.startswith(".") for part in Path(path).parts)


def check(file: Path, has: set[str], needs: set[str]) -> None:
    for name in sorted(needs - has):
        faults.append(f"{file.name}: {name} is missing")
    for name in sorted(has - needs):
        faults.append(f"{file.name}: {name} should not be in it")


def made(pattern: str) -> Path:
    found = list(MADE.glob(pattern))
    if len(found) != 1:
        sys.exit(f"{pattern}: {len(found)} packages instead of one")
    return found[0]


def says(file: Path, metadata: dict[str, object], *wanted: str) -> None:
    for key in wanted:
        if not metadata.get(key):
            faults.append(f"{file.name}: its metadata has no {key}")


contract = re.search(r"package innkeeper:context@(\d+\.\d+)\.", (ROOT / "wit/innkeeper/types.wit").read_text())
versions = {}

for name, folder in (("innkeeper-sdk", "components/sdk"), ("innkeeper-sdk-derive", "components/sdk/derive")):
    file = made(f"{name}-[0-9]*.crate")
    has = packed(file)
    needs = {source for source in sources(folder) if not source.startswith("derive/")}
    check(file, set(has) - OF_CARGO, {*needs, "README.md"} - OF_CARGO)
    manifest = tomllib.loads(has["Cargo.toml"].decode())
    package = manifest["package"]
    says(file, package, "description", "license", "readme", "keywords", "categories", "rust-version", "edition")
    versions[file.name] = package["version"]
    for dependency, wanted in manifest.get("dependencies", {}).items():
        if not isinstance(wanted, dict) or "path" in wanted or "version" not in wanted:
            faults.append(f"{file.name}: {dependency} is not a version in a registry")
        if dependency.startswith("innkeeper-") and wanted["version"] != f"={package['version']}":
            faults.append(f"{file.name}: it wants {dependency} {wanted['version']}, and would take another one than its own")

file = made("innkeeper-sdk-*.tgz")
has = packed(file)
check(file, set(has), sources("javascript/sdk"))
package = json.loads(has["package.json"])
says(file, package, "description", "license", "keywords", "engines", "exports")
versions[file.name] = package["version"]
with tempfile.TemporaryDirectory() as place:
    home = Path(place, "node_modules/innkeeper-sdk")
    for name, content in has.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(content)
    script = """import { context, get } from "innkeeper-sdk"; import { TestContext } from "innkeeper-sdk/testing";
        const desk = context({ summary: "A desk.", routes: [get("/desk", () => "open")] });
        if (new TestContext(desk).get("/desk").body !== "open") process.exit(1);"""
    ran = subprocess.run(["node", "--input-type=module", "-e", script], cwd=place, capture_output=True, text=True)
    if ran.returncode != 0:
        faults.append(f"{file.name}: a context cannot use it: {ran.stderr.strip()}")

file = made("innkeeper-*.whl")
has = packed(file)
described = [name for name in has if ".dist-info/" in name]
check(file, set(has) - set(described), sources("python/sdk", "innkeeper/"))
if not any(name.endswith("/LICENSE") for name in described):
    faults.append(f"{file.name}: LICENSE is missing")
metadata = email.message_from_bytes(next(has[name] for name in described if name.endswith("/METADATA")))
says(file, metadata, "Summary", "License-Expression", "Keywords", "Requires-Python", "Description-Content-Type")
versions[file.name] = metadata["Version"]
with tempfile.TemporaryDirectory() as place:
    script = """import sys; sys.path.insert(0, sys.argv[1]); from innkeeper import Context; from innkeeper.testing import TestContext
context = Context("A desk.")
context.get("/desk")(lambda: "open")
sys.exit(TestContext(context).get("/desk").body != "open")"""
    ran = subprocess.run([sys.executable, "-I", "-c", script, str(file)], cwd=place, capture_output=True, text=True)
    if ran.returncode != 0:
        faults.append(f"{file.name}: a context cannot use it: {ran.stderr.strip()}")

file = made("innkeeper-*.tar.gz")
check(file, set(packed(file)) - {"PKG-INFO"}, sources("python/sdk"))

for name, version in versions.items():
    if contract is None or not version.startswith(f"{contract[1]}."):
        faults.append(f"{name}: its version is {version}, and not one for the contract {contract and contract[1]}")

if len(set(versions.values())) != 1:
    faults.append(f"the versions differ: {versions}")

for fault in faults:
    print(f"check-packages: {fault}", file=sys.stderr)
sys.exit(bool(faults))
