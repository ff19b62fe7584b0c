"""The WIT of a component: the contract, and the interfaces of the app that the context offers and calls."""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from .signatures import Signature, Signatures

MANIFEST = "innkeeper.toml"
"""What an app has in its directory: what lies above that is no part of it."""
CONTRACT = Path(__file__).resolve().parent.parent.parent / "wit"
OUTSIDE = CONTRACT / "deps" / "innkeeper-outbound" / "http.wit"
OF_THE_CONTRACT = ("types.wit", "imports.wit", "exports.wit", "world.wit")
PACKAGE = re.compile(r"^\s*package\s+([a-z0-9:-]+)(?:@([0-9A-Za-z.+-]+))?\s*;", re.MULTILINE)


class Refused(Exception):
    """Something that whoever builds can mend: it is said without where it was found out."""


@dataclass
class Package:
    """A package of WIT, and where it was found."""

    version: str | None
    files: list[Path] = field(default_factory=list)


@dataclass
class Written:
    """The WIT of a component."""

    contract: str
    calls: dict[str, str]
    """The ids of interfaces with their versions, by those without."""
    offers: dict[str, str]
    signatures: dict[str, dict[str, Signature]]
    """What the functions of these take and answer, by the ids without versions."""
    files: list[Path]
    """What it is made of, besides the contract."""
    text: str
    outside: str | None
    """The id of the interface by which it asks outside, with its version; None where it does not."""


def packages_for(directory: Path) -> dict[str, Package]:
    """The packages in the folders `wit` of a directory and those above it, up to the app's, the nearest first, by their names."""
    packages: dict[str, Package] = {}
    for above in (directory, *directory.parents):
        found: dict[str, Package] = {}
        for file in sorted((above / "wit").rglob("*.wit")):
            declared = PACKAGE.search(file.read_text(encoding="utf-8"))
            if declared is not None:
                found.setdefault(declared[1], Package(declared[2])).files.append(file)
        packages = {**found, **packages}
        if (above / MANIFEST).exists():
            break
    return packages


def write_wit(
    directory: Path, calls: list[str], offers: dict[str, list[str]], migrates: bool, asks_outside: bool, folder: Path
) -> Written:
    """Writes the WIT of a context into a folder. `offers` are the functions that it offers, by the ids of their interfaces."""
    packages = packages_for(directory)
    shutil.rmtree(folder, ignore_errors=True)
    contract = folder / "deps" / "innkeeper-context"
    contract.mkdir(parents=True)
    for name in OF_THE_CONTRACT:
        shutil.copyfile(CONTRACT / name, contract / name)
    shutil.copytree(CONTRACT / "deps", folder / "deps", dirs_exist_ok=True)
    files = []
    for name, package in packages.items():
        # The contract has those already.
        if name.startswith(("wasi:", "innkeeper:")):
            continue
        to = folder / "deps" / name.replace(":", "-")
        to.mkdir()
        for index, file in enumerate(package.files):
            shutil.copyfile(file, to / f"{index}.wit")
        files += package.files

    def versioned(id: str) -> str:
        name, _, interface = id.partition("/")
        if name not in packages or interface == "":
            known = ", ".join(sorted(one for one in packages if not one.startswith(("wasi:", "innkeeper:")))) or "none"
            raise Refused(f"there is no interface {id}: its package is none of those in the folders `wit` above {directory} ({known})")
        version = packages[name].version
        return id if version is None else f"{id}@{version}"

    called = {id: versioned(id) for id in calls}
    offered = {id: versioned(id) for id in offers}
    texts = {name: [file.read_text(encoding="utf-8") for file in package.files] for name, package in packages.items()}
    read = Signatures(texts)
    signatures = {id: read.of(id) for id in {**called, **offered}}
    for id, functions in offers.items():
        _refuse_other_functions(id, list(signatures[id]), functions)
        for name, parameters in read.parameters_of(id).items():
            if "self" in parameters:
                raise Refused(f"the function {name} of {id} has a parameter `self`, which componentize-py calls the object by: nothing in Python can offer it; give it another name in the WIT")
    version = _version_in(CONTRACT / "types.wit")
    outside = f"innkeeper:outbound/http@{_version_in(OUTSIDE)}" if asks_outside else None
    lines = [
        f"    include innkeeper:context/{'complete' if migrates else 'documented'}@{version};",
        *(f"    import {one};" for one in (*called.values(), *filter(None, [outside]))),
        *(f"    export {one};" for one in offered.values()),
    ]
    (folder / "guest.wit").write_text("package innkeeper:guest;\n\nworld guest {\n" + "\n".join(lines) + "\n}\n", encoding="utf-8")
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*.wit")))
    return Written(version, called, offered, signatures, files, text, outside)


def _refuse_other_functions(id: str, asked: list[str], offered: list[str]) -> None:
    for name in asked:
        if name not in offered:
            raise Refused(f"the interface {id} has the function {name}, and the context does not offer it: @context.offer({id!r}) above a function {name.replace('-', '_')}")
    for name in offered:
        if name not in asked:
            raise Refused(f"the context offers a function {name} of {id}, which the interface does not have: there is {', '.join(asked) or 'none'}")


def _version_in(file: Path) -> str:
    """The version of the contract's package that a file is of."""
    declared = PACKAGE.search(file.read_text(encoding="utf-8"))
    if declared is None or declared[2] is None:
        raise Refused(f"{file} is not of the contract: it names no version")
    return declared[2]
