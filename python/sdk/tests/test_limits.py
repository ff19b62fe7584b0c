"""What the host refuses, the played host refuses, too."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from innkeeper import U8, Context, Event, Table, answer, cancel, emit, emit_after
from innkeeper.testing import Limits, Refused, TestContext

rows = Table[str, U8]("rows")
subject = ""
said = Event[U8]("Said", subject=lambda _: subject)


def asked(run: Callable[[], Any], limits: Limits = Limits()) -> TestContext:
    context = Context("x", tables=[rows], publishes=[said])
    context.post("/")(run)
    return TestContext(context, limits=limits)


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({"x-a": "a\r\nb: c"}, "the header x-a of the answer is"),
        ({"x-a": "a\nb"}, "the header x-a"),
        ({"x-a": "\0"}, "the header x-a"),
        ({"x-a": "ü"}, "the header x-a"),
        ({"x-a": ["a", "\x7f"]}, "the header x-a"),
        ({"location": "/rooms/ü"}, "the header location"),
        ({"x a": "a"}, "a header that is called 'x a'"),
        ({"": "a"}, "a header that is called ''"),
        ({"x-ü": "a"}, "a header that is called"),
        ({"x:": "a"}, "a header that is called"),
    ],
)
def test_a_header_is_one_of_http(headers: dict[str, Any], wanted: str) -> None:
    def run() -> Any:
        rows.put("a", 1)
        return answer(200, "x", headers)

    guest = asked(run)
    with pytest.raises(Refused, match=wanted):
        guest.post("/")
    # Nothing of it is committed.
    assert guest.run(rows.count) == 0


def test_what_http_allows_is_answered() -> None:
    headers = {"x-a": " a\tb~ ", "X_b!": "", "transfer-encoding": "ü"}
    assert asked(lambda: answer(599, "x", headers)).post("/").status == 599
    assert asked(lambda: answer(200, "x" * 100)).post("/").status == 200
    with pytest.raises(Refused, match="limits.response"):
        asked(lambda: answer(200, "x" * 100), Limits(response=100)).post("/")
    with pytest.raises(Refused, match="limits.response"):
        asked(lambda: "x" * (4 << 20)).post("/")


@pytest.mark.parametrize(("text", "is_taken"), [("x" * 1024, True), ("x" * 1025, False), ("ü" * 512, True), ("ü" * 513, False), ("", True)])
def test_a_subject_has_at_most_so_many_bytes(monkeypatch: pytest.MonkeyPatch, text: str, is_taken: bool) -> None:
    monkeypatch.setitem(globals(), "subject", text)
    for run in (lambda: emit(said, 1), lambda: emit_after(5, said, 1)):
        guest = asked(run)
        if is_taken:
            assert guest.post("/").status == 200
        else:
            with pytest.raises(Refused, match="a subject has at most 1,024 bytes"):
                guest.post("/")
            assert (guest.events(), guest.timers()) == ([], [])


@pytest.mark.parametrize("kind", ["k" * 256, " k", "k ", "a\nb", "a\x7f"])
def test_a_kind_is_one_that_can_be_shown(kind: str) -> None:
    odd = Event[U8](kind, subject=lambda _: "")
    context = Context("x", publishes=[odd])
    context.post("/")(lambda: emit(odd, 1))
    with pytest.raises(Refused, match="a kind has 1 to 255 bytes"):
        TestContext(context).post("/")


def test_a_timer_is_set_at_most_so_far_ahead() -> None:
    days = timedelta(days=400)
    assert asked(lambda: emit_after(days, said, 1)).post("/").status == 200
    for delay in (days + timedelta(milliseconds=1), 2**63):
        with pytest.raises(Refused, match="limits.commit.timer_delay"):
            asked(lambda: emit_after(delay, said, 1)).post("/")
    assert asked(lambda: emit_after(days * 2, said, 1), Limits(timer_delay=days * 2)).post("/").status == 200


def times(count: int, run: Callable[[int], Any]) -> Callable[[], int]:
    def several() -> int:
        for number in range(count):
            run(number)
        return count

    return several


@pytest.mark.parametrize(
    ("limits", "run", "wanted"),
    [
        (Limits(events=3), lambda _: emit(said, 1), "limits.commit.events"),
        (Limits(timers=3), lambda _: emit_after(5, said, 1), "limits.commit.timers"),
        (Limits(keys=3), lambda number: rows.put(str(number), 1), "limits.commit.keys"),
        (Limits(keys=3), lambda number: rows.delete(str(number)), "limits.commit.keys"),
        (Limits(numbers=3), lambda _: rows.next_id(), "limits.commit.numbers"),
    ],
)
def test_an_invocation_stages_only_so_much(limits: Limits, run: Callable[[int], Any], wanted: str) -> None:
    assert asked(times(3, run), limits).post("/").body == 3
    with pytest.raises(Refused, match=wanted):
        asked(times(4, run), limits).post("/")


def test_as_much_as_the_manifest_allows_where_it_says_nothing() -> None:
    assert asked(times(1_000, lambda _: emit(said, 1))).post("/").status == 200
    with pytest.raises(Refused, match="at most 1,000 events"):
        asked(times(1_001, lambda _: emit(said, 1))).post("/")
    # The same key again is no other one.
    assert asked(times(6_000, lambda number: rows.put(str(number % 5_000), 1))).post("/").status == 200


def test_a_timer_that_is_set_and_cancelled_counts_for_nothing() -> None:
    guest = asked(times(5, lambda _: cancel(emit_after(5, said, 1))), Limits(timers=1))
    assert (guest.post("/").status, guest.timers()) == (200, [])
    ids: list[str] = []
    guest = asked(times(2, lambda number: cancel(ids[number])), Limits(timers=1))
    for _ in range(2):
        ids.append(guest.run(lambda: emit_after(5, said, 1)))
    with pytest.raises(Refused, match="limits.commit.timers"):
        guest.post("/")
    assert len(guest.timers()) == 2


def test_keys_and_sequences_have_names_of_so_many_bytes() -> None:
    for run in (lambda: rows.put("k" * 1020, 1), lambda: rows.delete("ü" * 600)):
        with pytest.raises(Refused, match="a key has 1 to 1,024 bytes"):
            asked(run).post("/")
    with pytest.raises(Refused, match="the name of a sequence has 1 to 128"):
        asked(lambda: Table[str, U8]("t" * 129).next_id()).post("/")


def test_what_is_refused_stays_refused_whoever_catches_it() -> None:
    def run() -> str:
        try:
            emit_after(timedelta(days=500), said, 1)
        except BaseException:
            pass
        return "caught"

    with pytest.raises(Refused):
        asked(run).post("/")
