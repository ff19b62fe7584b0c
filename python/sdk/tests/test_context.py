"""Contexts as their authors write them, against the played host."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import pytest
from innkeeper import (
    U32,
    U64,
    Answer,
    Calls,
    Config,
    Context,
    Counter,
    Delivery,
    Entry,
    Event,
    Failure,
    Fault,
    Page,
    Paging,
    Problem,
    Reject,
    Request,
    Retry,
    Schema,
    Table,
    UpTo,
    cancel,
    created,
    emit,
    emit_after,
    invocation,
    log,
)
from innkeeper.host import Kept
from innkeeper.testing import Refused, TestContext


@dataclass(frozen=True)
class Note:
    id: U64
    text: str
    tag: str | None


@dataclass(frozen=True)
class NewNote:
    text: Annotated[str, UpTo(20)]
    tag: str | None = None


@dataclass(frozen=True)
class Wake:
    room: U64


@dataclass(frozen=True)
class Title:
    id: U64
    title: str


@dataclass(frozen=True)
class Settings:
    greeting: str = "hello"
    most: U32 = 3


notes = Table[U64, Note]("notes")
hits = Counter[str]("hits")
wakes = Table[U64, str]("wakes")
note_left = Event[Note]("NoteLeft", subject=lambda note: note.id)
wake_due = Event[Wake]("WakeDue", subject=lambda wake: wake.room)
title_changed = Event[Title]("TitleChanged")
payments = Calls("stay:payment/payments")
settings = Config(Settings)

desk = Context("Notes left at the desk.", tables=[notes, hits, wakes], publishes=[note_left, wake_due], calls=[payments], config=settings)


@desk.post("/notes")
def leave(body: NewNote) -> Answer:
    note = Note(notes.next_id(), body.text, body.tag)
    notes.put(note.id, note)
    hits.add("notes", 1)
    emit(note_left, note)
    return created(f"/notes/{note.id}", note)


@desk.get("/notes")
def all_notes(paging: Paging) -> Page[Note]:
    return notes.page(paging)


@desk.get("/notes/{id}")
def one_note(id: U64) -> Note:
    return notes.find(id, Problem.not_found(f"There is no note {id}."))


@desk.delete("/notes/{id}")
def remove(id: U64) -> None:
    notes.delete(id)


@desk.get("/hits")
def hit() -> int:
    return hits.get("notes")


@desk.get("/search")
def search(word: str, request: Request, most: U32 = 7, exact: bool | None = None) -> dict[str, Any]:
    return {"word": word, "most": most, "exact": exact, "agent": request.headers.get("user-agent")}


@desk.get("/greeting")
def greeting() -> Settings:
    return settings.read()


@desk.get("/fails")
def fails() -> Any:
    nothing: Any = None
    return nothing.nothing


@desk.get("/smuggles")
def smuggles() -> None:
    try:
        Table[U64, U64]("others").put(1, 1)
    except Exception:
        pass


@desk.post("/pay/{id}")
def pay(id: U64) -> dict[str, int]:
    paid = payments.approve(id, 1)
    if id == 13:
        raise Problem.conflict("Not that one.")
    return {"paid": paid}


@desk.patch("/rooms/{room-id}/wake")
def wake(room_id: U64) -> None:
    timer = wakes.get(room_id)
    if timer is not None:
        cancel(timer)
    wakes.put(room_id, emit_after(timedelta(minutes=1), wake_due, Wake(room_id)))


@desk.offer("stay:desk/keys", undo="give_back")
def take(room: int) -> int:
    if room > 9:
        raise Failure("taken", "It is gone.")
    notes.put(room, Note(room, "key", None))
    return room


@desk.offer("stay:desk/keys")
def give_back(room: int) -> None:
    notes.delete(room)


@desk.on("isbn", title_changed)
def title(changed: Title, delivery: Delivery) -> None:
    if changed.title == "":
        raise Reject("the title is empty")
    if changed.title == "boom":
        raise RuntimeError("boom")
    notes.put(changed.id, Note(changed.id, f"{changed.title} of {delivery.subject}", None))


@pytest.fixture
def guest() -> TestContext:
    return TestContext(desk, "desk")


def test_what_a_request_stages_is_committed_when_its_status_is_below_400_and_not_otherwise(guest: TestContext) -> None:
    reply = guest.post("/notes", {"text": "Wake me at six."})
    assert (reply.status, reply.headers["location"]) == (201, "/notes/1")
    assert guest.get("/notes/1").body == {"id": 1, "text": "Wake me at six.", "tag": None}
    assert [(event.kind, event.subject) for event in guest.events()] == [("NoteLeft", "1")]
    assert guest.get("/hits").body == 1
    assert guest.get("/notes/7").body["detail"] == "There is no note 7."
    assert guest.delete("/notes/1").status == 204
    assert guest.get("/notes").body["total"] == 0


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ("{", 400, None),
        ("", 400, None),
        (b"\xff", 400, None),
        ([], 422, ""),
        ({}, 422, ""),
        ({"text": 7}, 422, "/text"),
        ({"text": " "}, 422, "/text"),
        ({"text": "x" * 21}, 422, "/text"),
        ({"text": "x", "id": 1}, 422, "/id"),
        ({"text": "x", "__class__": 1}, 422, "/__class__"),
    ],
)
def test_a_body_that_does_not_fit_is_answered_before_its_handler_runs_and_says_where(guest: TestContext, body: Any, status: int, pointer: str | None) -> None:
    reply = guest.post("/notes", body)
    assert reply.status == status
    errors = reply.body.get("errors")
    assert (errors[0]["pointer"] if errors else None) == pointer


@pytest.mark.parametrize("path", ["/notes/x", "/notes/01", "/notes/-1", "/notes?size=0", "/search", "/search?word=a&word=b", "/search?word=a&most=x", "/search?word=a&other=1", "/search?word=a&exact=1"])
def test_a_path_or_query_that_does_not_fit_is_answered_400(guest: TestContext, path: str) -> None:
    assert guest.get(path).status == 400


def test_what_a_query_lacks_has_its_default(guest: TestContext) -> None:
    found = guest.get("/search?word=a&exact=true", headers={"User-Agent": "curl"})
    assert found.body == {"word": "a", "most": 7, "exact": True, "agent": "curl"}


def test_pages_are_those_of_rust_from_either_end_and_with_links(guest: TestContext) -> None:
    for id in range(1, 26):
        guest.post("/notes", {"text": f"note {id}"})
        if id % 5 == 0:
            guest.delete(f"/notes/{id - 1}")

    def ids(query: str) -> list[int]:
        return [note["id"] for note in guest.get(f"/notes?{query}").body["items"]]

    assert ids("size=3") == [1, 2, 3]
    assert ids("page=1&size=3") == [5, 6, 7]
    assert ids("page=5&size=3") == [20, 21, 22]
    assert ids("page=6&size=3") == [23, 25]
    assert ids("page=7&size=3") == []
    assert ids("after=22&size=9") == [23, 25]
    reply = guest.get("/notes?page=1&size=3")
    assert (reply.body["page"], reply.body["size"], reply.body["total"]) == (1, 3, 20)
    links = (
        '</notes?page=0&size=3>; rel="first", </notes?page=0&size=3>; rel="prev", </notes?after=7&size=3>; rel="next", </notes?page=6&size=3>; rel="last"'
    )
    assert reply.headers["link"] == links


def test_an_exception_is_a_problem_or_a_retry_never_a_trap_and_the_log_says_what_it_was(guest: TestContext) -> None:
    reply = guest.get("/fails")
    assert (reply.status, reply.body["title"]) == (500, "Internal Server Error")
    ((level, message),) = guest.logs()
    assert level == "critical"
    assert message.startswith("the route GET /fails: AttributeError: ")
    assert "test_context.py:" in message
    guest.deliver("isbn", "TitleChanged", 3, {"id": 3, "title": "Dune"})
    assert guest.get("/notes/3").body["text"] == "Dune of 3"
    with pytest.raises(Reject, match="the title is empty"):
        guest.deliver("isbn", "TitleChanged", 3, {"id": 3, "title": ""})
    with pytest.raises(Retry, match="boom"):
        guest.deliver("isbn", "TitleChanged", 3, {"id": 3, "title": "boom"})
    with pytest.raises(Reject, match="the data of TitleChanged cannot be read: title: "):
        guest.deliver("isbn", "TitleChanged", 3, {"id": 3, "title": 7})
    with pytest.raises(Reject):
        guest.deliver("isbn", "Other", 3, {})


def test_what_the_context_does_not_describe_ends_the_invocation_whatever_it_catches(guest: TestContext) -> None:
    with pytest.raises(Refused, match="others"):
        guest.get("/smuggles")
    undescribed = Context("x", tables=[])
    undescribed.post("/a")(lambda: emit(note_left, Note(1, "x", None)))
    undescribed.post("/b")(lambda: payments.approve(1, 1))
    for path in ("/a", "/b"):
        with pytest.raises(Refused):
            TestContext(undescribed).post(path)


def test_calls_are_undone_where_their_caller_does_not_commit(guest: TestContext) -> None:
    def approve(rsv: int, room: int) -> int:
        if rsv == 7:
            raise Failure("declined", "No.")
        return rsv * 10

    guest.answer("stay:payment/payments", "approve", approve)
    assert guest.post("/pay/4").body == {"paid": 40}
    (call,) = guest.calls()
    assert (call.function, call.parameters, call.is_done, call.is_undone) == ("stay:payment/payments#approve", (4, 1), True, False)
    assert guest.post("/pay/13").status == 409
    assert guest.calls()[0].is_undone
    assert guest.post("/pay/7").status == 500
    assert not guest.calls()[0].is_undone


def test_what_is_offered_answers_its_ok_value_or_a_case_of_its_error(guest: TestContext) -> None:
    assert guest.call("stay:desk/keys", "take", 4) == 4
    with pytest.raises(Failure) as failed:
        guest.call("stay:desk/keys", "take", 10)
    assert (failed.value.kind, failed.value.value) == ("taken", "It is gone.")
    assert guest.get("/notes").body["total"] == 1
    guest.call("stay:desk/keys", "give-back", 4)
    assert guest.get("/notes").body["total"] == 0
    described = desk.describe({"stay:desk/keys": "stay:desk/keys@0.1.0"})
    assert described.compensations == [("stay:desk/keys@0.1.0#take", "stay:desk/keys@0.1.0#give-back")]


def test_timers_fire_once_their_time_has_come_unless_they_were_cancelled(guest: TestContext) -> None:
    guest.patch("/rooms/7/wake")
    guest.advance(timedelta(seconds=30))
    guest.patch("/rooms/7/wake")
    guest.advance(timedelta(seconds=59))
    assert guest.events() == []
    assert len(guest.timers()) == 1
    guest.advance(timedelta(seconds=1))
    assert [(event.kind, event.data) for event in guest.events()] == [("WakeDue", {"room": 7})]


def test_the_configuration_is_typed_and_looked_at_before_the_context_serves(guest: TestContext) -> None:
    assert guest.get("/greeting").body == {"greeting": "hello", "most": 3}
    guest.configure("most", 5)
    assert (guest.not_ready(), guest.get("/greeting").body["most"]) == (None, 5)
    guest.configure("most", "many")
    assert guest.not_ready() == "the configuration cannot be used: most is not a whole number"
    guest.configure("most", 5)
    guest.configure("mots", 5)
    assert "nobody reads mots" in (guest.not_ready() or "")


def test_what_is_logged_is_a_line_whatever_it_is() -> None:
    class Bare:
        def __str__(self) -> str:
            raise TypeError("no text")

    guest = TestContext(Context("x"))
    guest.run(lambda: log.warn("a", 7, {"b": 1}, None, Bare(), "half \ud800"))
    guest.run(lambda: log.error(TypeError("on purpose")))
    assert guest.logs() == [("warn", "a 7 {'b': 1} None a value that has no text half \ufffd"), ("error", "TypeError: on purpose")]


def test_who_has_signed_in_is_behind_what_is_asked(guest: TestContext) -> None:
    with pytest.raises(Problem) as refused:
        guest.run(invocation.require_identity)
    assert refused.value.status == 401
    guest.sign_in("alice", scopes=["write", "read"], claims={"rooms": [1, 2]})
    identity = guest.run(invocation.require_identity)
    assert (identity.subject, identity.scopes, identity.has_scope("write")) == ("alice", ["read", "write"], True)
    assert (identity.claim("rooms"), identity.claim("photo")) == ([1, 2], None)


def test_rows_are_found_by_the_parts_of_their_keys() -> None:
    by_floor = Table[tuple[str, U64], str]("by-floor")
    guest = TestContext(Context("x", tables=[by_floor]))
    rows = [(("first", 1), "a"), (("first", 2), "b"), (("second", 1), "c")]

    def fill() -> None:
        for key, value in rows:
            by_floor.put(key, value)

    guest.run(fill)
    assert guest.run(lambda: by_floor.of("first", 9)) == rows[:2]
    assert guest.run(lambda: by_floor.last_of("first", 1)) == rows[1:2]
    assert guest.run(lambda: by_floor.count_of("first")) == 2
    assert guest.run(lambda: by_floor.after(("first", 1), 9)) == rows[1:]
    assert guest.run(lambda: by_floor.range(("first", 2), ("second", 1), 9)) == rows[1:2]
    assert guest.run(lambda: by_floor.first(0)) == []
    assert guest.run(lambda: ("first", 2) in by_floor)


def test_rows_of_another_schema_are_migrated_by_what_the_context_says() -> None:
    @dataclass
    class Old:
        text: str

    @dataclass
    class Counted:
        text: str
        words: U64

    old = Table[U64, Old]("entries")
    fresh = Table[U64, Counted]("counted")

    def migrate(number: int, entry: Kept) -> list[Kept]:
        if not old.holds(entry):
            return [entry]
        said = old.read(entry).text
        return [fresh.entry(old.key_of(entry), Counted(said, len(said.split())))]

    guest = TestContext(Context("Counts.", tables=[fresh], schema=Schema(1, migrate=migrate)))
    assert (guest.schema().number, guest.schema().rebuild) == (1, False)
    ((entry,),) = guest.migrate(0, [old.entry(7, Old("two words"))])
    assert (fresh.key_of(entry), fresh.read(entry)) == (7, Counted("two words", 2))
    with pytest.raises(Exception, match="entries/x: "):
        guest.migrate(0, [Entry("entries/x", b"{}")])
    with pytest.raises(Exception, match="no `migrate`"):
        TestContext(Context("x", schema=Schema(1))).migrate(0, [])


def test_what_cannot_be_declared_is_said_at_once() -> None:
    context = Context("x")

    async def later() -> int:
        return 1

    def generated() -> Any:
        yield 1

    def untyped(name):  # type: ignore[no-untyped-def]
        return name

    def several(*names: str) -> None:
        pass

    def of_integers(body: list[U64]) -> None:
        pass

    for run, said in ((later, "async"), (generated, "async"), (untyped, "no type"), (several, "a name of its own"), (of_integers, "is a dataclass")):
        with pytest.raises(TypeError, match=said):
            context.post("/a/{name}")(run)
    with pytest.raises(TypeError, match="without `/`"):
        Table[U64, U64]("a/b")
    with pytest.raises(TypeError, match="needs its types"):
        Context("x", tables=[Table("a")]).describe({})
    with pytest.raises(TypeError, match="takes the event's data"):
        context.on("a", note_left)(lambda: None)
    with pytest.raises(TypeError, match="`int` does not say"):
        Context("x", tables=[Table[U64, int]("a")]).describe({})


WRONG: list[Any] = [None, 7, "", "half \ud800", b"bytes"]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_the_bindings_would_not_take_is_said_when_it_is_declared_or_asked(wrong: Any, guest: TestContext) -> None:
    context = Context("x")
    for declare in (
        lambda: Context(wrong),
        lambda: Event[Note](wrong),
        lambda: Calls(wrong),
        lambda: Table[U64, Note](wrong),
        lambda: context.get(wrong)(lambda: None),
        lambda: context.on(wrong, note_left)(lambda note: None),
        lambda: context.offer(wrong)(give_back),
        lambda: guest.run(lambda: cancel(wrong)),
    ):
        with pytest.raises(TypeError):
            declare()


@pytest.mark.parametrize("wrong", [-1, 2**32, True, 1.0, None])
def test_the_number_of_a_schema_is_one(wrong: Any) -> None:
    for schema in (lambda: Schema(wrong), lambda: Schema(1, reads=[wrong])):
        with pytest.raises(TypeError, match="number of a schema"):
            schema()
    with pytest.raises(TypeError, match="True or False"):
        Schema(1, rebuild=wrong if wrong is not True else 1)


def test_a_limit_is_any_whole_number(guest: TestContext) -> None:
    guest.post("/notes", {"text": "a"})
    assert [len(guest.run(lambda: notes.first(limit))) for limit in (-1, 0, 1, 2**40)] == [0, 0, 1, 1]
    wrong: Any = 1.5
    with pytest.raises(Fault, match="a limit"):
        guest.run(lambda: notes.first(wrong))


@pytest.mark.parametrize("entries", [None, "x", [7], [Entry("half \ud800", b"")], [Entry("a", "text")]])  # type: ignore[arg-type]
def test_what_is_no_entry_is_no_result_of_a_migration(entries: Any) -> None:
    guest = TestContext(Context("x", schema=Schema(1, migrate=lambda _number, _entry: entries)))
    with pytest.raises(Exception, match="^a/b: "):
        guest.migrate(0, [Entry("a/b", b"")])
