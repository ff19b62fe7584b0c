"""Builds a context's component: `python build.py PACKAGE NAME DIRECTORY`. What is made on the way, and the component, is in the directory. A line for each step is printed."""

import hashlib
import importlib
import importlib.metadata
import os
import subprocess
import sys
import tomllib
import traceback
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from wit import Refused, Written, write_wit  # noqa: E402

SDK = Path(__file__).resolve().parent.parent
ENTRY = "innkeeper_entry"


def main(package: Path, name: str, out: Path) -> None:
    """Builds a component."""
    out.mkdir(parents=True, exist_ok=True)
    source = package / "src"
    print(f"reading {name}", flush=True)
    context = declared(package, source)
    offers = {id: list(functions) for id, functions in context.offers.items()}
    calls = [one.interface for one in context.calls]
    wit = write_wit(package, calls, offers, context.schema is not None, out / "wit")
    entry = out / "entry" / f"{ENTRY}.py"
    entry.parent.mkdir(exist_ok=True)
    entry.write_text(entry_text(wit, module_of(package)), encoding="utf-8")
    made_of = sorted({*read_from(package), *sources_of_the_sdk()})
    watched = [*made_of, *wit.files, package / "pyproject.toml"]
    (out / "component.d").write_text(f"component.wasm: {' '.join(as_in_make(file) for file in watched)}\n", encoding="utf-8")
    digest = hashlib.sha256()
    for file in [entry, *made_of]:
        digest.update(f"{file}\0".encode())
        digest.update(file.read_bytes() + b"\0")
    digest.update(f"{wit.text}\0{importlib.metadata.version('componentize-py')}".encode())
    componentize(name, source, out, digest.hexdigest())


def module_of(package: Path) -> str:
    """The module that declares the context."""
    with open(package / "pyproject.toml", "rb") as file:
        try:
            manifest = tomllib.load(file)
        except ValueError as error:
            raise Refused(f"{package / 'pyproject.toml'}: {error}") from None
    module: object = manifest.get("tool", {}).get("innkeeper", {}).get("module", "main")
    if not isinstance(module, str):
        raise Refused(f"{package / 'pyproject.toml'}: `module` under [tool.innkeeper] is the name of the module that declares the context")
    return module


def declared(package: Path, source: Path) -> Any:
    """The context that the main module declares. It is run here, as it is when the component is made: what it does at its top is done once."""
    name = module_of(package)
    sys.path[:0] = [str(source), str(SDK)]
    from innkeeper import Context

    try:
        module = importlib.import_module(name)
        context = getattr(module, "context", None)
        if not isinstance(context, Context):
            raise Refused(f"{module.__file__ or name} has no context: context = Context(\"…\")")
        # What could not be described to the host is said now.
        context.describe({})
    except Refused:
        raise
    except BaseException as error:
        raise Refused(said_of(error, package)) from None
    return context


def said_of(error: BaseException, package: Path) -> str:
    """What an exception of a context says, from the first place on that is the context's."""
    places = traceback.extract_tb(error.__traceback__)
    own = [place for place in places if Path(place.filename).is_relative_to(package)]
    return "".join(traceback.format_list(own) + traceback.format_exception_only(error)).rstrip()


def read_from(package: Path) -> list[Path]:
    """The files of the modules that the context has imported, but those of Python."""
    places = [package.resolve(), Path(sys.prefix).resolve()]
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    found = [Path(file).resolve() for file in files if file is not None]
    return [file for file in found if any(file.is_relative_to(place) for place in places)]


def sources_of_the_sdk() -> list[Path]:
    """What the component has of the SDK."""
    return [file for file in (SDK / "innkeeper").rglob("*.py") if "testing" not in file.parts]


def as_in_make(file: Path) -> str:
    """A file as make names it."""
    return str(file).replace("\\", "\\\\").replace(" ", "\\ ")


def entry_text(wit: Written, module: str) -> str:
    """The module that a component is made of: it exports what the context declares."""
    versions = {**wit.calls, **wit.offers}
    signatures = {
        id: {name: (one.parameters, one.answer, one.errors) for name, one in functions.items()}
        for id, functions in wit.signatures.items()
    }
    return "\n".join(
        [
            f"from {module} import context",
            "from innkeeper.component import exports",
            "",
            f"globals().update(exports(context, {wit.contract!r}, {versions!r}, {wit.calls!r}, {signatures!r}))",
            "",
        ]
    )


def componentize(name: str, source: Path, out: Path, digest: str) -> None:
    """Makes the component, unless it is there: the same sources make the same."""
    stamp, file = out / "component.stamp", out / "component.wasm"
    if file.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return
    print(f"making the component of {name}", flush=True)
    fresh = out / f"component.{os.getpid()}"
    paths = [argument for path in (out / "entry", source, SDK) for argument in ("--python-path", str(path))]
    command = [sys.executable, "-I", "-c", "import sys; from componentize_py import script; sys.argv[0] = 'componentize-py'; script()"]
    command += ["--quiet", "--wit-path", str(out / "wit"), "--world", "guest", "--full-names"]
    command += ["componentize", *paths, "--output", str(fresh), ENTRY]
    environment = {**os.environ, "VIRTUAL_ENV": sys.prefix, "RUST_BACKTRACE": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if ended.returncode != 0:
        fresh.unlink(missing_ok=True)
        raise Refused(reason_of(ended.stderr or ended.stdout))
    stamp.unlink(missing_ok=True)
    # Whoever reads it meanwhile has the old one or the new one, and nothing of both.
    fresh.replace(file)
    stamp.write_text(digest, encoding="utf-8")


def reason_of(output: str) -> str:
    """What componentize-py says is wrong, without where in it that was found out."""
    said = output.partition("AssertionError: ")[2] or output
    return said.partition("\n\nCaused by:")[0].partition("\n\nStack backtrace:")[0].strip()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]).resolve(), sys.argv[2], Path(sys.argv[3]).resolve())
    except Refused as refused:
        sys.exit(str(refused))
