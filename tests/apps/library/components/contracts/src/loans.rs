//! What loans tells.

use innkeeper_sdk::prelude::*;

/// What has become of a loan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Record, EventData)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// The member waits for a copy.
    Waiting,
    /// The member has the book.
    Open,
    /// The member should have returned it.
    Overdue,
    /// It is back.
    Returned,
    /// The member waited, and may not borrow.
    Refused,
}

/// A loan, as it is shown and told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Subject, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Loan {
    #[subject]
    pub loan_id: u64,
    pub member_id: u64,
    pub book_id: u64,
    pub status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<u64>,
    /// How often it was renewed, from the second version of loans on.
    #[serde(default)]
    pub renewals: u32,
}

innkeeper_sdk::events! {
    from "loans";
    /// A book was lent.
    pub LoanOpened: Loan,
    /// A member waits for a book.
    pub LoanQueued: Loan,
    /// A member waited, but may not borrow.
    pub LoanRefused: Loan,
    /// A book was returned.
    pub LoanReturned: Loan,
    /// A timer: now a book should have been returned.
    pub LoanDue: Loan,
    /// A book was not returned in time.
    pub LoanOverdue: Loan,
    /// A book may be kept longer.
    pub LoanRenewed: Loan,
}
