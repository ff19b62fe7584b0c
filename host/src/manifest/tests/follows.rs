//! What a context follows outside.

use super::{read, refused};
use crate::manifest::Subscription;

#[test]
fn what_cannot_be_followed_is_refused() {
    let room = "[context.room]\npackage = 'room'\n";
    let other = "[context.view]\npackage = 'view'\n";
    refused(&[
        (
            &format!("{room}[context.room.follows.nats.'pms..x']"),
            "3:28: context.room.follows.nats.pms..x: `pms..x` is not a NATS subject; write words with dots between them, `*` for any one word, `>` at the \
             end for all that follow",
        ),
        (
            &format!("{room}[context.room.follows.nats.'PMS.>']"),
            "3:28: context.room.follows.nats.PMS.>.source: `PMS` is not a name; names match [a-z][a-z0-9-]* and have at most 63 characters; set `source`",
        ),
        (
            &format!("{room}[context.room.follows.nats.'pms.>']\nsource = 'room'"),
            "4:1: context.room.follows.nats.pms.>.source: `room` is a context of this app; set another `source`",
        ),
        (
            &format!("{room}[context.room.follows.nats.'pms.>']\nkind = 'a.b'"),
            "4:1: context.room.follows.nats.pms.>.kind: `a.b` is not an event kind; write one word without dots, such as `RoomClosed`",
        ),
        (
            &format!("{room}[context.room.follows.nats.'pms.>']\nsubject = 'x'"),
            "4:1: context.room.follows.nats.pms.>: unknown key `subject`; valid keys are `deduplicate`, `kind`, `source`, `stream`, `unready_when_behind`, `unready_when_lost`",
        ),
        (
            &format!(
                "{room}[context.room.follows.nats.'pms.>']\n{other}[context.view.follows.nats.'pms.rooms']"
            ),
            "6:28: context.view.follows.nats.pms.rooms: `pms.>`, of the same source, overlaps with this subject; give both the same settings, or one of them another \
             `source`",
        ),
    ]);
}

#[test]
fn two_contexts_that_follow_the_same_share_a_subscription() {
    let manifest = read(
        "[context.room]\npackage = 'room'\n[context.room.follows.nats.'pms.>']\n[context.view]\npackage = 'view'\n[context.view.follows.nats]\n\
         'pms.>' = {}\n'crm.>' = { source = 'customers', kind = 'Moved', stream = 'CRM' }",
        &[],
    );
    let subscription =
        |source: &str, subject: &str, kind: Option<&str>, stream: Option<&str>| Subscription {
            source: source.into(),
            subject: subject.to_owned(),
            kind: kind.map(str::to_owned),
            stream: stream.map(str::to_owned),
            deduplicate: None,
            unready_when_behind: None,
            unready_when_lost: false,
        };
    assert_eq!(
        manifest.unwrap().subscriptions(),
        [
            subscription("pms", "pms.>", None, None),
            subscription("customers", "crm.>", Some("Moved"), Some("CRM")),
        ]
    );
}
