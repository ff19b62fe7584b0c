//! The context shelf: per book and per member, what is lent and who waits.

use contracts::catalog::{Book, BookAdded, BookRetitled};
use contracts::loans::*;
use contracts::members::{Member, MemberJoined, MemberReinstated, MemberSuspended};
use innkeeper_sdk::{Counter, prelude::*};

innkeeper_sdk::context! {
    summary: "What is lent, per book and per member.",
    tables: [BOOKS, MEMBERS, TOTALS],
    routes: {
        GET "/shelf/books" => books,
        GET "/shelf/books/{id}" => book,
        GET "/shelf/members/{id}" => member,
        GET "/shelf/totals" => totals,
    },
    follows: {
        BookAdded | BookRetitled => book_changed,
        MemberJoined | MemberSuspended | MemberReinstated => member_changed,
        LoanOpened | LoanQueued | LoanRefused | LoanReturned | LoanOverdue => loan_changed,
    },
}

/// A book on the shelf.
#[derive(Debug, Clone, Default, Serialize, Record)]
#[serde(rename_all = "camelCase")]
struct BookRow {
    book_id: u64,
    title: String,
    copies: u32,
    lent: Vec<u64>,
    overdue: Vec<u64>,
    queue: Vec<u64>,
    times_lent: u64,
}

/// A member at the shelf.
#[derive(Debug, Clone, Default, Serialize, Record)]
#[serde(rename_all = "camelCase")]
struct MemberRow {
    member_id: u64,
    name: String,
    suspended: bool,
    lent: Vec<u64>,
    waits: Vec<u64>,
}

/// All in all.
#[derive(Debug, Serialize)]
struct Totals {
    opened: i64,
    returned: i64,
    overdue: i64,
}

const BOOKS: Table<u64, BookRow> = Table::new("books");
const MEMBERS: Table<u64, MemberRow> = Table::new("members");
/// Each loan adds to them, so they are added up without anybody having to wait.
const TOTALS: Counter<String> = Counter::new("totals");

fn books(paging: Paging) -> Answer {
    Response::page(&BOOKS.page(paging)?)
}

fn book(Path(id): Path<u64>) -> Answer {
    Response::ok(&BOOKS.find(id)?)
}

fn member(Path(id): Path<u64>) -> Answer {
    Response::ok(&MEMBERS.find(id)?)
}

fn totals() -> Answer {
    Response::ok(&Totals {
        opened: TOTALS.get("opened")?,
        returned: TOTALS.get("returned")?,
        overdue: TOTALS.get("overdue")?,
    })
}

fn book_changed(book: Book) -> Outcome {
    let row = BOOKS.get(book.book_id)?.unwrap_or_default();
    let row = BookRow {
        book_id: book.book_id,
        title: book.title,
        copies: book.copies,
        ..row
    };
    Ok(BOOKS.put(book.book_id, &row)?)
}

fn member_changed(member: Member) -> Outcome {
    let row = MEMBERS.get(member.member_id)?.unwrap_or_default();
    let row = MemberRow {
        member_id: member.member_id,
        name: member.name,
        suspended: member.suspended,
        ..row
    };
    Ok(MEMBERS.put(member.member_id, &row)?)
}

/// Whether the loan is in a list. Sorted, since loans are lanes of their own: a rebuild sees them in another order.
fn place(list: &mut Vec<u64>, loan: u64, is_here: bool) {
    list.retain(|other| *other != loan);
    if is_here {
        list.push(loan);
        list.sort_unstable();
    }
}

fn loan_changed(loan: Loan) -> Outcome {
    let Loan {
        loan_id,
        member_id,
        book_id,
        status,
        ..
    } = loan;
    let is_lent = matches!(status, Status::Open | Status::Overdue);
    let waits = status == Status::Waiting;
    let mut book = BookRow {
        book_id,
        ..BOOKS.get(book_id)?.unwrap_or_default()
    };
    place(&mut book.lent, loan_id, is_lent);
    place(&mut book.overdue, loan_id, status == Status::Overdue);
    place(&mut book.queue, loan_id, waits);
    let mut member = MemberRow {
        member_id,
        ..MEMBERS.get(member_id)?.unwrap_or_default()
    };
    place(&mut member.lent, loan_id, is_lent);
    place(&mut member.waits, loan_id, waits);
    match status {
        Status::Open => {
            book.times_lent += 1;
            TOTALS.add("opened", 1);
        }
        Status::Returned => TOTALS.add("returned", 1),
        Status::Overdue => TOTALS.add("overdue", 1),
        Status::Waiting | Status::Refused => {}
    }
    BOOKS.put(book_id, &book)?;
    Ok(MEMBERS.put(member_id, &member)?)
}
