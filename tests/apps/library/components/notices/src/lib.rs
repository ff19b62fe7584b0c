//! The context notices: messages to members.

use contracts::loans::*;
use innkeeper_sdk::prelude::*;

innkeeper_sdk::context! {
    summary: "Messages to members.",
    tables: [NOTICES],
    routes: { GET "/notices" => list },
    follows: { LoanOpened | LoanQueued | LoanRefused | LoanReturned | LoanOverdue => write },
    config: Settings,
}

/// What an operator may set.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    printer_broken: bool,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Record)]
#[serde(rename_all = "camelCase")]
struct Notice {
    notice_id: u64,
    member_id: u64,
    text: String,
}

const NOTICES: Table<u64, Notice> = Table::new("notices");

fn list(paging: Paging) -> Answer {
    Response::page(&NOTICES.page(paging)?)
}

fn write(
    Loan {
        loan_id,
        member_id,
        book_id,
        status,
        ..
    }: Loan,
) -> Outcome {
    if Config::<Settings>::read()?.printer_broken {
        return Err(PolicyError::Reject("the printer is broken".into()));
    }
    let text = match status {
        Status::Open => format!("You have borrowed book {book_id} (loan {loan_id})."),
        Status::Waiting => format!("You are waiting for book {book_id}."),
        Status::Refused => format!("You waited for book {book_id}, but you may not borrow."),
        Status::Returned => format!("Thank you for book {book_id}."),
        Status::Overdue => format!("Book {book_id} is overdue."),
    };
    let notice = Notice {
        notice_id: NOTICES.next_id(),
        member_id,
        text,
    };
    Ok(NOTICES.put(notice.notice_id, &notice)?)
}
