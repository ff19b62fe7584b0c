//! The second version of the context loans: a loan can be renewed, and a member's loans are found. The third, with the feature `three`, counts what is renewed.

mod lending;
mod loan;

use contracts::catalog::CopyReturned;
use contracts::loans::*;
use innkeeper_sdk::prelude::*;
use loan::{BY_MEMBER, LOANS, QUEUES};

#[cfg(not(feature = "three"))]
innkeeper_sdk::context! {
    summary: "Loans of books to members, who may renew them.",
    calls: ["library:catalog/copies", "library:members/admission"],
    tables: [LOANS, QUEUES],
    routes: {
        POST "/loans" => lending::lend,
        GET "/loans" => list,
        GET "/loans/{id}" => show,
        POST "/loans/{id}/return" => give_back,
        POST "/loans/{id}/renew" => lending::renew,
        GET "/borrowers/{id}" => borrower,
    },
    shares: [LoanOpened, LoanQueued, LoanRefused, LoanReturned, LoanDue, LoanOverdue, LoanRenewed],
    follows: { LoanDue => overdue, CopyReturned => lending::serve_queue },
    config: lending::Settings,
    schema: { number: 1, migrate: loan::rows },
}

#[cfg(feature = "three")]
innkeeper_sdk::context! {
    summary: "Loans of books to members, who may renew them, and how often books are renewed.",
    calls: ["library:catalog/copies", "library:members/admission"],
    tables: [LOANS, QUEUES, loan::RENEWALS],
    routes: {
        POST "/loans" => lending::lend,
        GET "/loans" => list,
        GET "/loans/{id}" => show,
        POST "/loans/{id}/return" => give_back,
        POST "/loans/{id}/renew" => lending::renew,
        GET "/borrowers/{id}" => borrower,
        GET "/renewals/{book}" => renewals,
    },
    shares: [LoanOpened, LoanQueued, LoanRefused, LoanReturned, LoanDue, LoanOverdue, LoanRenewed],
    follows: { LoanDue => overdue, CopyReturned => lending::serve_queue },
    config: lending::Settings,
    schema: { number: 1, migrate: loan::rows },
}

fn list(paging: Paging) -> Answer<Page<Loan>> {
    Ok(LOANS.page(paging)?.map(|loan| loan.told()))
}

fn show(Path(id): Path<u64>) -> Answer<Json<Loan>> {
    Ok(Json(LOANS.find(id)?.told()))
}

/// A member, as loans knows one.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Borrower {
    member_id: u64,
    /// How many loans, ever.
    loans: u64,
}

fn borrower(Path(member_id): Path<u64>) -> Answer<Json<Borrower>> {
    let loans = BY_MEMBER.count(member_id);
    Ok(Json(Borrower { member_id, loans }))
}

#[cfg(feature = "three")]
fn renewals(Path(book_id): Path<u64>) -> Answer {
    Response::ok(&loan::RENEWALS.get(book_id)?)
}

fn give_back(Path(id): Path<u64>) -> Answer<Json<Loan>> {
    let mut loan = LOANS.find(id)?;
    match loan.status {
        Status::Returned => return Ok(Json(loan.told())),
        Status::Waiting | Status::Refused => {
            return Err(Problem::conflict(format!("Loan {id} has no book.")));
        }
        Status::Open | Status::Overdue => {}
    }
    if let Some(timer) = loan.term.as_mut().and_then(|term| term.timer.take()) {
        innkeeper_sdk::cancel(&timer);
    }
    loan.status = Status::Returned;
    LOANS.put(id, &loan)?;
    emit::<LoanReturned>(&loan.told())?;
    Ok(Json(loan.told()))
}

fn overdue(Loan { loan_id, .. }: Loan) -> Outcome {
    let Some(mut loan) = LOANS.get(loan_id)? else {
        return Ok(());
    };
    if loan.status == Status::Open {
        loan.status = Status::Overdue;
        LOANS.put(loan_id, &loan)?;
        emit::<LoanOverdue>(&loan.told())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
