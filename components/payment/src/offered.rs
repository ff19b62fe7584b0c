//! What payment offers to other contexts.

use innkeeper_sdk::emit;

use crate::Component;
use crate::events::*;
use crate::offers::payments::{Guest, PaymentError};
use crate::payment::{self, Approval, Cancellation};

impl Guest for Component {
    fn approve(rsv_id: u64, room_id: u64) -> Result<u64, PaymentError> {
        match payment::approve(rsv_id, room_id)? {
            Approval::Made(payment) => {
                let pay_id = payment.pay_id;
                emit::<PaymentApproved>(&payment.into())?;
                Ok(pay_id)
            }
            Approval::Standing(pay_id) => Ok(pay_id),
            Approval::Declined(reason) => Err(PaymentError::Declined(reason)),
        }
    }

    fn refund(rsv_id: u64, _room_id: u64, pay_id: u64) -> Result<u64, PaymentError> {
        told(payment::refund(rsv_id, pay_id)?)
    }

    fn cancel(rsv_id: u64, _room_id: u64) -> Result<u64, PaymentError> {
        told(payment::cancel(rsv_id)?)
    }
}

/// Tells the others of a cancellation; answers the payment's id.
fn told(cancellation: Cancellation) -> Result<u64, PaymentError> {
    match cancellation {
        Cancellation::Made(payment) => {
            let pay_id = payment.pay_id;
            emit::<PaymentCancelled>(&payment.into())?;
            Ok(pay_id)
        }
        Cancellation::Standing(pay_id) => Ok(pay_id),
        Cancellation::NeverPaid => Ok(0),
    }
}
