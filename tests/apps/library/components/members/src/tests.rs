use innkeeper_sdk::testing::{TestContext, Value, json};

use super::*;

fn ada() -> TestContext<Component> {
    let test = TestContext::<Component>::new();
    assert_eq!(test.post("/members", json!({"name": "Ada"})).status, 201);
    test.events();
    test
}

fn loan(status: &str) -> Value {
    json!({"loanId": 7, "memberId": 1, "bookId": 1, "status": status})
}

#[test]
fn a_member_has_so_many_loans_at_a_time() {
    let test = ada();
    test.configure("limit", "1");
    for _ in 0..2 {
        test.call(|| Component::admit(1, 7)).unwrap();
    }
    assert!(matches!(
        test.call(|| Component::admit(1, 8)),
        Err(AdmissionError::Refused(_))
    ));
    test.configure("limit", "2");
    test.call(|| Component::admit(1, 8)).unwrap();
    test.call(|| Component::release(1, 8)).unwrap();
    test.deliver("loans", "LoanReturned", "7", loan("returned"))
        .unwrap();
    assert_eq!(LENT.count(), 0);
}

#[test]
fn an_overdue_loan_suspends_once() {
    let test = ada();
    for _ in 0..2 {
        test.deliver("loans", "LoanOverdue", "7", loan("overdue"))
            .unwrap();
    }
    assert_eq!(test.events().len(), 1);
    assert!(matches!(
        test.call(|| Component::admit(1, 8)),
        Err(AdmissionError::Refused(_))
    ));
    assert_eq!(
        test.patch("/members/1", json!({"suspended": false})).status,
        200
    );
    test.call(|| Component::admit(1, 8)).unwrap();
}

#[test]
fn a_mistyped_setting_is_said() {
    let test = ada();
    assert_eq!(test.ready(), Ok(()));
    test.configure("limt", "4");
    assert!(
        test.ready()
            .unwrap_err()
            .contains("unknown field `limt`, expected `limit`")
    );
}
