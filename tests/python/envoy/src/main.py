"""Asks outside, at once or when an event says so. The same as tests/components/envoy, which is in Rust."""

from dataclasses import dataclass

from innkeeper import U16, U64, Context, Event, Problem, Retry, Table, emit, outbound


@dataclass(frozen=True)
class Errand:
    """Whom to ask, and what."""

    url: str
    said: str


answers = Table[U64, U16]("answers")
errand_given = Event[Errand]("ErrandGiven", subject=lambda _: "errand")
context = Context("Asks outside.", tables=[answers], publishes=[errand_given])


@context.post("/envoys")
def send(body: Errand) -> dict[str, object]:
    try:
        response = outbound.post(body.url, body=body.said, headers={"x-own": "mine"})
    except outbound.Error as error:
        raise Problem(502, f"{type(error).__name__}: {error}") from None
    answers.put(answers.next_id(), response.status)
    return {"status": response.status, "from": response.header("x-from"), "body": response.body.decode("utf-8")}


@context.post("/errands")
def give(body: Errand) -> None:
    emit(errand_given, body)


@context.on("envoy", errand_given)
def run(errand: Errand) -> None:
    try:
        answers.put(answers.next_id(), outbound.post(errand.url, body=errand.said).status)
    except outbound.Error as error:
        raise Retry(str(error)) from None
