//! A loan, and how it is kept.

use contracts::loans::{Loan, Status};
use innkeeper_sdk::prelude::*;

/// A loan, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Record)]
pub struct Kept {
    pub loan_id: u64,
    pub member_id: u64,
    pub book_id: u64,
    pub status: Status,
    pub due_at: Option<u64>,
    pub timer: Option<String>,
}

/// The loans that wait for a book, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Record)]
pub struct Queue(pub Vec<u64>);

pub const LOANS: Table<u64, Kept> = Table::new("loans");
pub const QUEUES: Table<u64, Queue> = Table::new("queues");

impl Kept {
    /// As events and answers tell it.
    pub fn told(&self) -> Loan {
        Loan {
            loan_id: self.loan_id,
            member_id: self.member_id,
            book_id: self.book_id,
            status: self.status,
            due_at: self.due_at,
            renewals: 0,
        }
    }
}
