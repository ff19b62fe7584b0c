"""How keys and values are written: the vectors of the contract, which every SDK is tested with."""

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import pytest
from innkeeper import F32, S8, S64, S128, U8, U16, U32, U64, U128, Char, Fault, Some, Stored, case_name
from innkeeper.json_text import decode_json, dump_json
from innkeeper.key import Key
from innkeeper.values import Form, Mismatch, encode, parse, type_of

VECTORS = json.loads((Path(__file__).parent.parent / "wit" / "records.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Hold:
    rsv: Annotated[U64, Stored("rsv_id")]
    confirmed: bool


@dataclass(frozen=True)
class Single:
    pass


@case_name("twin")
@dataclass(frozen=True)
class Twin:
    pass


@dataclass(frozen=True)
class Suite:
    value: U32


@dataclass(frozen=True)
class Pair:
    value: tuple[U8, str]


@dataclass(frozen=True)
class Named:
    name: str
    floor: S8


class Kind(Enum):
    SINGLE = "single"
    TWIN = "twin"


HINTS: dict[str, Any] = {
    "bool": bool,
    "u64": U64,
    "s64": S64,
    "u128": U128,
    "s8": S8,
    "f64": float,
    "f32": F32,
    "char": Char,
    "string": str,
    "bytes": bytes,
    "unit": None,
    "option<u8>": U8 | None,
    "option<option<u8>>": Some[U8 | None] | None,
    "list<u16>": list[U16],
    "tuple<u8, string>": tuple[U8, str],
    "map<string, u8>": dict[str, U8],
    "map<u32, bool>": dict[U32, bool],
    "record { rsv_id: u64, confirmed: bool }": Hold,
    "variant { Single, twin, Suite(u32), Pair(tuple<u8, string>), Named(record { name: string, floor: s8 }) }": Single | Twin | Suite | Pair | Named,
}

EVENTS: dict[str, Any] = {
    "u64": U64,
    "s64": S64,
    "u128": U128,
    "s128": S128,
    "f64": float,
    "f32": F32,
    "option<option<u8>>": Some[U8 | None] | None,
    "list<u8>": list[U8],
    "map<string, u8>": dict[str, U8],
    "map<u32, bool>": dict[U32, bool],
    "map<u64, u8>": dict[U64, U8],
    "map<s8, u8>": dict[S8, U8],
    "map<bool, u8>": dict[bool, U8],
    "map<char, u8>": dict[Char, U8],
    "map<variant { single, twin }, u8>": dict[Kind, U8],
}


def exactly(text: str) -> str:
    """JSON as what it says: integers with all their digits, numbers with a point as the double that they are; `1.0` and `1` are one, `0` and `-0.0` are not."""

    def number(said: str) -> Any:
        value = float(said)
        return int(value) if value.is_integer() and said[0] != "-" and abs(value) < 2**53 else {"double": value.hex()}

    return json.dumps(json.loads(text, parse_float=number), sort_keys=True)


def of_all(vectors: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(name, text) for name, texts in vectors.items() for text in texts]


@pytest.mark.parametrize(
    ("one", "other"),
    [("9007199254740993", "9007199254740992"), ("-0.0", "0"), ("1", '"1"'), ("9007199254740993", '"9007199254740993"'), ("0.1", "0.10000000000000002")],
)
def test_what_compares_values_sees_each_difference(one: str, other: str) -> None:
    assert exactly(one) != exactly(other)


def test_each_type_and_key_of_the_vectors_is_tried() -> None:
    assert set(VECTORS["refused"]) < set(VECTORS["values"]) == set(HINTS)
    assert set(VECTORS["events"]) == set(EVENTS)
    assert set(VECTORS["keys"]) == set(KEYS)


@pytest.mark.parametrize(("name", "text"), of_all(VECTORS["values"]))
def test_values_are_read_and_written_as_the_contracts_vectors_say(name: str, text: str) -> None:
    of = type_of(HINTS[name])
    value = parse(of, text.encode("utf-8"), name)
    assert exactly(encode(of, value, Form.STATE, name).decode("utf-8")) == exactly(text)


@pytest.mark.parametrize(("name", "text"), of_all(VECTORS["refused"]))
def test_what_is_no_value_of_its_type_is_refused_as_the_contracts_vectors_say(name: str, text: str) -> None:
    with pytest.raises(Fault):
        parse(type_of(HINTS[name]), text.encode("utf-8"), name)


@pytest.mark.parametrize(("name", "text"), of_all(VECTORS["events"]))
def test_the_data_of_events_is_read_and_written_as_the_contracts_vectors_say(name: str, text: str) -> None:
    of = type_of(EVENTS[name])
    value = of.read(decode_json(text.encode("utf-8")), Form.EVENT)
    written = encode(of, value, Form.EVENT, name)
    assert of.read(decode_json(written), Form.EVENT) == value
    # An f32 is written as the double that it is.
    if name != "f32":
        assert exactly(written.decode("utf-8")) == exactly(text)


KEYS: dict[str, tuple[str, Any, Any]] = {
    "rooms [number] 43981": ("rooms", U64, 43981),
    "by-words [number, number] 3, 18446744073709551615": ("by-words", tuple[U64, U64], (3, 2**64 - 1)),
    "titles [text] a/b 🛏": ("titles", str, "a/b 🛏"),
    "by-name [text, number] a/b, 7": ("by-name", tuple[str, U64], ("a/b", 7)),
    "by-name [text, number] U+0000 U+0001 U+0002, 7": ("by-name", tuple[str, U64], ("\u0000\u0001\u0002", 7)),
    "by-both [text, text] a U+0001, b U+0001": ("by-both", tuple[str, str], ("a\u0001", "b\u0001")),
    "by-three [number, text, number] 1, an empty one, 2": ("by-three", tuple[U64, str, U64], (1, "", 2)),
}


@pytest.mark.parametrize("name", VECTORS["keys"])
def test_keys_are_written_as_the_contracts_vectors_say_to_the_byte(name: str) -> None:
    table, hint, value = KEYS[name]
    key = Key(hint)
    assert f"{table}/{key.write(value)}" == VECTORS["keys"][name]
    assert key.read(key.write(value)) == value


@pytest.mark.parametrize(("hint", "most"), [(U8, 0xFF), (U16, 0xFFFF), (U32, 2**32 - 1), (U64, 2**64 - 1)])
def test_a_number_in_a_key_is_one_of_its_type_whoever_reads_it(hint: Any, most: int) -> None:
    key = Key(hint)
    assert key.read(key.write(most)) == most
    for value in (most + 1, -1, 0.5, True, "7"):
        with pytest.raises(Fault):
            key.write(value)
    if most < 2**64 - 1:
        with pytest.raises(ValueError):
            key.read(Key(U64).write(most + 1))


@pytest.mark.parametrize("value", ["", "a", "a\u0001", "a\u0000b\u0002", "a/b"])
def test_texts_in_keys_keep_their_order_whatever_is_in_them(value: str) -> None:
    key = Key(tuple[str, U64])
    assert key.read(key.write((value, 7))) == (value, 7)
    assert key.write(("a", 9)) < key.write(("a\u0000", 1))
    assert key.write((value, 9)).startswith(key.beginning(value))


@pytest.mark.parametrize("text", ["", "0" * 15, "0" * 17, "g" * 16, "0" * 16 + "x", "A" * 16])
def test_what_is_no_key_is_read_as_none(text: str) -> None:
    for hint in (U64, tuple[U64, U64], tuple[U64, str]):
        with pytest.raises(ValueError):
            Key(hint).read(text)


@pytest.mark.parametrize("hint", [S64, float, bytes, tuple[U64, U64, U64, U64], U64 | None, list[U64], Char])
def test_only_unsigned_numbers_and_texts_make_a_key(hint: Any) -> None:
    with pytest.raises(TypeError, match="a key is U8 to U64"):
        Key(hint)


def test_what_lies_too_deep_in_each_other_is_not_stored() -> None:
    hint: Any = U8
    value: Any = 1
    for _ in range(32):
        hint, value = list[hint], [value]
    encode(type_of(hint), value, Form.STATE, "a row")
    with pytest.raises(Fault, match="32 deep"):
        encode(type_of(list[hint]), [value], Form.STATE, "a row")


def test_what_is_written_is_json_to_the_byte() -> None:
    assert dump_json({"a": [1, "🛏", None]}) == '{"a":[1,"🛏",null]}'.encode()
    assert decode_json(dump_json("\ud800")) == "\ud800"
    with pytest.raises(Mismatch):
        type_of(str).read("\ud800", Form.BODY)
