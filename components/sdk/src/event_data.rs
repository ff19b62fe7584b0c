//! What the data of events is made of, so that the host can compare what is published with what is read.

use crate::JsonSchema;

/// The data of an event, or a part of it, whose shape is known. Derive it beside `Serialize` or `Deserialize`, also for the types of the fields:
///
/// ```
/// use innkeeper_sdk::prelude::*;
///
/// #[derive(Serialize, Deserialize, Subject, EventData)]
/// #[serde(rename_all = "camelCase")]
/// pub struct Loan { #[subject] loan_id: u64, book_id: u64, due_at: Option<u64>, #[serde(default)] renewals: u32 }
///
/// innkeeper_sdk::events! {
///     /// A book was lent.
///     pub LoanOpened: Loan,
/// }
/// ```
///
/// The host is then told what the data of an event is made of, where it is published, and what is read of it, where it is followed. A version that publishes what a follower cannot
/// read gets no work, and neither does a follower that reads what is not published; the difference is named. A publisher may add fields at any time, and a follower may read fewer
/// fields than there are. Data whose type does not derive it is published all the same, and not compared.
///
/// The shape is that of the JSON which serde makes: `rename`, `rename_all`, `default`, `transparent` and `skip` are followed, and what cannot be told to the host does not compile: `flatten`,
/// `tag`, `untagged`, `with`, `from`, `try_from`, `into`. An event tolerates fields that its followers do not know, so `deny_unknown_fields` does not compile either.
///
/// ```compile_fail
/// # use innkeeper_sdk::prelude::*;
/// #[derive(Serialize, EventData)]
/// pub struct Loan { loan_id: u64, #[serde(flatten)] rest: std::collections::BTreeMap<String, u64> }
/// ```
///
/// What derives it is a [`JsonSchema`](trait@JsonSchema) and more: a type of events may be what a route answers. A type derives one of the two; with both it does not compile:
///
/// ```compile_fail,E0119
/// # use innkeeper_sdk::prelude::*;
/// #[derive(Serialize, EventData, JsonSchema)]
/// pub struct Loan { loan_id: u64 }
/// ```
#[diagnostic::on_unimplemented(
    message = "the shape of `{Self}` in events is not known",
    label = "no `EventData`",
    note = "`#[derive(EventData)]` makes it so; a type of another crate is told as what it is made of, its text, its number"
)]
pub trait EventData: JsonSchema {}

#[cfg(test)]
mod tests;
