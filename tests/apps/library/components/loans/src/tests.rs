use innkeeper_sdk::testing::{TestContext, json};

use super::*;
use crate::calls::admission::{self, AdmissionError};
use crate::calls::copies::{self, CopyError};

fn lend(
    copy: Result<String, CopyError>,
    admit: Result<(), AdmissionError>,
) -> (u16, TestContext<Component>) {
    let test = TestContext::<Component>::new();
    test.configure("queue", "true");
    test.configure("loan_ms", "50");
    test.set_time(1_000);
    test.answer(copies::TAKE_COPY, move |_: u64, _: u64| copy.clone());
    test.answer(admission::ADMIT, move |_: u64, _: u64| admit.clone());
    (
        test.post("/loans", json!({"memberId": 1, "bookId": 3}))
            .status,
        test,
    )
}

fn kinds(test: &TestContext<Component>) -> Vec<String> {
    test.events().into_iter().map(|event| event.kind).collect()
}

#[test]
fn a_loan_needs_a_copy_and_an_admission() {
    let text = String::from;
    let (status, test) = lend(Ok(text("Dune")), Ok(()));
    assert_eq!(
        (status, kinds(&test)),
        (201, vec![text("LoanDue"), text("LoanOpened")])
    );
    assert_eq!(test.get("/loans/1").body["dueAt"], 1_050);
    assert_eq!(lend(Err(CopyError::NotFound(text("x"))), Ok(())).0, 422);
    assert_eq!(lend(Err(CopyError::Unavailable(text("x"))), Ok(())).0, 503);
    for (error, expected) in [
        (AdmissionError::Refused(text("x")), 403),
        (AdmissionError::Unavailable(text("x")), 503),
    ] {
        let (status, test) = lend(Ok(text("Dune")), Err(error));
        assert_eq!((status, kinds(&test)), (expected, vec![]));
        assert!(test.calls()[0].undone, "the copy is put back");
    }
}

#[test]
fn who_waits_has_the_copy_that_comes_back_or_is_refused() {
    for (admit, expected) in [
        (Ok(()), "open"),
        (Err(AdmissionError::Refused("no".into())), "refused"),
    ] {
        let (status, test) = lend(Err(CopyError::NoneLeft("none".into())), admit);
        assert_eq!((status, kinds(&test)), (202, vec!["LoanQueued".into()]));
        test.answer(copies::TAKE_COPY, |book: u64, loan: u64| {
            assert_eq!((book, loan), (3, 1));
            Ok("Dune".into())
        });
        let book = json!({"bookId": 3, "isbn": "1", "title": "Dune", "author": "Herbert", "copies": 1, "lent": 0});
        test.deliver("catalog", "CopyReturned", "3", book).unwrap();
        assert_eq!(test.get("/loans/1").body["status"], expected);
    }
}

#[test]
fn a_loan_is_returned_once_and_only_an_open_one_becomes_overdue() {
    let (_, test) = lend(Ok("Dune".into()), Ok(()));
    let due = test.events().remove(0);
    for _ in 0..2 {
        assert_eq!(
            test.post("/loans/1/return", json!({})).body["status"],
            "returned"
        );
    }
    test.deliver("loans", "LoanDue", "1", due.data).unwrap();
    assert_eq!(kinds(&test), ["LoanReturned"]);
}
