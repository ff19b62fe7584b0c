//! The context members: who may borrow, and how much.

use contracts::loans::{Loan, LoanOverdue, LoanReturned};
use contracts::members::{Member, MemberJoined, MemberReinstated, MemberSuspended};
use innkeeper_sdk::prelude::*;
use offers::admission::{AdmissionError, Guest};

innkeeper_sdk::context! {
    summary: "Members, and whether they may borrow.",
    offers: "library:members/admission",
    tables: [MEMBERS, LENT],
    routes: {
        POST "/members" => join,
        GET "/members" => list,
        GET "/members/{id}" => show,
        PATCH "/members/{id}" => modify,
    },
    shares: [MemberJoined, MemberSuspended, MemberReinstated],
    follows: { LoanReturned => returned, LoanOverdue => suspend },
    compensations: { "library:members/admission": "admit" => "release" },
    config: Settings,
}

/// What an operator may set.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// How many loans a member may have at a time.
    limit: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { limit: 3 }
    }
}

/// What a client may set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewMember {
    name: Text<100>,
    limit: Option<u32>,
}

/// What a client may change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    suspended: bool,
}

const MEMBERS: Table<u64, Member> = Table::new("members");
/// The loans of each member.
const LENT: Table<(u64, u64), ()> = Table::new("lent");

fn join(Json(new): Json<NewMember>) -> Answer<Created<Member>> {
    let member = Member {
        member_id: MEMBERS.next_id(),
        name: new.name.into(),
        limit: new.limit,
        suspended: false,
    };
    MEMBERS.put(member.member_id, &member)?;
    emit::<MemberJoined>(&member)?;
    let location = format!("/members/{}", member.member_id);
    Ok(Created::at(location, member))
}

fn list(paging: Paging) -> Answer<Page<Member>> {
    Ok(MEMBERS.page(paging)?)
}

fn show(Path(id): Path<u64>) -> Answer<Json<Member>> {
    Ok(Json(MEMBERS.find(id)?))
}

fn modify(Path(id): Path<u64>, Json(change): Json<Change>) -> Answer<Json<Member>> {
    let mut member = MEMBERS.find(id)?;
    set_suspended(&mut member, change.suspended)?;
    Ok(Json(member))
}

fn set_suspended(member: &mut Member, suspended: bool) -> Result<(), Fault> {
    if member.suspended == suspended {
        return Ok(());
    }
    member.suspended = suspended;
    MEMBERS.put(member.member_id, member)?;
    match suspended {
        true => emit::<MemberSuspended>(member)?,
        false => emit::<MemberReinstated>(member)?,
    };
    Ok(())
}

impl Guest for Component {
    fn admit(member_id: u64, loan_id: u64) -> Result<(), AdmissionError> {
        let member = MEMBERS
            .get(member_id)?
            .ok_or_else(|| AdmissionError::NotFound(format!("There is no member {member_id}.")))?;
        if LENT.contains((member_id, loan_id)) {
            return Ok(());
        }
        if member.suspended {
            return Err(AdmissionError::Refused(format!(
                "{} is suspended.",
                member.name
            )));
        }
        let limit = match member.limit {
            Some(limit) => limit,
            None => Config::<Settings>::read()?.limit,
        };
        if LENT.count_of(member_id) >= u64::from(limit) {
            return Err(AdmissionError::Refused(format!(
                "{} has {limit} loans.",
                member.name
            )));
        }
        Ok(LENT.put((member_id, loan_id), &())?)
    }

    fn release(member_id: u64, loan_id: u64) -> Result<(), AdmissionError> {
        LENT.delete((member_id, loan_id));
        Ok(())
    }
}

fn returned(loan: Loan) -> Outcome {
    LENT.delete((loan.member_id, loan.loan_id));
    Ok(())
}

fn suspend(loan: Loan) -> Outcome {
    let Some(mut member) = MEMBERS.get(loan.member_id)? else {
        return Ok(());
    };
    Ok(set_suspended(&mut member, true)?)
}

#[cfg(test)]
mod tests;
