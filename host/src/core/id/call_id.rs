//! Ids below an invocation: derived, so that a re-run names everything as before. The id of a call is that of its caller's run, its place, and a hash of what is called
//! with what; it is the id of the invocation that runs it, too. Ids of one root share its prefix.

use super::text::text_id;
use super::{CausationId, EventId, IdSecret, InvocationId, with_fingerprint};

/// What the id of an undoing begins with.
const UNDO: &str = "undo:";

text_id! {
    /// One run of an invocation: its id, and how many runs were abandoned under it. What those called is undone, and must not be taken for done.
    RunId
}

text_id! {
    /// A call: a repeat has the same. One from outside goes by the key that its caller gave it.
    CallId
}

impl InvocationId {
    /// The invocation in which `follower` handles an event. After the event was given up on it is another one: what the calls of the former did has been undone, so their
    /// stored results must not be found again.
    pub(crate) fn of_event(follower: &str, event: &EventId, given_up: u32) -> Self {
        let given_up = given_up.to_be_bytes();
        let parts = [follower.as_bytes(), b"event", event.as_bytes(), &given_up];
        with_fingerprint(&parts, |text| Self::from(text))
    }

    /// The one in which a timer fires.
    pub(crate) fn of_timer(timer: &EventId) -> Self {
        Self(timer.0.clone())
    }

    /// The run of it after so many that were abandoned.
    pub(crate) fn run(&self, abandoned: u32) -> RunId {
        match abandoned {
            0 => RunId(self.0.clone()),
            _ => RunId::from(format!("{self}~{abandoned}")),
        }
    }

    /// The `count`th event or timer of it.
    pub(crate) fn event(&self, kind: &str, count: u64) -> EventId {
        EventId::derived(&[self.as_bytes(), kind.as_bytes(), &count.to_be_bytes()])
    }

    /// Whether it undoes something, or is called by one that does.
    pub(crate) fn is_of_undo(&self) -> bool {
        self.starts_with(UNDO)
    }
}

impl RunId {
    /// The id of its call at a place.
    pub(crate) fn call(&self, place: usize, operation: &str, parameters: &[u8]) -> CallId {
        with_fingerprint(&[operation.as_bytes(), parameters], |hash| {
            CallId::from(format!("{self}/{place}.{hash:.12}"))
        })
    }

    /// The `count`th id that it makes for its guest. Its own id is known to many; what a guest takes for unique, or begins its random numbers with, is not to follow from that alone.
    pub(crate) fn new_id(&self, secret: &IdSecret, count: u64) -> String {
        secret.id(&[self.as_bytes(), b"id", &count.to_be_bytes()])
    }

    /// The invocation whose run it is.
    pub(crate) fn invocation(&self) -> InvocationId {
        match self.rsplit_once('~') {
            // A suffix further up is part of the id.
            Some((invocation, suffix)) if !suffix.contains('/') => invocation.into(),
            _ => InvocationId(self.0.clone()),
        }
    }
}

impl CallId {
    /// One from outside that no other is a repeat of.
    pub(crate) fn random() -> Self {
        Self(super::random())
    }

    /// The invocation that runs it.
    pub(crate) fn invocation(&self) -> InvocationId {
        InvocationId(self.0.clone())
    }

    /// The run that made it; none of what comes from outside.
    pub(crate) fn caller(&self) -> Option<RunId> {
        self.caller_text().map(RunId::from)
    }

    /// Whether a run has made it.
    pub(crate) fn is_made_by(&self, run: &RunId) -> bool {
        self.caller_text() == Some(run.as_str())
    }

    fn caller_text(&self) -> Option<&str> {
        self.rsplit_once('/').map(|(caller, _)| caller)
    }

    /// Its place among those of its caller's run.
    pub(crate) fn place(&self) -> usize {
        let (_, last) = self.rsplit_once('/').unwrap_or_default();
        let place = last.split('.').next().unwrap_or_default();
        place.parse().unwrap_or(usize::MAX)
    }

    /// The call that undoes it. That is not below its caller, and nothing but what it calls itself is below it.
    pub(crate) fn undo(&self) -> Self {
        Self::from(format!("{UNDO}{}", self.replace('/', "+")))
    }

    /// The call that it undoes; none of what is no undoing.
    pub(crate) fn undone(&self) -> Option<Self> {
        let call = self.strip_prefix(UNDO)?;
        // What undoing calls itself is below it.
        (!call.contains('/')).then(|| Self::from(call.replace('+', "/")))
    }
}

impl From<&CallId> for CausationId {
    fn from(call: &CallId) -> Self {
        Self(call.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::digest;

    const OPERATION: &str = "a:b/c#d";

    fn invocation(id: &str) -> InvocationId {
        id.into()
    }

    fn run(id: &str) -> RunId {
        id.into()
    }

    fn call(id: &str) -> CallId {
        id.into()
    }

    #[test]
    fn ids_of_calls_are_stable_and_below_their_caller() {
        let root = run("root");
        let id = root.call(0, OPERATION, b"1");
        assert_eq!(id, root.call(0, OPERATION, b"1"));
        assert!(id.starts_with("root/0."));
        assert_eq!(id.len(), "root/0.".len() + 12);
        assert_ne!(id, root.call(0, OPERATION, b"2"));
        assert_ne!(id, root.call(1, OPERATION, b"1"));
    }

    #[test]
    fn runs_share_an_invocation() {
        let id = invocation("r/0.a");
        assert_eq!(id.run(0).as_str(), "r/0.a");
        assert_eq!(id.run(2).as_str(), "r/0.a~2");
        assert_eq!(id.run(2).invocation(), id);
        assert_eq!(run("r/0.a~2/1.b").invocation().as_str(), "r/0.a~2/1.b");
        assert_eq!(run("r/0.a~2/1.b~1").invocation().as_str(), "r/0.a~2/1.b");
    }

    #[test]
    fn a_call_tells_its_place_and_its_caller() {
        let caller = run("r/2.e~10");
        let id = caller.call(7, OPERATION, b"1");
        assert_eq!((id.caller(), id.place()), (Some(caller.clone()), 7));
        assert!(id.is_made_by(&caller) && !id.is_made_by(&run("r/2.e")));
        assert_eq!(call("r").caller(), None);
        assert_eq!(id.undo().undone(), Some(id.clone()));
        assert_eq!(id.undone(), None);
        let below = call("r/0.a").undo().invocation().run(0);
        assert!(below.invocation().is_of_undo());
        assert_eq!(below.call(0, OPERATION, b"").undone(), None);
    }

    #[test]
    fn an_undoing_is_below_no_other() {
        let caller = call("r/0.a").undo();
        let undo = call("r/0.a/0.b").undo();
        assert!(!undo.starts_with(&format!("{caller}/")));
    }

    #[test]
    fn what_is_derived_is_what_it_always_was() {
        let id = InvocationId::of_event("room", &"e".into(), 1);
        let parts: [&[u8]; 4] = [b"room", b"event", b"e", &1_u32.to_be_bytes()];
        assert_eq!(id.as_str(), digest(&parts));
        let parts: [&[u8]; 3] = [id.as_bytes(), b"timer", &3_u64.to_be_bytes()];
        assert_eq!(id.event("timer", 3).as_str(), digest(&parts));
    }
}
