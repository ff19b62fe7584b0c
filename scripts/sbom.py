"""Says what a binary or a component is made of, as a CycloneDX 1.5 document on standard output: sbom.py [--file FILE] <what cargo metadata says> <Cargo.lock> <package>...

Of each package named, all crates that it is built with, as cargo has locked them; not those of its tests. With --file also the checksum of what was built, which for a component is the digest that a
host knows it by.
"""

import argparse
import hashlib
import json
import sys
import tomllib
from pathlib import Path


def reached(metadata, names):
    """The ids of all that some packages are built with, and of themselves."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    packages = {package["id"]: package for package in metadata["packages"]}
    left = [id for id in metadata["workspace_members"] if packages[id]["name"] in names]
    if len(left) != len(names):
        sys.exit(f"sbom: the workspace does not have all of {', '.join(names)}")
    found = set()
    while left:
        id = left.pop()
        if id in found:
            continue
        found.add(id)
        for dependency in nodes[id]["deps"]:
            if any(kind["kind"] != "dev" for kind in dependency["dep_kinds"]):
                left.append(dependency["pkg"])
    edges = {id: sorted({one["pkg"] for one in nodes[id]["deps"]} & found) for id in found}
    edges["image"] = sorted(id for id in found if packages[id]["name"] in names and id in metadata["workspace_members"])
    return {id: packages[id] for id in sorted(found)}, edges


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package, checksums):
    described = {
        "type": "library",
        "bom-ref": package["id"],
        "name": package["name"],
        "version": package["version"],
        "purl": purl(package),
    }
    if package["license"]:
        described["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    checksum = checksums.get((package["name"], package["version"]))
    if checksum:
        described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return described


def built(name, file):
    """What was built of a package."""
    described = {"type": "application", "name": name, "bom-ref": "image"}
    if file:
        described["hashes"] = [{"alg": "SHA-256", "content": hashlib.sha256(file.read_bytes()).hexdigest()}]
    return described


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path)
    parser.add_argument("metadata", type=Path)
    parser.add_argument("lock", type=Path)
    parser.add_argument("names", nargs="+")
    given = parser.parse_args()
    metadata = json.loads(given.metadata.read_text())
    locked = tomllib.loads(given.lock.read_text())["package"]
    checksums = {(one["name"], one["version"]): one.get("checksum") for one in locked}
    packages, edges = reached(metadata, given.names)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": built(given.names[0], given.file)},
        "components": [component(package, checksums) for package in packages.values()],
        "dependencies": [{"ref": id, "dependsOn": edges[id]} for id in ["image", *packages]],
    }
    json.dump(document, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
