"""What a context asks outside, where a test plays the outside."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from innkeeper import U64, Context, Problem, outbound
from innkeeper.testing import TestContext


@dataclass(frozen=True)
class Charge:
    order: U64
    cents: U64


@dataclass(frozen=True)
class Receipt:
    number: U64


context = Context("Charges cards.")


@context.post("/charges")
def charge(body: Charge) -> Receipt:
    try:
        return outbound.post("https://bank.example/charges", json=body, timeout=timedelta(seconds=2)).json(Receipt)
    except outbound.TimedOut as error:
        raise Problem.unavailable(str(error), 5) from None


def test_what_is_asked_is_what_the_outside_is_told() -> None:
    test = TestContext(context)
    asked: list[outbound.Request] = []

    def bank(request: outbound.Request) -> outbound.Response:
        asked.append(request)
        return outbound.Response(200, body=b'{"number":18446744073709551615,"new":true}')

    test.answer_outside(bank)
    # What nobody reads may be in an answer.
    assert test.post("/charges", {"order": 1, "cents": 100}).body == {"number": 2**64 - 1}
    body, headers = b'{"order":1,"cents":100}', [("content-type", "application/json")]
    assert asked == [outbound.Request("POST", "https://bank.example/charges", headers, body, timedelta(seconds=2))]
    several = test.run(lambda: outbound.get("https://bank.example", headers={"accept": ["a/b", "c/d"], "x-one": "1"}))
    assert (several.status, asked[1].headers) == (200, [("accept", "a/b"), ("accept", "c/d"), ("x-one", "1")])


def test_an_error_is_caught_by_its_class() -> None:
    test = TestContext(context)
    assert test.post("/charges", {"order": 1, "cents": 100}).status == 500
    assert "nobody plays the outside" in test.logs()[0][1]

    def late(_: outbound.Request) -> outbound.Response:
        raise outbound.TimedOut("no answer in 2 s")

    test.answer_outside(late)
    refused = test.post("/charges", {"order": 1, "cents": 100})
    assert (refused.status, refused.body["detail"]) == (503, "no answer in 2 s")


def test_an_answer_is_read_as_what_is_wanted_or_refused() -> None:
    answer = outbound.Response(404, [("x-one", "1"), ("x-one", "2")], b'{"number": 7}')
    assert (answer.header("x-one"), answer.header("X-One"), answer.header("x-two")) == ("1", "1", None)
    assert (answer.json(), answer.json(Receipt)) == ({"number": 7}, Receipt(7))
    assert outbound.Response(200, body=b"[1]").json(list[U64]) == [1]
    for body, said in ((b"{", "is not JSON"), (b"\xff", "UTF-8"), (b'{"number":"x"}', "number: "), (b"[]", "an object")):
        with pytest.raises(outbound.Broken, match=said):
            outbound.Response(200, body=body).json(Receipt)


def test_what_is_no_request_is_not_sent() -> None:
    test = TestContext(context)
    test.answer_outside(lambda _: outbound.Response(200))
    some: Any = b"s3cret"
    for send in (
        lambda: outbound.get(some),
        lambda: outbound.get("https://\ud800.example"),
        lambda: outbound.request(some, "https://one.example"),
        lambda: outbound.get("https://one.example", headers={"x-one": some}),
        lambda: outbound.get("https://one.example", headers={some: "1"}),
        lambda: outbound.get("https://one.example", timeout=some),
        lambda: outbound.get("https://one.example", timeout=timedelta(milliseconds=-1)),
        lambda: outbound.post("https://one.example", json=1, body="1"),
        lambda: outbound.get("https://one.example", headers={"authorization": "s3cret\ud800"}),
        lambda: outbound.post("https://one.example", body=7),  # type: ignore[arg-type]
        lambda: outbound.post("https://one.example", body="s3cret\ud800"),
    ):
        with pytest.raises(outbound.Invalid) as refused:
            test.run(send)
        assert "s3cret" not in str(refused.value)
    assert test.run(lambda: outbound.post("https://one.example", body="text", headers={"content-type": "text/plain"})).status == 200


def test_what_would_be_answered_later_is_refused() -> None:
    test = TestContext(context)

    async def later(_: outbound.Request) -> outbound.Response:
        return outbound.Response(200)

    some: Any = later
    test.answer_outside(some)
    assert test.post("/charges", {"order": 1, "cents": 100}).status == 500
    assert "what the test answers outside comes later" in test.logs()[0][1]
