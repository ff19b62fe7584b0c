"""Each kind of type, in each form, with what can be said of it besides."""

import math
import time
from abc import ABC, abstractmethod
from dataclasses import InitVar, dataclass, field, make_dataclass
from enum import Enum
from typing import Annotated, Any, ClassVar, NamedTuple, NewType, TypedDict

import pytest
from innkeeper import F32, S8, S64, S128, U8, U32, U64, Char, Context, Fault, Outside, Some, Stored, UpTo, in_camel_case
from innkeeper.json_text import NotJson, decode_json, dump_json, parse_json
from innkeeper.testing import TestContext
from innkeeper.values import Form, Mismatch, Types, encode, mismatch_text, parse, type_of


class Status(Enum):
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True)
class Single:
    pass


@dataclass(frozen=True)
class Suite:
    value: U32


@dataclass(frozen=True)
class Inner:
    name: str


RoomId = NewType("RoomId", U64)

KINDS: dict[str, tuple[Any, Any, Any]] = {
    "unit": (None, None, None),
    "bool": (bool, True, False),
    "u64": (U64, 2**64 - 1, 8),
    "s64": (S64, -(2**63), 8),
    "s128": (S128, -(2**127), 8),
    "f32": (F32, 0.5, -1.5),
    "f64": (float, 0.1, -1e300),
    "char": (Char, "🛏", "a"),
    "text": (str, 'a "bed"', ""),
    "text up to": (Annotated[str, UpTo(5)], "a bed", "b"),
    "bytes": (bytes, b"\x00\xff", b""),
    "optional": (U8 | None, 7, None),
    "optional of optional": (Some[U8 | None] | None, Some(7), None),
    "list": (list[U64], [1, 2], []),
    "tuple": (tuple[U8, str], (1, "a"), (2, "b")),
    "map of texts": (dict[str, U8], {"a": 1}, {}),
    "map of an Enum": (dict[Status, U8], {Status.OPEN: 1}, {}),
    "map of numbers": (dict[U32, bool], {7: True}, {}),
    "record": (Inner, Inner("a"), Inner("b")),
    "variant": (Single | Suite, Suite(7), Single()),
    "enum": (Status, Status.OPEN, Status.CLOSED),
    "new type": (RoomId, 7, 8),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("form", Form)
def test_each_kind_is_read_as_it_was_written_in_each_form_whatever_else_is_said_of_it(name: str, form: Form) -> None:
    hint, one, other = KINDS[name]
    marked = Annotated[hint, Stored("kept"), Outside("seen")]
    for held in (
        make_dataclass("Holder", [("field", hint)]),
        make_dataclass("Holder", [("field", marked)]),
        make_dataclass("Holder", [("field", marked, field(default_factory=lambda: other))]),
    ):
        of = type_of(held)
        for value in (one, other):
            said = dump_json(of.write(held(value), form))
            assert of.read(decode_json(said), form) == held(value), said
        types = Types()
        types.place(of, form)
        (_, fields), *_ = (described for described in types.list if described[0] == "record" and described[1][0][0] != "name")
        assert fields[0][0] in ("field", "kept" if form is Form.STATE else "seen")


def test_what_lacks_a_field_has_a_value_of_its_own_that_nobody_else_changes() -> None:
    @dataclass
    class Lists:
        numbers: list[U8] = field(default_factory=lambda: [1])
        more: dict[str, U8] | None = None

    of = type_of(Lists)
    first, second = of.read({}, Form.STATE), of.read({}, Form.STATE)
    first.numbers.append(2)
    assert second == Lists([1], None)


def test_a_record_may_contain_itself() -> None:
    of = type_of(Tree)
    tree = Tree("a", [Tree("b", [])])
    assert of.read(decode_json(dump_json(of.write(tree, Form.STATE))), Form.STATE) == tree
    types = Types()
    assert types.place(of, Form.STATE) == 0
    assert types.list[0][1][1] == ("children", 2, False)
    assert types.list[2] == ("list", 0)


@dataclass(frozen=True)
class Tree:
    name: str
    children: list["Tree"]


@pytest.mark.parametrize(("hint", "value", "name"), [(U32, 7, "7"), (S8, -7, "-7"), (U64, 2**64 - 1, f"{2**64 - 1}"), (bool, True, "true"), (Char, "🛏", "🛏"), (str, "a/b", "a/b"), (Status, Status.OPEN, "open")])
def test_the_keys_of_a_map_outside_of_the_state_are_members_as_serde_has_them(hint: Any, value: Any, name: str) -> None:
    of = type_of(dict[hint, U8])
    for form in (Form.EVENT, Form.BODY):
        assert of.write({value: 1}, form) == {name: 1}
        assert of.read({name: 1}, form) == {value: 1}
        for other in ("07", "x", "", "7.5", "-1", "4294967296"):
            with pytest.raises(Mismatch):
                type_of(dict[U32, U8]).read({other: 1}, form)


@pytest.mark.parametrize("hint", [tuple[U8, U8], U8 | None, Inner, bytes, float, None, Single | Suite])
def test_other_keys_of_a_map_are_refused_in_events_alone(hint: Any) -> None:
    of = type_of(dict[hint, U8])
    with pytest.raises(TypeError, match="the keys of a dict in an event"):
        Types().place(of, Form.EVENT)
    Types().place(of, Form.STATE)


@pytest.mark.parametrize("integer", [0, 7, -7, 2**53 - 1, 2**53, -(2**53), 2**64 - 1, 2**127 - 1, -(2**127)])
def test_an_integer_keeps_its_digits_wherever_it_comes_from_and_goes(integer: int) -> None:
    of = type_of(S128)
    for form in Form:
        assert of.read(decode_json(dump_json(of.write(integer, form))), form) == integer
    assert of.write(integer, Form.EVENT) == integer
    assert isinstance(of.write(integer, Form.STATE), str) == (abs(integer) >= 2**53)
    assert of.read_text(str(integer)) == integer


@pytest.mark.parametrize("said", ["7", 7.0, True, None, [7], 256, -1])
def test_a_body_has_a_number_for_a_number(said: Any) -> None:
    with pytest.raises(Mismatch):
        type_of(U8).read(said, Form.BODY)


@pytest.mark.parametrize("text", ["[NaN]", "[Infinity]", "{", "", "[1,]", "01", "\"\n\"", "[" * 200 + "]" * 200, "[" * 100_000, "1" * 5000 + "x"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(NotJson):
        parse_json(text)


def test_a_text_that_does_not_end_is_looked_at_once() -> None:
    # As large as a body may be; were each of its quotes a new beginning, it would take minutes.
    started = time.process_time()
    with pytest.raises(NotJson):
        parse_json("[" * 128 + '"' + '\\"' * 500_000)
    assert time.process_time() - started < 10


def test_json_is_read_with_all_its_digits_and_texts_count_for_no_depth() -> None:
    assert parse_json('{"a": 18446744073709551615}') == {"a": 2**64 - 1}
    assert isinstance(parse_json("1" * 5000), float)
    brackets = "[" * 500
    assert parse_json(f'["{brackets}", "\\"{brackets}"]') == [brackets, f'"{brackets}']


def test_a_floating_point_number_is_finite_outside_of_the_state_and_none_becomes_infinite() -> None:
    wide, narrow = type_of(float), type_of(F32)
    for form in (Form.EVENT, Form.BODY):
        for said in (parse_json("1e400"), "NaN", None, True):
            with pytest.raises(Mismatch):
                wide.read(said, form)
        with pytest.raises(Mismatch, match="larger than an f32"):
            narrow.read(1e300, form)
        for odd in (math.nan, math.inf):
            with pytest.raises(Mismatch):
                wide.write(odd, form)
    assert wide.write(-math.inf, Form.STATE) == "-Infinity"
    assert wide.read(10**300, Form.BODY) == 1e300
    with pytest.raises(Mismatch):
        wide.read(10**400, Form.BODY)
    for text in ("NaN", "inf", "0x10", "1e400", " 1", "+1", ".5", "1.", "1_0", ""):
        with pytest.raises(Mismatch):
            wide.read_text(text)
    assert wide.read_text("-1.5e3") == -1500


def test_how_long_a_text_may_be_is_looked_at_in_a_body_and_when_it_is_written_not_when_the_state_is_read() -> None:
    @dataclass
    class Holder:
        name: Annotated[str, UpTo(3), Stored("name_in_state")] = "ann"

    of = type_of(Holder)
    assert parse(of, b'{"name_in_state":"longer"}', "a row") == Holder("longer")
    assert of.read({"name": "longer"}, Form.EVENT) == Holder("longer")
    for text in ("longer", " ", ""):
        with pytest.raises(Mismatch) as refused:
            of.read({"name": text}, Form.BODY)
        assert refused.value.pointer == "/name"
    with pytest.raises(Fault, match="name: must have at most 3"):
        encode(of, Holder("longer"), Form.STATE, "a row")


def test_a_nested_optional_is_one_null_in_events_as_serde_has_it() -> None:
    nested = type_of(Some[U8 | None] | None)
    assert nested.write(Some(None), Form.EVENT) is None
    assert nested.write(Some(7), Form.EVENT) == 7
    assert nested.read(7, Form.EVENT) == Some(7)
    assert nested.write(Some(None), Form.STATE) == {"some": None}


def test_names_outside_are_those_that_are_said() -> None:
    @in_camel_case
    @dataclass
    class Room:
        room_id: U64
        is_free: Annotated[bool, Outside("free")]

    of = type_of(Room)
    assert of.write(Room(1, True), Form.STATE) == {"room_id": 1, "is_free": True}
    assert of.write(Room(1, True), Form.EVENT) == {"roomId": 1, "free": True}
    with pytest.raises(Mismatch, match="unknown field `room_id`|missing field `roomId`"):
        of.read({"room_id": 1, "free": True}, Form.BODY)


def test_what_a_record_says_is_wrong_is_a_mismatch_where_it_is() -> None:
    @dataclass
    class Stay:
        nights: U8

        def __post_init__(self) -> None:
            if self.nights == 0:
                raise ValueError("nobody stays no night")

    with pytest.raises(Mismatch) as refused:
        type_of(list[Stay]).read([{"nights": 0}], Form.BODY)
    assert mismatch_text(refused.value) == "0: nobody stays no night"


class Numbered(Enum):
    ONE = 1


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        (int, "U64"),
        (list[int], "U64"),
        (object, "is no type of"),
        (set[U8], "is no type of"),
        (tuple[U8, ...], "is no type of"),
        (U8 | str, "are dataclasses"),
        (Some[U8], "for what may be None besides"),
        (Some[U8] | None, "leave it out"),
        (Numbered, "are texts"),
        (Annotated[U8, UpTo(3)], "how long a `str`"),
        (dict[list[U8], U8], "have a hash"),
        (dict[tuple[U8, dict[str, U8]], U8], "have a hash"),
        (dict[make_dataclass("Changeable", [("a", U8)]) | None, U8], "have a hash"),
        (make_dataclass("Twice", [("a", U8), ("b", Annotated[U8, Stored("a")])]), "one name in the state"),
        (make_dataclass("Unset", [("a", U8, field(init=False, default=1))]), "could not be read"),
    ],
)
def test_what_is_no_type_is_said_when_it_is_declared(hint: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        type_of(hint)


@dataclass(frozen=True, kw_only=True)
class OnlyByName:
    value: U8

    def __post_init__(self) -> None:
        if self.value == 9:
            raise ValueError("nine is too many")
        if self.value == 8:
            raise ValueError


@dataclass(frozen=True, slots=True)
class Slots:
    value: U8 = 5


@dataclass(kw_only=True)
class Nothing:
    note: ClassVar[str] = "none"

    def __post_init__(self) -> None:
        if self.note == "closed":
            raise ValueError("it is closed")


@dataclass(frozen=True)
class Named(Inner):
    more: U8 = field(kw_only=True)
    doubled: InitVar[bool] = False


@dataclass(init=False)
class OwnInit:
    value: U8

    def __init__(self, *, value: int, more: int = 3) -> None:
        self.value = value


class Plain(Inner):
    """It adds nothing to its fields."""


@pytest.mark.parametrize("form", Form)
def test_what_is_read_is_made_by_the_names_of_its_fields(form: Form) -> None:
    of = type_of(OnlyByName | Slots | Nothing | Named | OwnInit)
    for said, wanted in (
        ({"OnlyByName": 3}, OnlyByName(value=3)),
        ({"Slots": 3}, Slots(3)),
        ("Nothing", Nothing()),
        ({"Named": {"name": "a", "more": 1}}, Named("a", more=1)),
    ):
        assert of.read(said, form) == wanted
        assert of.write(wanted, form) == said
    assert of.read({"OwnInit": 3}, form).value == 3
    assert type(type_of(Plain).read({"name": "a"}, form)) is Plain
    for value, detail in ((9, "nine is too many"), (8, "ValueError")):
        with pytest.raises(Mismatch) as refused:
            of.read({"OnlyByName": value}, form)
        assert (refused.value.pointer, refused.value.detail) == ("/OnlyByName", detail)


def test_what_a_case_refuses_is_answered_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Nothing, "note", "closed")
    context = Context("x")

    @context.post("/")
    def take(body: Holder) -> None: ...

    guest = TestContext(context)
    for said, detail, pointer in (
        ({"OnlyByName": 9}, "nine is too many", "/one/OnlyByName"),
        ("Nothing", "it is closed", "/one"),
    ):
        reply = guest.post("/", {"one": said})
        assert (reply.status, reply.body["errors"]) == (422, [{"pointer": pointer, "detail": detail}])


@dataclass
class Holder:
    one: OnlyByName | Nothing


@dataclass
class NotSet:
    value: U8 = field(init=False)


@dataclass
class Asks:
    value: U8
    secret: InitVar[str]


@dataclass(init=False)
class NoInit:
    value: U8


@dataclass
class OtherInit:
    value: U8

    def __init__(self, amount: int) -> None:
        self.value = amount


@dataclass
class Abstract(ABC):
    value: U8

    @abstractmethod
    def run(self) -> None: ...


class Undecorated(Inner):
    more: U8


class Pair(NamedTuple):
    value: U8


class Members(TypedDict):
    value: int


@pytest.mark.parametrize("made", [NotSet, Asks, NoInit, OtherInit, Abstract, Undecorated, Pair, Members])
def test_what_could_not_be_made_is_refused_when_it_is_declared(made: type[Any]) -> None:
    hints: list[Any] = [made, list[made], made | None]  # type: ignore[valid-type]
    if made not in (Pair, Members):
        hints.append(made | Single)
    for hint in hints:
        with pytest.raises(TypeError, match=made.__name__):
            type_of(hint)
