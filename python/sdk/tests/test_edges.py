"""Whatever a context returns or raises, and whatever a client sends: the host gets an answer of the contract."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest
from innkeeper import U8, U64, Calls, Context, Event, Failure, Fault, Problem, Retry, Schema, Table, answer, cancel, emit, ok
from innkeeper.testing import TestContext


class Bare(Exception):
    def __str__(self) -> str:
        raise TypeError("not even that")


RAISED: list[BaseException] = [
    TypeError("boom"),
    Bare(),
    SystemExit(0),
    KeyboardInterrupt(),
    GeneratorExit(),
    StopIteration(),
    RecursionError("deep"),
    MemoryError(),
    TypeError("half \ud800"),
    ExceptionGroup("several", [ValueError("one")]),
]


def raising(error: BaseException) -> Callable[..., Any]:
    def run() -> Any:
        raise error

    return run


async def later() -> int:
    return 1


def generated() -> Any:
    yield 1


LATER: list[Callable[..., Any]] = [lambda: later(), lambda: generated()]

heard = Event[dict[str, U8]]("Heard", subject=lambda _: "")


def declared(run: Callable[[], Any]) -> Context:
    """A context that runs this wherever it is asked."""
    context = Context("Odd.", schema=Schema(1, migrate=lambda _number, _entry: run()))
    context.get("/a")(lambda: run())
    context.on("other", heard)(lambda _data: run())

    @context.offer("a:b/c")
    def take() -> Any:
        return run()

    context.ready(lambda: run())
    context.live(lambda: run())
    return context


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_whatever_is_raised_is_an_answer_of_the_contract_and_is_in_the_log(error: BaseException) -> None:
    guest = TestContext(declared(raising(error)))
    assert guest.get("/a").status == 500
    assert len(guest.logs()) == 1
    with pytest.raises(Retry):
        guest.deliver("other", "Heard", "", {})
    with pytest.raises(Failure) as failed:
        guest.call("a:b/c", "take")
    assert failed.value.kind == "unavailable"
    assert isinstance(guest.not_ready(), str) and isinstance(guest.not_live(), str)
    if isinstance(error, ExceptionGroup):
        assert guest.not_ready() == "several (1 sub-exception): one"
    with pytest.raises(Exception, match="^a/b: "):
        guest.migrate(0, [Table[str, U8]("a").entry("b", 1)])


@pytest.mark.parametrize("run", LATER)
def test_what_comes_later_is_an_exception_wherever_it_is_returned(run: Callable[[], Any]) -> None:
    guest = TestContext(declared(run))
    assert guest.get("/a").status == 500
    assert "comes later" in guest.logs()[0][1]
    with pytest.raises(Retry, match="comes later"):
        guest.deliver("other", "Heard", "", {})
    with pytest.raises(Failure, match="comes later"):
        guest.call("a:b/c", "take")
    assert "comes later" in (guest.not_ready() or "") and "comes later" in (guest.not_live() or "")
    context = Context("x")
    context.get("/a")(lambda: ok(run()))
    context.get("/b")(lambda: {"deep": [run()]})
    for path in ("/a", "/b"):
        assert TestContext(context).get(path).status == 500


def test_the_failure_of_another_context_is_none_of_ones_own() -> None:
    other = Calls("a:b/other")
    context = Context("x", calls=[other])

    @context.offer("a:b/c")
    def take() -> Any:
        return other.ask()

    guest = TestContext(context)
    guest.answer("a:b/other", "ask", raising(Failure("gone", "theirs")))
    with pytest.raises(Failure) as failed:
        guest.call("a:b/c", "take")
    assert (failed.value.kind, failed.value.value) == ("unavailable", "gone: theirs")
    with pytest.raises(AttributeError):
        other.__wrapped__


class Colour(Enum):
    RED = "red"


@dataclass
class Known:
    large: U64


def test_what_an_answer_is_made_of_is_looked_at_where_an_exception_is_still_one() -> None:
    wrong: Any = "ok"
    context = Context("Answers.")

    def changed() -> Any:
        answered = ok({})
        answered.status = 99
        return answered

    odd: dict[str, Callable[[], Any]] = {
        "text": lambda: answer(wrong),
        "small": lambda: answer(99),
        "not yet": lambda: answer(101),
        "large": lambda: answer(600),
        "bool": lambda: answer(True),
        "set": lambda: {1, 2},
        "infinite": lambda: [1e308 * 10],
        "name": lambda: {(1, 2): 3},
        "changed": changed,
        "record": lambda: Known(-1),
        "problem": raising(Problem(422, "x", errors=[{"pointer": object()}])),  # type: ignore[dict-item]
    }
    for name, run in odd.items():
        context.get(f"/odd/{name.replace(' ', '-')}")(run)
    context.get("/headers")(lambda: answer(200, "x", {"Content-Type": "text/plain", "X-Number": 7, "X-Odd": Bare()}))
    context.get("/later")(raising(Problem.unavailable("Later.", 5)))
    context.get("/said")(lambda: {"bytes": b"\x00\xff\x10", "large": 2**64 - 1, "of": {7: (b"\x01", Colour.RED, True)}, "half": "\ud800"})
    context.get("/raw")(lambda: answer(200, b"\xff\x02", {"content-type": "image/png"}))
    guest = TestContext(context)
    for name in odd:
        assert guest.get(f"/odd/{name.replace(' ', '-')}").status == 500, name
    headers = guest.get("/headers").headers
    assert (headers["x-number"], headers["x-odd"]) == ("7", "a value that has no text")
    later = guest.get("/later")
    assert (later.status, later.headers["retry-after"], later.body["title"]) == (503, "5", "Service Unavailable")
    assert guest.get("/said").body == {"bytes": "AP8Q", "large": 2**64 - 1, "of": {"7": ["AQ==", "red", True]}, "half": "\ud800"}
    assert guest.get("/raw").body == b"\xff\x02"
    assert guest.get("/nowhere").status == 404


def test_what_is_published_says_its_integers_exactly_and_can_be_followed() -> None:
    said = Event[Known]("Said", subject=lambda known: known.large)
    found: list[Known] = []
    context = Context("x", publishes=[said])
    context.post("/say")(lambda: emit(said, Known(2**64 - 1)))
    context.on("context", said)(lambda known: found.append(known))
    guest = TestContext(context)
    assert guest.post("/say").status == 200
    (event,) = guest.events()
    assert event.data == {"large": 2**64 - 1}
    guest.deliver("context", "Said", event.subject, event.data)
    assert found == [Known(2**64 - 1)]


@pytest.mark.parametrize(
    ("hint", "data", "content_type", "wanted"),
    [
        (str, "plain", "text/plain", "plain"),
        (str, '"json"', "text/plain", '"json"'),
        (str, '"json"', "application/cloudevents+json; charset=utf-8", "json"),
        (bytes, b"\xff", "application/octet-stream", b"\xff"),
        (U8, "7", "application/octet-stream", 7),
        (list[U8], b"\x00\xff", "application/octet-stream", [0, 255]),
        (list[U8], "[7]", "application/json; charset=utf-8", [7]),
        (Known, '{"large":7}', "text/plain", Known(7)),
    ],
)
def test_data_that_is_no_json_is_a_text_or_bytes_for_who_reads_such(hint: Any, data: Any, content_type: str, wanted: Any) -> None:
    found: list[Any] = []
    context = Context("x")
    context.on("other", Event[hint]("Heard"))(lambda read: found.append(read))
    TestContext(context).deliver("other", "Heard", "", data, content_type=content_type)
    assert found == [wanted]


def test_what_is_asked_of_the_host_is_looked_at_where_an_exception_is_still_one() -> None:
    rows = Table[str, U8]("rows")
    wrong: Any = None
    context = Context("x", tables=[rows])
    odd: dict[str, Callable[[], Any]] = {
        "nothing is cancelled": lambda: cancel(wrong),
        "half is cancelled": lambda: cancel("\ud800"),
        "a part of a row": lambda: rows.first(1.5),  # type: ignore[arg-type]
        "true rows": lambda: rows.last(True),
    }
    for name, run in odd.items():
        context.get(f"/{name.replace(' ', '-')}")(run)
    context.get("/all")(lambda: rows.first(2**40))
    guest = TestContext(context)
    for name in odd:
        assert guest.get(f"/{name.replace(' ', '-')}").status == 500, name
    assert guest.get("/all").body == []


@pytest.mark.parametrize("subject", [None, True, 7.0, b"a", Colour.RED])
def test_a_subject_is_a_text_or_a_number(subject: Any) -> None:
    said = Event[U8]("Said", subject=lambda _: subject)
    context = Context("x", publishes=[said])
    context.post("/say")(lambda: emit(said, 1))
    guest = TestContext(context)
    assert (guest.post("/say").status, guest.events()) == (500, [])
    assert "the subject of Said" in guest.logs()[0][1]


def test_the_closest_route_answers() -> None:
    context = Context("x")

    @context.get("/files/{*path}")
    def rest(path: str) -> list[str]:
        return ["rest", path]

    @context.get("/files/{name}")
    def one(name: str) -> list[str]:
        return ["one", name]

    @context.get("/files/index")
    def index() -> list[str]:
        return ["index"]

    guest = TestContext(context)
    assert guest.get("/files/index").body == ["index"]
    assert guest.get("/files/a%20b").body == ["one", "a b"]
    assert guest.get("/files/a/b").body == ["rest", "a/b"]


def test_several_headers_of_one_name_are_each_a_header() -> None:
    context = Context("x")
    cookies = ["a=1", "b=2"]
    context.get("/ok")(lambda: ok("x", {"Set-Cookie": cookies, "vary": ("a", 7), "x-none": [], "x-one": "1"}))
    context.get("/no")(raising(Problem(409, "No.", headers={"set-cookie": cookies})))
    guest = TestContext(context)
    reply = guest.get("/ok")
    both = [("set-cookie", "a=1"), ("set-cookie", "b=2")]
    assert reply.all_headers == [*both, ("vary", "a"), ("vary", "7"), ("x-one", "1"), ("content-type", "application/json")]
    assert reply.headers["set-cookie"] == "a=1"
    assert guest.get("/no").all_headers == [*both, ("content-type", "application/problem+json")]


@pytest.mark.parametrize(
    ("body", "place", "number"),
    [(float("nan"), "the top", "nan"), ({"a": [1, {"b/c": float("-inf")}]}, "/a/1/b~1c", "-inf"), ([0.5, (float("inf"),)], "/1/0", "inf")],
)
def test_a_number_without_a_word_in_json_is_told_in_the_log_with_its_place(body: Any, place: str, number: str) -> None:
    context = Context("x")
    context.get("/")(lambda: ok(body))
    guest = TestContext(context)
    assert guest.get("/").status == 500
    assert f"the number at {place} is {number}, which has no word in JSON" in guest.logs()[0][1]


def logged(run: Callable[[], Any]) -> list[str]:
    """The lines of what is logged of what this raises."""
    context = Context("x")
    context.get("/")(run)
    guest = TestContext(context)
    assert guest.get("/").status == 500
    ((_, text),) = guest.logs()
    return [line for line in text.split("\n") if not line.startswith("    at ")]


def test_the_log_has_what_led_to_an_exception() -> None:
    def chained() -> Any:
        try:
            try:
                1 / 0
            except ZeroDivisionError as error:
                raise ValueError("v") from error
        except ValueError:
            raise KeyError("k")

    def hidden() -> Any:
        try:
            1 / 0
        except ZeroDivisionError:
            raise KeyError("k") from None

    def grouped() -> Any:
        inner = ExceptionGroup("inner", [TypeError("b")])
        inner.add_note("of a note")
        raise ExceptionGroup("g", [ValueError("a"), inner])

    def faulty() -> Any:
        try:
            1 / 0
        except ZeroDivisionError as error:
            raise Fault("odd") from error

    def circular() -> Any:
        one, two = KeyError("one"), KeyError("two")
        one.__cause__, two.__cause__ = two, one
        raise one

    what = "the route GET /: "
    assert logged(chained) == [f"{what}KeyError: 'k'", "while handling ValueError: v", "because of ZeroDivisionError: division by zero"]
    assert logged(hidden) == [f"{what}KeyError: 'k'"]
    assert logged(grouped) == [f"{what}ExceptionGroup: g (2 sub-exceptions)", "one of them: ValueError: a", "one of them: ExceptionGroup: inner (1 sub-exception)", "    note: of a note", "one of them: TypeError: b"]
    assert logged(faulty) == [f"{what}odd", "because of ZeroDivisionError: division by zero"]
    assert logged(circular) == [f"{what}KeyError: 'one'", "because of KeyError: 'two'"]


def test_the_log_of_an_exception_has_a_bound() -> None:
    def long() -> Any:
        error: Exception = ValueError("x" * 100_000)
        for number in range(1_000):
            following = ExceptionGroup("y" * 100_000, [ValueError("z" * 100_000)] * 1_000)
            following.__cause__ = error
            error = following
        raise error

    lines = logged(long)
    assert len("\n".join(lines)) <= 7_100 and len(lines) <= 20

    def many() -> Any:
        raise ExceptionGroup("g", [ValueError(str(number)) for number in range(1_000)])

    assert logged(many)[-2:] == ["one of them: ValueError: 8", "and more, which are left out"]


def test_what_only_a_component_lacks_is_told_with_what_to_do() -> None:
    def imports() -> Any:
        raise ModuleNotFoundError("No module named 'csv'", name="csv")

    def encodes() -> Any:
        return "x".encode("no-such-encoding")

    def zones() -> Any:
        raise ModuleNotFoundError("No module named 'tzdata'", name="tzdata")

    assert "write `import csv` at the top of a module" in logged(imports)[1]
    assert "write `codecs.lookup('no-such-encoding')` at the top of a module" in logged(encodes)[1]
    assert "name it in python/requirements.txt" in logged(zones)[1]
    assert len(logged(raising(LookupError("other")))) == 1


def calling(calls: Calls, name: str) -> Callable[[], Any]:
    return lambda: getattr(calls, name)(1)


def test_a_function_may_have_any_name_of_wit() -> None:
    calls = Calls("a:b/class")
    context = Context("x", calls=[calls])
    assert context.called == ["a:b/class"]
    names = {"interface": "interface", "import_": "import", "class_": "class", "from_": "from", "none": "none", "call": "call", "kebab_case": "kebab-case", "self": "self"}
    for name in names:
        context.get(f"/{name}")(calling(calls, name))
    guest = TestContext(context)
    for name, wit in names.items():
        guest.answer("a:b/class", wit, lambda one: one + 1)
        assert guest.get(f"/{name}").body == 2, name
        assert [call.function for call in guest.calls()] == [f"a:b/class#{wit}"]
    for name in ("_interface_of", "__wrapped__", "_repr_html_"):
        with pytest.raises(AttributeError):
            getattr(calls, name)
