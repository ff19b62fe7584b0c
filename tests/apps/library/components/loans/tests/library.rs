//! What the contexts of the library do together, in one process.

use std::time::Duration;

use innkeeper_sdk::testing::{ConflictFuzzer, Reply, TestApp, json};

/// One copy of a book, and two members.
fn library() -> TestApp {
    let app = TestApp::new()
        .with::<catalog::Component>("catalog")
        .with::<loans::Component>("loans")
        .with::<members::Component>("members")
        .with::<notices::Component>("notices")
        .with::<shelf::Component>("shelf");
    app.configure("loans", "queue", "true");
    app.post(
        "/books",
        json!({"isbn": "1", "title": "Dune", "author": "Herbert", "copies": 1}),
    );
    for name in ["Ada", "Bob"] {
        app.post("/members", json!({"name": name}));
    }
    app.settle();
    app
}

fn lend(app: &TestApp, member: u64) -> Reply {
    app.post("/loans", json!({"memberId": member, "bookId": 1}))
}

#[test]
fn who_waits_has_the_copy_that_comes_back() {
    let app = library();
    assert_eq!(lend(&app, 1).status, 201);
    assert_eq!(lend(&app, 2).status, 202);
    app.settle();
    assert_eq!(app.get("/shelf/books/1").body["queue"], json!([2]));
    app.post("/loans/1/return", json!({}));
    app.settle();
    assert_eq!(app.get("/loans/2").body["status"], "open");
    assert_eq!(app.get("/shelf/members/2").body["lent"], json!([2]));
    assert_eq!(app.get("/notices").body["total"], 4);
}

#[test]
fn who_is_late_is_suspended_and_what_they_may_not_borrow_is_put_back() {
    let app = library();
    lend(&app, 1);
    app.advance(Duration::from_secs(15 * 24 * 60 * 60));
    assert_eq!(app.get("/loans/1").body["status"], "overdue");
    assert_eq!(app.get("/members/1").body["suspended"], true);
    app.post("/loans/1/return", json!({}));
    app.settle();
    app.calls();
    assert_eq!(lend(&app, 1).status, 403);
    let undone: Vec<_> = app.calls().into_iter().map(|call| call.undone).collect();
    assert_eq!(undone, [true, false]);
    assert_eq!(app.get("/books/1").body["lent"], 0);
}

/// What catalog and the shelf say is lent is the same.
fn a_copy_is_lent_once(app: &TestApp) -> Result<(), String> {
    let (lent, copies) = (
        app.get("/books/1").body["lent"].clone(),
        app.get("/shelf/books/1").body["lent"].clone(),
    );
    match lent == copies.as_array().map_or(0, Vec::len) {
        true => Ok(()),
        false => Err(format!("{lent} are lent, and the shelf shows {copies}")),
    }
}

/// Everything that a loan comes to: the saga and its undo, the projection, the notices, and the timer that makes it overdue and suspends who has it.
#[test]
fn lending_survives_conflicts() {
    let tried = ConflictFuzzer::new(library)
        .operation("lend", |app| lend(app, 1))
        .operation("lend to another", |app| lend(app, 2))
        .operation("suspend", |app| {
            app.patch("/members/1", json!({"suspended": true}))
        })
        .passing(Duration::from_secs(15 * 24 * 60 * 60))
        .always("a copy is lent once", a_copy_is_lent_once)
        .check()
        .unwrap_or_else(|finding| panic!("{finding}"));
    assert!(tried.interleavings > 60, "{tried:?}");
}

/// Who waits is served by an event, which calls others in its turn.
#[test]
fn returning_survives_conflicts() {
    let with_a_loan = || {
        let app = library();
        lend(&app, 1);
        lend(&app, 2);
        app.settle();
        app
    };
    let tried = ConflictFuzzer::new(with_a_loan)
        .operation("return", |app| app.post("/loans/1/return", json!({})))
        .operation("lend", |app| lend(app, 1))
        .operation("retitle", |app| {
            app.publish(
                "isbn",
                "TitleChanged",
                "1",
                json!({"isbn": "1", "title": "Dune II"}),
            );
        })
        .always("a copy is lent once", a_copy_is_lent_once)
        .check()
        .unwrap_or_else(|finding| panic!("{finding}"));
    assert!(tried.interleavings > 60, "{tried:?}");
}
