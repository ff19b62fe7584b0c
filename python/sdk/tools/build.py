"""Builds a context's component: `python build.py PACKAGE NAME DIRECTORY`. What is made on the way, and the component, is in the directory. A line for each step is printed."""

import hashlib
import importlib
import importlib.metadata
import keyword
import os
import shutil
import sys
import sysconfig
import tomllib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TOOLS = Path(__file__).resolve().parent
SDK = TOOLS.parent

sys.path.insert(0, str(TOOLS))

from innkeeper_build.wit import Refused, Written, write_wit  # noqa: E402

# Whatever a context imports is its own.
sys.path.remove(str(TOOLS))
ENTRY = "innkeeper_entry"
MEMORY = "innkeeper_memory"
LATE = "innkeeper_late"


def main(package: Path, name: str, out: Path) -> None:
    """Builds a component."""
    out.mkdir(parents=True, exist_ok=True)
    source = package / "src"
    print(f"reading {name}", flush=True)
    module = module_of(package)
    with opened() as read:
        context = declared(package, source, module)
    offers = {id: list(functions) for id, functions in context.offers.items()}
    wit = write_wit(package, context.called, offers, context.schema is not None, asks_outside(), out / "wit")
    entry = out / "entry" / f"{ENTRY}.py"
    entry.parent.mkdir(exist_ok=True)
    entry.write_text(entry_text(wit, module), encoding="utf-8")
    own = [entry]
    for name_there, name_here in ((MEMORY, "memory.py"), (LATE, "late.py")):
        own.append(entry.with_name(f"{name_there}.py"))
        shutil.copyfile(TOOLS / "innkeeper_build" / name_here, own[-1])
    made_of = sorted({*read_from(package), *below(source), *data_of(read), *sources_of_the_sdk()})
    watched = [*made_of, *wit.files, package / "pyproject.toml"]
    (out / "component.d").write_text(f"component.wasm: {' '.join(as_in_make(file) for file in watched)}\n", encoding="utf-8")
    digest = hashlib.sha256()
    for file in [*own, *made_of]:
        digest.update(os.fsencode(file) + b"\0")
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
    module: object = manifest
    for name, default in (("tool", {}), ("innkeeper", {}), ("module", "main")):
        module = module.get(name, default) if isinstance(module, dict) else None
    if not isinstance(module, str) or not all(part.isidentifier() and not keyword.iskeyword(part) for part in module.split(".")):
        raise Refused(f"{package / 'pyproject.toml'}: `module` under [tool.innkeeper] is the name of the module that declares the context")
    return module


def declared(package: Path, source: Path, name: str) -> Any:
    """The context that the main module declares. It is run here, as it is when the component is made: what it does at its top is done once."""
    sys.path[:0] = [str(source), str(SDK)]
    from innkeeper import Context

    try:
        module = importlib.import_module(name)
        context = getattr(module, "context", None)
        if not isinstance(context, Context):
            raise Refused(f"{module.__file__ or name} has no context: context = Context(\"…\")")
        # What could not be described to the host is said now.
        context.describe({})
        context.document()
    except Refused:
        raise
    except BaseException as error:
        raise Refused(said_of(error, package)) from None
    return context


def asks_outside() -> bool:
    """Whether the context has imported what asks outside: nothing else of the SDK does."""
    return "innkeeper.outbound" in sys.modules


def said_of(error: BaseException, package: Path) -> str:
    """What an exception of a context says, from the first place on that is the context's."""
    places = traceback.extract_tb(error.__traceback__)
    own = [place for place in places if Path(place.filename).is_relative_to(package)]
    return "".join(traceback.format_list(own) + traceback.format_exception_only(error)).rstrip()


def read_from(package: Path) -> list[Path]:
    """The files of the modules that the context has imported, but those of Python."""
    places = [package, Path(sys.prefix)]
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    found = [Path(file).absolute() for file in files if file is not None]
    # A link in the context's folder is one of its files, wherever it leads.
    return [file for file in found if is_below(file, places) or is_below(file.resolve(), [place.resolve() for place in places])]


def is_below(file: Path, places: list[Path]) -> bool:
    """Whether a file is below one of these places."""
    return any(file.is_relative_to(place) for place in places)


def below(source: Path) -> list[Path]:
    """All files of a folder, but those that are hidden, as editors have them, and what Python has made of them."""
    files = [file for file in source.rglob("*") if file.is_file() and not is_compiled(file)]
    return [file for file in files if not any(part.startswith(".") for part in file.relative_to(source).parts)]


def is_compiled(file: Path) -> bool:
    """Whether Python has made a file of a module's text."""
    return file.suffix == ".pyc" or "__pycache__" in file.parts


_opened: list[set[str]] = []
_is_hooked = False


@contextmanager
def opened() -> Iterator[set[str]]:
    """The files that are opened to be read meanwhile: what a module reads at its top is in the component, too."""
    global _is_hooked
    if not _is_hooked:
        # Nobody can take it away again.
        sys.addaudithook(_note_opened)
        _is_hooked = True
    found: set[str] = set()
    _opened.append(found)
    try:
        yield found
    finally:
        _opened.remove(found)


def _note_opened(event: str, arguments: tuple[Any, ...]) -> None:
    # What is opened to be written says so by its mode.
    if _opened and event == "open" and isinstance(arguments[0], (str, os.PathLike)) and not set("wax") & set(str(arguments[1])):
        for found in _opened:
            found.add(os.path.abspath(os.fsdecode(arguments[0])))


def data_of(read: set[str]) -> list[Path]:
    """Those of the files that were read which are neither of Python nor of the machine."""
    others = [Path(place) for place in (sysconfig.get_path("stdlib"), sys.prefix, "/proc", "/sys", "/dev")]
    files = [Path(file) for file in read]
    return [file for file in files if file.is_file() and not is_compiled(file) and not is_below(file, others)]


def sources_of_the_sdk() -> list[Path]:
    """What the component has of the SDK."""
    sdk = SDK / "innkeeper"
    return [file for file in sdk.rglob("*.py") if "testing" not in file.relative_to(sdk).parts]


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
            f"import {MEMORY}, {LATE}",
            f"{MEMORY}.fill()",
            f"from {module} import context",
            "from innkeeper.component import exports",
            "",
            f"globals().update(exports(context, {wit.contract!r}, {versions!r}, {wit.calls!r}, {signatures!r}, {wit.outside!r}))",
            f"{LATE}.load()",
            f"{MEMORY}.fill()",
            "",
        ]
    )


def componentize(name: str, source: Path, out: Path, digest: str) -> None:
    """Makes the component, unless it is there: the same sources make the same."""
    stamp, file = out / "component.stamp", out / "component.wasm"
    if file.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return
    print(f"making the component of {name}", flush=True)
    # Whoever builds holds the context's lock: what lies there was left by one that was ended.
    fresh = out / "component.fresh"
    fresh.unlink(missing_ok=True)
    paths = [argument for path in (out / "entry", source, SDK) for argument in ("--python-path", str(path))]
    arguments = ["--quiet", "--wit-path", str(out / "wit"), "--world", "guest", "--full-names"]
    arguments += ["componentize", *paths, "--output", str(fresh), ENTRY]
    run_componentize_py(arguments)
    stamp.unlink(missing_ok=True)
    # Whoever reads it meanwhile has the old one or the new one, and nothing of both.
    fresh.replace(file)
    stamp.write_text(digest, encoding="utf-8")


def run_componentize_py(arguments: list[str]) -> None:
    """Runs it in this process, so that it ends with this one."""
    # Where only types are checked, it is not installed.
    componentize_py: Any = importlib.import_module("componentize_py")
    os.environ.update({"VIRTUAL_ENV": sys.prefix, "RUST_BACKTRACE": "0", "PYTHONDONTWRITEBYTECODE": "1"})
    sys.argv = ["componentize-py", *arguments]
    try:
        componentize_py.script()
    except AssertionError as error:
        raise Refused(reason_of(str(error))) from None


def reason_of(output: str) -> str:
    """What componentize-py says is wrong, without where in it that was found out."""
    return output.partition("\n\nCaused by:")[0].partition("\n\nStack backtrace:")[0].strip()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]).resolve(), sys.argv[2], Path(sys.argv[3]).resolve())
    except Refused as refused:
        sys.exit(str(refused))
