//! A loan, how it is kept, and how it was kept before.

use contracts::loans::{Loan, Status};
use innkeeper_sdk::{Entry, Index, IndexedTable, prelude::*};

/// A loan, as the first version kept it.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
struct Old {
    loan_id: u64,
    member_id: u64,
    book_id: u64,
    status: Status,
    due_at: Option<u64>,
    timer: Option<String>,
}

/// Until when a book is lent, and the timer that tells.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Term {
    pub due_at: u64,
    pub timer: Option<String>,
    pub renewals: u32,
}

/// A loan, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Kept {
    pub loan_id: u64,
    pub member_id: u64,
    pub book_id: u64,
    pub status: Status,
    pub term: Option<Term>,
}

/// The loans that wait for a book, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Record)]
pub struct Queue(pub Vec<u64>);

/// The rows of the first version: in the same table, so that its ids go on.
const OLD: Table<u64, Old> = Table::new("loans");
pub const BY_MEMBER: Index<u64, u64, Kept> = Index::new("by-member", |loan| Some(loan.member_id));
pub const LOANS: IndexedTable<u64, Kept> = Table::new("loans").indexed(&[&BY_MEMBER]);
pub const QUEUES: Table<u64, Queue> = Table::new("queues");
/// How often a book was renewed.
#[cfg(feature = "three")]
pub const RENEWALS: innkeeper_sdk::Counter<u64> = innkeeper_sdk::Counter::new("renewals");

/// What becomes of a row of the first version.
pub fn rows(_from: u32, entry: Entry) -> Result<Vec<Entry>, Fault> {
    if !OLD.holds(&entry) {
        return Ok(vec![entry]);
    }
    let old = OLD.read(&entry)?;
    let term = old.due_at.map(|due_at| Term {
        due_at,
        timer: old.timer,
        renewals: 0,
    });
    let loan = Kept {
        loan_id: old.loan_id,
        member_id: old.member_id,
        book_id: old.book_id,
        status: old.status,
        term,
    };
    LOANS.entries(loan.loan_id, &loan)
}

impl Kept {
    /// As events and answers tell it.
    pub fn told(&self) -> Loan {
        Loan {
            loan_id: self.loan_id,
            member_id: self.member_id,
            book_id: self.book_id,
            status: self.status,
            due_at: self.term.as_ref().map(|term| term.due_at),
            renewals: self.term.as_ref().map_or(0, |term| term.renewals),
        }
    }
}
