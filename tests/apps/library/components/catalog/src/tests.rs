use innkeeper_sdk::testing::{TestContext, json};

use super::*;

fn one_copy() -> TestContext<Component> {
    let test = TestContext::<Component>::new();
    let book = json!({"isbn": "1", "title": "Dune", "author": "Herbert", "copies": 1});
    assert_eq!(test.post("/books", book.clone()).status, 201);
    assert_eq!(test.post("/books", book).status, 409);
    assert_eq!(test.events().len(), 1);
    test
}

#[test]
fn a_copy_is_taken_once_and_put_back_once() {
    let test = one_copy();
    for _ in 0..2 {
        assert_eq!(test.call(|| Component::take_copy(1, 7)), Ok("Dune".into()));
    }
    assert!(matches!(
        test.call(|| Component::take_copy(1, 8)),
        Err(CopyError::NoneLeft(_))
    ));
    assert!(matches!(
        test.call(|| Component::take_copy(2, 8)),
        Err(CopyError::NotFound(_))
    ));
    for _ in 0..2 {
        test.call(|| Component::put_back(1, 7)).unwrap();
    }
    assert_eq!(test.events().len(), 1);
    assert_eq!(test.get("/books/1").body["lent"], 0);
}

#[test]
fn a_title_changes_and_an_unknown_isbn_is_given_up() {
    let test = one_copy();
    test.deliver(
        "isbn",
        "TitleChanged",
        "1",
        json!({"isbn": "1", "title": "Dune II"}),
    )
    .unwrap();
    assert_eq!(test.get("/books/1").body["title"], "Dune II");
    assert!(
        test.deliver(
            "isbn",
            "TitleChanged",
            "9",
            json!({"isbn": "9", "title": "x"})
        )
        .is_err()
    );
    assert_eq!(test.get("/books/2").body["detail"], "There is no book 2.");
}
