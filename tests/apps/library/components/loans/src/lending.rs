//! The saga: a copy, the member's admission, the loan.

use contracts::catalog::Book;
use contracts::loans::*;
use innkeeper_sdk::{emit_after, invocation, prelude::*};

use crate::calls::admission::{self, AdmissionError};
use crate::calls::copies::{self, CopyError};
use crate::loan::{Kept, LOANS, QUEUES};

/// What an operator may set.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// For how long a book is lent, in milliseconds.
    loan_ms: u64,
    /// Whether members may wait for a copy.
    queue: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            loan_ms: 14 * 24 * 60 * 60 * 1000,
            queue: false,
        }
    }
}

/// What a client may set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewLoan {
    member_id: u64,
    book_id: u64,
}

/// `POST /loans`
pub fn lend(Json(new): Json<NewLoan>, Config(settings): Config<Settings>) -> Answer {
    let NewLoan { member_id, book_id } = new;
    let loan_id = LOANS.next_id();
    let mut loan = Kept {
        loan_id,
        member_id,
        book_id,
        status: Status::Waiting,
        due_at: None,
        timer: None,
    };
    match copies::take_copy(book_id, loan_id) {
        Ok(_) => {}
        Err(CopyError::NoneLeft(_)) if settings.queue => return wait(&loan),
        Err(error) => return Err(no_copy(error)),
    }
    admission::admit(member_id, loan_id).map_err(not_admitted)?;
    open(&mut loan, settings.loan_ms)?;
    Response::created(&format!("/loans/{loan_id}"), &loan.told())
}

fn wait(loan: &Kept) -> Answer {
    let mut queue = QUEUES.get(loan.book_id)?.unwrap_or_default();
    queue.0.push(loan.loan_id);
    QUEUES.put(loan.book_id, &queue)?;
    LOANS.put(loan.loan_id, loan)?;
    emit::<LoanQueued>(&loan.told())?;
    Response::json(202, &loan.told())
}

fn open(loan: &mut Kept, period: u64) -> Result<(), Fault> {
    loan.status = Status::Open;
    loan.due_at = Some(invocation::now() + period);
    loan.timer = Some(emit_after::<LoanDue>(period, &loan.told())?);
    LOANS.put(loan.loan_id, loan)?;
    emit::<LoanOpened>(&loan.told())?;
    Ok(())
}

/// The first who waits and may borrow has the copy that came back.
pub fn serve_queue(book: Book) -> Outcome {
    let mut queue = QUEUES.get(book.book_id)?.unwrap_or_default();
    if queue.0.is_empty() {
        return Ok(());
    }
    let loan_id = queue.0.remove(0);
    let Some(mut loan) = LOANS.get(loan_id)? else {
        return Ok(QUEUES.put(book.book_id, &queue)?);
    };
    match copies::take_copy(loan.book_id, loan_id) {
        Ok(_) => {}
        // Someone else was faster; the next copy that comes back is served then.
        Err(CopyError::NoneLeft(_)) => return Ok(()),
        Err(error) => return Err(PolicyError::Retry(error.to_string())),
    }
    match admission::admit(loan.member_id, loan_id) {
        Ok(()) => open(&mut loan, Config::<Settings>::read()?.loan_ms)?,
        Err(AdmissionError::Unavailable(reason)) => return Err(PolicyError::Retry(reason)),
        Err(_) => {
            // Catalog puts the copy back when it hears of it.
            loan.status = Status::Refused;
            LOANS.put(loan_id, &loan)?;
            emit::<LoanRefused>(&loan.told())?;
        }
    }
    Ok(QUEUES.put(book.book_id, &queue)?)
}

fn no_copy(error: CopyError) -> Problem {
    match error {
        CopyError::NotFound(reason) => Problem::invalid("/bookId", reason),
        CopyError::NoneLeft(reason) => Problem::conflict(reason),
        CopyError::Unavailable(reason) => unavailable("catalog", &reason),
    }
}

fn not_admitted(error: AdmissionError) -> Problem {
    match error {
        AdmissionError::NotFound(reason) => Problem::invalid("/memberId", reason),
        AdmissionError::Refused(reason) => Problem::new(403, reason),
        AdmissionError::Unavailable(reason) => unavailable("members", &reason),
    }
}

fn unavailable(whom: &str, reason: &str) -> Problem {
    innkeeper_sdk::warn!("not lent, {whom}: {reason}");
    Problem::unavailable(format!("{whom} cannot be reached; nothing was lent."), 1)
}
