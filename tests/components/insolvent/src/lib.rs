//! A payment context that traps when it is asked to pay. Everything else of it works, so that the app around it is whole.

use innkeeper_sdk::prelude::*;

use offers::payments::{Guest, PaymentError};

innkeeper_sdk::events! {
    /// As payment publishes it.
    pub PaymentApproved: Nothing,
    /// As payment publishes it.
    pub PaymentCancelled: Nothing,
}

/// What no event of this context will ever carry.
#[derive(Serialize, Deserialize)]
pub struct Nothing {}

fn list(paging: Paging) -> Answer {
    Response::page(&Page::<u64> {
        items: Vec::new(),
        total: 0,
        paging,
        next: None,
    })
}

impl Guest for Component {
    fn approve(_: u64, _: u64) -> Result<u64, PaymentError> {
        panic!("bankrupt")
    }

    fn refund(_: u64, _: u64, _: u64) -> Result<u64, PaymentError> {
        Ok(0)
    }

    fn cancel(_: u64, _: u64) -> Result<u64, PaymentError> {
        Ok(0)
    }
}

innkeeper_sdk::context! {
    summary: "Does not pay.",
    offers: "stay:payment/payments",
    routes: {
        GET "/payments" => list,
    },
    publishes: [PaymentApproved, PaymentCancelled],
    compensations: {
        "stay:payment/payments": "approve" => "refund",
    },
}
