//! The context loans: who has borrowed what, until when, and who waits.

mod lending;
mod loan;

use contracts::catalog::CopyReturned;
use contracts::loans::*;
use innkeeper_sdk::prelude::*;
use loan::{LOANS, QUEUES};

innkeeper_sdk::context! {
    summary: "Loans of books to members.",
    calls: ["library:catalog/copies", "library:members/admission"],
    tables: [LOANS, QUEUES],
    routes: {
        POST "/loans" => lending::lend,
        GET "/loans" => list,
        GET "/loans/{id}" => show,
        POST "/loans/{id}/return" => give_back,
    },
    shares: [LoanOpened, LoanQueued, LoanRefused, LoanReturned, LoanDue, LoanOverdue],
    follows: { LoanDue => overdue, CopyReturned => lending::serve_queue },
    config: lending::Settings,
}

fn list(paging: Paging) -> Answer<Page<Loan>> {
    Ok(LOANS.page(paging)?.map(|loan| loan.told()))
}

fn show(Path(id): Path<u64>) -> Answer<Json<Loan>> {
    Ok(Json(LOANS.find(id)?.told()))
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
    if let Some(timer) = loan.timer.take() {
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
        loan.timer = None;
        LOANS.put(loan_id, &loan)?;
        emit::<LoanOverdue>(&loan.told())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
