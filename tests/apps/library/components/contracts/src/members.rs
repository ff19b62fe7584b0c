//! What members tells.

use innkeeper_sdk::prelude::*;

/// A member, as it is kept, shown and told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Record, Subject, EventData)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    #[subject]
    pub member_id: u64,
    pub name: String,
    /// How many loans at a time; as configured when there is none.
    pub limit: Option<u32>,
    pub suspended: bool,
}

innkeeper_sdk::events! {
    from "members";
    /// Someone joined.
    pub MemberJoined: Member,
    /// A member may not borrow any more.
    pub MemberSuspended: Member,
    /// A member may borrow again.
    pub MemberReinstated: Member,
}
