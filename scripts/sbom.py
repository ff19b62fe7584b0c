"""Says what a binary is made of, as a CycloneDX 1.5 document on standard output: sbom.py <what cargo metadata says> <Cargo.lock> <package>...

Of each package named, all crates that it is built with, as cargo has locked them; not those of its tests.
"""

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


def main(metadata, lock, *names):
    metadata = json.loads(Path(metadata).read_text())
    locked = tomllib.loads(Path(lock).read_text())["package"]
    checksums = {(one["name"], one["version"]): one.get("checksum") for one in locked}
    packages, edges = reached(metadata, names)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": names[0], "bom-ref": "image"}},
        "components": [component(package, checksums) for package in packages.values()],
        "dependencies": [{"ref": id, "dependsOn": edges[id]} for id in ["image", *packages]],
    }
    json.dump(document, sys.stdout, indent=1)
    print()


main(*sys.argv[1:])
