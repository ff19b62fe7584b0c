"""What the build reads of WIT, the module that it makes a component of, and what it says where a context cannot be built."""

import ast
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

TOOLS = Path(__file__).resolve().parent.parent / "tools"
sys.path.insert(0, str(TOOLS))

import build  # noqa: E402
from innkeeper_build import wit  # noqa: E402
from innkeeper_build.signatures import Signature, Signatures  # noqa: E402

WIT = """
package a:b@0.1.0;

interface rooms {
    /* not-this: func() -> u8; */
    variant room-error { taken(string), unavailable(string) }
    // nor-this: func() -> u8;
    hold-room: func(id: u64) -> result<_, room-error>;
    %list: func() -> result<u64, room-error>;
}

interface other { run: func() -> result<u64, u8>; }
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "wit").mkdir()
    (tmp_path / "wit" / "own.wit").write_text(WIT)
    package = tmp_path / "python" / "notes"
    (package / "src").mkdir(parents=True)
    (package / "pyproject.toml").write_text("[project]\nname = 'notes'\n")
    return package


def test_the_functions_of_an_interface_are_those_that_are_offered(home: Path, tmp_path: Path) -> None:
    written = wit.write_wit(home, ["a:b/other"], {"a:b/rooms": ["hold-room", "list"]}, True, True, tmp_path / "out")
    assert (written.calls, written.offers) == ({"a:b/other": "a:b/other@0.1.0"}, {"a:b/rooms": "a:b/rooms@0.1.0"})
    world = (tmp_path / "out" / "guest.wit").read_text()
    assert "export a:b/rooms@0.1.0;" in world and f"complete@{written.contract};" in world
    assert written.outside is not None and f"import {written.outside};" in world
    with pytest.raises(wit.Refused, match="has the function list"):
        wit.write_wit(home, [], {"a:b/rooms": ["hold-room"]}, False, False, tmp_path / "out")
    with pytest.raises(wit.Refused, match="a function third of"):
        wit.write_wit(home, [], {"a:b/rooms": ["hold-room", "list", "third"]}, False, False, tmp_path / "out")
    with pytest.raises(wit.Refused, match=r"there is no interface c:d/e.*\(a:b\)"):
        wit.write_wit(home, ["c:d/e"], {}, False, False, tmp_path / "out")


def test_the_nearest_package_of_a_name_is_taken(home: Path, tmp_path: Path) -> None:
    (home / "wit").mkdir()
    (home / "wit" / "own.wit").write_text("package a:b@0.2.0;\ninterface rooms { run: func() -> u8; }")
    assert wit.packages_for(home)["a:b"].version == "0.2.0"
    assert wit.packages_for(tmp_path)["a:b"].version == "0.1.0"


def test_the_module_of_a_context_is_named_by_its_project(home: Path) -> None:
    assert build.module_of(home) == "main"
    (home / "pyproject.toml").write_text("[tool.innkeeper]\nmodule = 'other'\n")
    assert build.module_of(home) == "other"
    for text in (
        "[tool.innkeeper]\nmodule = 7\n",
        "[tool.innkeeper]\nmodule = 'my-context'\n",
        "[tool.innkeeper]\nmodule = 'notes.class'\n",
        "[tool]\ninnkeeper = 'main'\n",
        "tool = 7\n",
        "[tool\n",
    ):
        (home / "pyproject.toml").write_text(text)
        with pytest.raises(wit.Refused, match="pyproject.toml"):
            build.module_of(home)


def test_the_entry_names_what_is_called_and_offered() -> None:
    signature = Signature(["u8"], "u64", {"gone": None})
    written = wit.Written("0.3.0", {"a:b/c": "a:b/c@0.1.0"}, {"a:b/d": "a:b/d@0.1.0"}, {"a:b/c": {"run": signature}}, [], "", "a:b/e@0.1.0")
    text = build.entry_text(written, "main")
    signatures = {"a:b/c": {"run": (["u8"], "u64", {"gone": None})}}
    assert "from main import context" in text
    found: dict[str, object] = {}
    done: list[str] = []
    exports = SimpleNamespace(exports=lambda *given: done.append("made") or found.setdefault("given", given) and {})
    memory = SimpleNamespace(fill=lambda: done.append("filled"))
    late = SimpleNamespace(load=lambda: done.append("loaded"))
    modules = {"main": SimpleNamespace(context="it"), "innkeeper.component": exports, "innkeeper_memory": memory, "innkeeper_late": late}
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)  # type: ignore[arg-type]
    try:
        exec(text, {})
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module
    assert done == ["filled", "made", "loaded", "filled"]
    assert found["given"] == ("it", "0.3.0", {**written.calls, **written.offers}, written.calls, signatures, "a:b/e@0.1.0")


def test_a_context_asks_outside_if_it_imports_what_does(home: Path, tmp_path: Path) -> None:
    own = wit.write_wit(home, [], {}, False, False, tmp_path / "out")
    world = (tmp_path / "out" / "guest.wit").read_text()
    assert own.outside is None and "outbound" not in world and f"documented@{own.contract};" in world
    for text, asks in (("", False), ("from innkeeper import outbound\n", True)):
        (home / "src" / "main.py").write_text(text + "from innkeeper import Context\ncontext = Context('x')\n")
        # Another test may have imported it already.
        said = f"import sys; sys.path.insert(0, {str(TOOLS)!r}); import build; from pathlib import Path; p = Path({str(home)!r}); build.declared(p, p / 'src', 'main'); print(build.asks_outside())"
        found = subprocess.run([sys.executable, "-I", "-B", "-c", said], capture_output=True, text=True, check=True)
        assert found.stdout.strip() == str(asks)


def test_what_a_context_does_wrong_is_said_where_it_does(home: Path, tmp_path: Path) -> None:
    source = home / "src" / "broken_context.py"
    path = list(sys.path)
    for text, said in (
        ("def deep():\n    return None.nothing\n\ndeep()\n", 'broken_context.py", line 2'),
        ("x = \n", "SyntaxError"),
        ("context = 7\n", "has no context"),
        ("from innkeeper import Context, Table\ncontext = Context('x', tables=[Table[int, int]('a')])\n", "`int` does not say"),
    ):
        source.write_text(text)
        sys.modules.pop("broken_context", None)
        # A file that is written twice in a moment would be taken for what was compiled of it.
        sys.dont_write_bytecode = True
        try:
            with pytest.raises(build.Refused) as refused:
                build.declared(home, home / "src", "broken_context")
        finally:
            sys.path[:] = path
        assert said in str(refused.value)
        assert "importlib" not in str(refused.value)


def test_what_componentize_py_says_is_said_without_where_it_was_found_out() -> None:
    output = "Traceback\nRuntimeError: no\n\nCaused by:\n    no\n\nStack backtrace:\n   0: x\n"
    assert build.reason_of(output) == "Traceback\nRuntimeError: no"
    assert build.reason_of("other\n") == "other"


def test_a_component_is_made_of_all_that_the_context_has_read(home: Path, tmp_path: Path) -> None:
    source = home / "src"
    (tmp_path / "shared.py").write_text("from pathlib import Path\nPRICES = Path(__file__).with_name('prices.json').read_text()\n")
    (tmp_path / "taxes.json").write_text("[19]")
    (source / "shared_of_notes.py").symlink_to(tmp_path / "shared.py")
    (source / "prices.json").write_text("[1]")
    (source / "__pycache__").mkdir()
    (source / "__pycache__" / "old.pyc").write_text("")
    (source / ".notes_context.py.swp").write_text("")
    (source / "notes_context.py").write_text(
        "from innkeeper import Context\nimport shared_of_notes\nopen('%s', 'w').write('x')\ntaxes = open('%s').read()\ncontext = Context('x')\n" % (tmp_path / "written.txt", tmp_path / "taxes.json")
    )
    path = list(sys.path)
    try:
        with build.opened() as read:
            build.declared(home, source, "notes_context")
            found = {*build.read_from(home), *build.below(source), *build.data_of(read)}
    finally:
        sys.path[:] = path
    own = {str(file.relative_to(tmp_path)) for file in found if file.is_relative_to(tmp_path)}
    below = "python/notes/src"
    assert own == {"taxes.json", f"{below}/notes_context.py", f"{below}/prices.json", f"{below}/shared_of_notes.py"}


def test_the_sdk_is_known_wherever_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sdk = tmp_path / "testing" / "sdk"
    for name in ("table.py", "testing/host.py"):
        file = sdk / "innkeeper" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    monkeypatch.setattr(build, "SDK", sdk)
    assert build.sources_of_the_sdk() == [sdk / "innkeeper" / "table.py"]


def test_the_modules_of_the_build_take_no_name_from_a_context() -> None:
    run = f"import runpy, sys; runpy.run_path({build.__file__!r}); print([name for name in sys.modules if name in ('wit', 'signatures')], sys.path)"
    said = subprocess.run([sys.executable, "-I", "-B", "-c", run], check=True, capture_output=True, text=True).stdout
    assert said.startswith("[]") and str(build.TOOLS) not in said


def test_what_functions_take_and_answer_is_read_also_of_types_that_are_used_from_elsewhere() -> None:
    types = """
        package a:b@0.1.0;
        interface types {
            type floor = s8;
            record room { number: u16, on: floor, names: list<tuple<char, option<string>>> }
            variant base-error { gone, taken(room), unavailable(string) }
            enum simple { a, b }
            resource door { open: func(); }
        }
        interface rooms {
            use types.{base-error as room-error, room};
            @since(version = 0.1.0)
            hold: func(of: list<u8>, %list: room) -> result<_, room-error>;
            find: func(id: u64) -> result<option<room>, room-error>;
            count: func() -> u32;
            tell: func(what: result<u8, string>);
        }
    """
    other = "package c:d; interface e { use a:b/types@0.1.0.{floor}; run: func(on: floor) -> result<floor>; }"
    found = Signatures({"a:b": [types], "c:d": [other]})
    room = ("record", {"number": "u16", "on": "s8", "names": ("list", ("tuple", ["char", ("option", "string")]))})
    errors = {"gone": None, "taken": room, "unavailable": "string"}
    assert found.of("a:b/rooms") == {
        "hold": Signature([("list", "u8"), room], None, errors),
        "find": Signature(["u64"], ("option", room), errors),
        "count": Signature([], "u32", {}),
        "tell": Signature([("result", "u8", "string")], None, {}),
    }
    assert found.of("c:d/e") == {"run": Signature(["s8"], "s8", {})}
    assert found.of("a:b/nowhere") == found.of("x:y/z") == {}
    odd = "package a:b; interface odd { record %result { score: u32 } record node { children: list<node> } run: func(a: %result, b: tuple<u8>) -> node; }"
    scored, node = ("record", {"score": "u32"}), ("record", {"children": ("list", "node")})
    assert Signatures({"a:b": [odd]}).of("a:b/odd") == {"run": Signature([scored, ("tuple", ["u8"])], node, {})}


def test_what_is_filled_has_a_bound_with_any_allocator() -> None:
    said = f"import sys; sys.path.insert(0, {str(TOOLS)!r}); from innkeeper_build import memory; memory.fill(); memory.fill(); print(sum(map(len, memory._filling)))"
    found = subprocess.run([sys.executable, "-I", "-B", "-c", said], capture_output=True, text=True, check=True, timeout=60)
    assert 0 < int(found.stdout) <= 16 << 20


def test_what_the_sdk_uses_of_pythons_library_is_loaded_before_it() -> None:
    def imported(file: Path) -> set[str]:
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        plain = {one.name for node in nodes if isinstance(node, ast.Import) for one in node.names}
        return plain | {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0}

    sdk = TOOLS.parent / "innkeeper"
    used = {name for file in sdk.rglob("*.py") if "testing" not in file.relative_to(sdk).parts for name in imported(file)}
    assert used - {"__future__"} == imported(TOOLS / "innkeeper_build" / "memory.py") - {"gc"}


LATE = """
import ast, codecs, collections, datetime, email, io, pickle, plistlib, re, string, sys, time, urllib.parse, uuid, weakref, zipfile
from decimal import Decimal
from fractions import Fraction

def use():
    assert datetime.datetime.strptime("2020-01-02", "%Y-%m-%d").year == 2020 and time.strptime("2020", "%Y").tm_year == 2020
    assert "\u00fc.de".encode("idna") == b"xn--tda.de"
    for name in ("ascii", "latin-1", "cp1252", "utf-16", "utf-32-be", "utf-8-sig", "iso8859-15"):
        assert codecs.getincrementaldecoder(name)().decode(codecs.getincrementalencoder(name)().encode("x")) == "x"
    assert b"x".decode("cp1140") and codecs.encode("x", 'rot13') == "k"
    assert collections.Counter("aab").most_common(1) == [("a", 2)]
    assert string.Template("$a").safe_substitute({}, a=1) == "1"
    assert str(uuid.uuid5(uuid.NAMESPACE_DNS, "x")) and str(uuid.uuid3(uuid.NAMESPACE_DNS, "x"))
    assert urllib.parse.urlsplit("http://\u00fc.de/").netloc and re.compile("\\\\N{EM DASH}")
    assert ast.unparse(ast.parse("a")) == "a" and "\u00e9".encode("ascii", "namereplace")
    assert weakref.finalize(re.compile("late"), print).detach()
    assert pickle.loads(pickle.dumps("\u20ac", 0)) == plistlib.loads(plistlib.dumps("\u20ac", fmt=plistlib.FMT_BINARY)) == "\u20ac"
    with zipfile.ZipFile(file := io.BytesIO(), "w") as written:
        written.writestr("a", "b")
    assert zipfile.ZipFile(file).read("a") == bytes("b", "cp1250")
    assert email.message_from_string("a: b").as_string() and Fraction.from_decimal(Decimal(2)) == 2
"""
PREPARED = """
import sys
sys.path[:0] = {folders!r}
from innkeeper_build import memory, late
import late_context
early = set(sys.modules)
{loads}
class Nothing:
    @staticmethod
    def find_spec(name, path=None, target=None):
        raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path[:] = [Nothing]
late_context.use()
print("*".join(sorted(set(sys.modules) - early)))
"""


def run_without_files(home: Path, text: str, loads: str) -> "subprocess.CompletedProcess[str]":
    (home / "src" / "late_context.py").write_text(text, encoding="utf-8")
    said = PREPARED.format(folders=[str(home / "src"), str(TOOLS)], loads=loads)
    return subprocess.run([sys.executable, "-I", "-B", "-c", said], capture_output=True, text=True, timeout=60)


def test_what_the_standard_library_imports_late_is_there_when_there_are_no_files(home: Path) -> None:
    found = run_without_files(home, LATE, "late.load()")
    assert (found.returncode, found.stderr) == (0, "")
    lacking = run_without_files(home, LATE, "")
    assert "No module named '_strptime'" in lacking.stderr


def test_what_a_context_has_no_use_for_is_not_imported(home: Path) -> None:
    found = run_without_files(home, "import datetime, re\n\ndef use():\n    pass\n", "late.load()")
    assert (found.returncode, found.stderr) == (0, "")
    imported = set(found.stdout.strip().split("*"))
    # Not what each component has some function for, nor what no component has a use for.
    assert not imported & {"_strptime", "heapq", "encodings.idna", "encodings.cp1252", "subprocess", "argparse", "traceback", "socket"}


def test_an_interface_may_have_any_names_of_wit() -> None:
    words = """
        package a:b;
        interface %class {
            record %from { %import: u8, self: u16, %record: s8 }
            %func: func(%func: u8, %return: %from) -> result<u64>;
            %import: func(self: u8) -> result<_, u8>;
            %type: func();
            %record: func();
        }
    """
    signatures = Signatures({"a:b": [words]})
    record = ("record", {"import": "u8", "self": "u16", "record": "s8"})
    assert signatures.of("a:b/class") == {
        "func": Signature(["u8", record], "u64", {}),
        "import": Signature(["u8"], None, {}),
        "type": Signature([], None, {}),
        "record": Signature([], None, {}),
    }
    assert signatures.parameters_of("a:b/class")["func"] == ["func", "return"]
    assert signatures.parameters_of("x:y/z") == {}


def test_a_parameter_that_nothing_in_python_can_offer_is_refused(home: Path, tmp_path: Path) -> None:
    (home / "wit").mkdir()
    (home / "wit" / "own.wit").write_text("package a:b; interface rooms { run: func(self: u8) -> u8; }")
    wit.write_wit(home, ["a:b/rooms"], {}, False, False, tmp_path / "out")
    with pytest.raises(wit.Refused, match="the function run of a:b/rooms has a parameter `self`"):
        wit.write_wit(home, [], {"a:b/rooms": ["run"]}, False, False, tmp_path / "out")
