//! Ids: random at the root, derived below it, so that a re-run names everything as before.

use crate::core::digest;

/// The id of the `count`th thing of a kind that an invocation makes: 32 hexadecimal digits.
pub(super) fn derived(invocation: &str, kind: &str, count: u64) -> String {
    digest(&[invocation.as_bytes(), kind.as_bytes(), &count.to_be_bytes()])
}

/// The id of the invocation in which `follower` handles an event. After the event was given up on it is another one: what the calls of the former did
/// has been undone, so their stored results must not be found again.
pub(super) fn of_event(follower: &str, event: &str, given_up: u32) -> String {
    digest(&[
        follower.as_bytes(),
        b"event",
        event.as_bytes(),
        &given_up.to_be_bytes(),
    ])
}

/// What the ids of an invocation's calls begin with: its own id, and how many runs were abandoned under it. What those called is undone, and must not be
/// taken for done.
pub(super) fn of_run(invocation: &str, abandoned: u32) -> String {
    match abandoned {
        0 => invocation.to_owned(),
        _ => format!("{invocation}~{abandoned}"),
    }
}

/// The invocation whose run this is.
pub(super) fn without_run(run: &str) -> &str {
    match run.rsplit_once('~') {
        // A suffix further up is part of the id.
        Some((invocation, suffix)) if !suffix.contains('/') => invocation,
        _ => run,
    }
}

/// The id of the call that undoes another. It is not below that one's caller, and nothing but what it calls itself is below it.
pub(super) fn of_undo(call: &str) -> String {
    format!("undo:{}", call.replace('/', "+"))
}

/// The run that made a call; none of what is no call.
pub(super) fn caller(call: &str) -> Option<&str> {
    call.rsplit_once('/').map(|(caller, _)| caller)
}

/// The place of a call among those of its caller's run.
pub(super) fn place(call: &str) -> usize {
    let (_, last) = call.rsplit_once('/').unwrap_or_default();
    let place = last.split('.').next().unwrap_or_default();
    place.parse().unwrap_or(usize::MAX)
}

/// The call that an undoing is of; none of what is no undoing.
pub(super) fn undone_by(undo: &str) -> Option<String> {
    let call = undo.strip_prefix("undo:")?;
    // What undoing calls itself is below it.
    (!call.contains('/')).then(|| call.replace('+', "/"))
}

/// Whether an invocation undoes something, or is called by one that does.
pub(super) fn is_of_undo(id: &str) -> bool {
    id.starts_with("undo:")
}

/// The id of a call: the run of its caller, the call's place, and a hash of what is called with what. Ids of one root share its prefix.
pub(super) fn of_call(caller: &str, place: usize, operation: &str, parameters: &[u8]) -> String {
    let hash = digest(&[operation.as_bytes(), parameters]);
    format!("{caller}/{place}.{}", hash.get(..12).unwrap_or(&hash))
}

/// The key under which the response to a request with an `Idempotency-Key` is stored.
pub(super) fn of_idempotency_key(key: &str) -> String {
    format!("key:{}", digest(&[key.as_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_calls_are_stable_and_below_their_caller() {
        let id = of_call("root", 0, "a:b/c#d", b"1");
        assert_eq!(id, of_call("root", 0, "a:b/c#d", b"1"));
        assert!(id.starts_with("root/0."));
        assert_ne!(id, of_call("root", 0, "a:b/c#d", b"2"));
        assert_ne!(id, of_call("root", 1, "a:b/c#d", b"1"));
    }

    #[test]
    fn runs_share_an_invocation() {
        assert_eq!(of_run("r/0.a", 0), "r/0.a");
        let run = of_run("r/0.a", 2);
        assert_eq!(run, "r/0.a~2");
        assert_eq!(without_run(&run), "r/0.a");
        assert_eq!(without_run("r/0.a~2/1.b"), "r/0.a~2/1.b");
        assert_eq!(without_run("r/0.a~2/1.b~1"), "r/0.a~2/1.b");
    }

    #[test]
    fn a_call_tells_its_place_and_its_caller() {
        let id = of_call("r/2.e~10", 7, "a:b/c#d", b"1");
        assert_eq!((caller(&id), place(&id)), (Some("r/2.e~10"), 7));
        assert_eq!(caller("r"), None);
        assert_eq!(undone_by(&of_undo(&id)).as_deref(), Some(&*id));
        assert_eq!(undone_by(&id), None);
        assert_eq!(
            undone_by(&of_call(&of_undo("r/0.a"), 0, "a:b/c#d", b"")),
            None
        );
    }

    #[test]
    fn an_undoing_is_below_no_other() {
        let caller = of_undo("r/0.a");
        let call = of_undo("r/0.a/0.b");
        assert!(!call.starts_with(&format!("{caller}/")));
    }
}
