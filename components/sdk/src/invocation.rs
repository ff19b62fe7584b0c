//! What the host knows of the invocation that is running. The same for all its attempts, except [`attempt`].

use serde::de::DeserializeOwned;

use crate::bindings::innkeeper::context::invocation::VerifiedIdentity;
use crate::host::invocation as host;
use crate::{Fault, Problem};

/// The invocation's id.
pub fn id() -> String {
    host::id()
}

/// The id that everything with one cause at its root shares.
pub fn correlation_id() -> String {
    host::correlation_id()
}

/// The event or invocation that caused this one; empty for a web request.
pub fn causation_id() -> String {
    host::causation_id()
}

/// Which attempt this is, from 1.
pub fn attempt() -> u32 {
    host::attempt()
}

/// The time, in milliseconds since 1970-01-01T00:00:00Z. It does not move while the invocation runs.
pub fn now() -> u64 {
    host::now()
}

/// A new unique id of 32 hexadecimal digits.
pub fn new_id() -> String {
    host::new_id()
}

/// Who is behind the invocation: whoever has sent the request, where its route asks for a token, and the same in all calls, events, timers and undoing that come of it.
/// None where nobody is known to be. No header that a client has set says it.
pub fn identity() -> Option<Identity> {
    host::identity().map(Identity::from)
}

/// Who is behind the invocation; 401 where nobody is known to be.
///
/// # Errors
///
/// The problem to answer with.
pub fn require_identity() -> Result<Identity, Problem> {
    identity().ok_or_else(|| Problem::new(401, "This needs to know who asks."))
}

/// Who is behind an invocation, as a token said that the host has found good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// Who says so.
    pub issuer: String,
    /// Who it is, among all that the issuer knows.
    pub subject: String,
    /// What the token allows.
    pub scopes: Vec<String>,
    /// What else it says, of what the manifest names: names, and values as JSON.
    pub claims: Vec<(String, String)>,
}

impl Identity {
    /// Somebody whom an issuer knows by this name, for tests; see [`TestContext::sign_in`](crate::testing::TestContext::sign_in).
    #[cfg(not(target_arch = "wasm32"))]
    pub fn of(subject: &str) -> Self {
        Self {
            issuer: "https://login.example".into(),
            subject: subject.into(),
            ..Self::default()
        }
    }

    /// The same, whose token allows this, too.
    #[cfg(not(target_arch = "wasm32"))]
    #[must_use]
    pub fn with_scope(mut self, scope: &str) -> Self {
        self.scopes.push(scope.into());
        self.scopes.sort_unstable();
        self
    }

    /// The same, whose token says this, too.
    #[cfg(not(target_arch = "wasm32"))]
    #[must_use]
    pub fn with_claim(mut self, name: &str, value: &serde_json::Value) -> Self {
        self.claims.push((name.into(), value.to_string()));
        self
    }

    /// Whether the token allows something.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|allowed| allowed == scope)
    }

    /// What the token says under a name; none when it says nothing there, or the manifest does not name it.
    ///
    /// # Errors
    ///
    /// When it is of another type.
    pub fn claim<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Fault> {
        let mut claims = self.claims.iter();
        let found = claims.find(|(known, _)| known == name);
        let read = found.map(|(_, value)| serde_json::from_str(value));
        read.transpose()
            .map_err(|error| Fault::new(format!("the claim {name} is something else: {error}")))
    }
}

impl From<VerifiedIdentity> for Identity {
    fn from(identity: VerifiedIdentity) -> Self {
        Self {
            issuer: identity.issuer,
            subject: identity.subject,
            scopes: identity.scopes,
            claims: identity.claims,
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl From<Identity> for VerifiedIdentity {
    fn from(identity: Identity) -> Self {
        Self {
            issuer: identity.issuer,
            subject: identity.subject,
            scopes: identity.scopes,
            claims: identity.claims,
        }
    }
}
