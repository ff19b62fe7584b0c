//! Who is behind an invocation, as a token said that the gateway has found good. It goes along with calls and events, and nothing else makes one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest subject, in bytes.
const LONGEST_SUBJECT: usize = 1_024;
/// The most that an identity may have, in bytes: it goes with every event.
const LARGEST: usize = 4_096;

/// Who is behind an invocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Statement", from = "Statement")]
pub struct VerifiedIdentity(Arc<Statement>);

/// What is known of an identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Statement {
    /// Who says so: the token's `iss`.
    pub issuer: String,
    /// Who it is, among all that the issuer knows: the token's `sub`.
    pub subject: String,
    /// What the token allows, in order, each once.
    pub scopes: Vec<String>,
    /// What else the token says, of what the manifest names: names, and values as JSON.
    pub claims: Vec<(String, String)>,
}

/// A token says of somebody what cannot be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidIdentity {
    #[error("it does not say who it is of (`sub`, 1 to {LONGEST_SUBJECT} bytes)")]
    Subject,
    #[error(
        "it says more than {LARGEST} bytes in its subject, its scopes and the claims that are passed on"
    )]
    TooLarge,
}

impl VerifiedIdentity {
    /// What a good token says.
    pub(crate) fn new(mut statement: Statement) -> Result<Self, InvalidIdentity> {
        if !(1..=LONGEST_SUBJECT).contains(&statement.subject.len()) {
            return Err(InvalidIdentity::Subject);
        }
        statement.scopes.retain(|scope| !scope.is_empty());
        statement.scopes.sort_unstable();
        statement.scopes.dedup();
        let identity = Self(Arc::new(statement));
        match identity.size() > LARGEST {
            true => Err(InvalidIdentity::TooLarge),
            false => Ok(identity),
        }
    }

    /// Who says so.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Who it is, among all that the issuer knows.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Who it is, as a commit says it.
    pub(crate) fn to_subject(&self) -> String {
        self.subject().to_owned()
    }

    /// What the token allows.
    pub fn scopes(&self) -> &[String] {
        &self.0.scopes
    }

    /// What else it says: names, and values as JSON.
    pub fn claims(&self) -> &[(String, String)] {
        &self.0.claims
    }

    /// Whether the token allows something.
    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        self.0.scopes.iter().any(|allowed| allowed == scope)
    }

    /// What tells one person from all others.
    pub(crate) fn person(&self) -> [&[u8]; 2] {
        [self.issuer().as_bytes(), self.subject().as_bytes()]
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        // How long everything is.
        const EACH: usize = 2;
        let scopes = self.0.scopes.iter().map(|scope| EACH + scope.len());
        let claims = self.0.claims.iter();
        let claims = claims.map(|(name, value)| 2 * EACH + name.len() + value.len());
        let named = self.issuer().len() + self.subject().len() + 4 * EACH;
        named + scopes.sum::<usize>() + claims.sum::<usize>()
    }
}

impl From<VerifiedIdentity> for Statement {
    fn from(identity: VerifiedIdentity) -> Self {
        Arc::unwrap_or_clone(identity.0)
    }
}

impl From<Statement> for VerifiedIdentity {
    fn from(statement: Statement) -> Self {
        Self(Arc::new(statement))
    }
}

#[cfg(test)]
impl VerifiedIdentity {
    /// Somebody, for tests.
    pub(crate) fn of(subject: &str) -> Self {
        Self::from(Statement {
            issuer: "https://login.example".into(),
            subject: subject.into(),
            scopes: vec!["look".into()],
            claims: vec![("email".into(), "\"a@b.example\"".into())],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(subject: &str) -> Statement {
        VerifiedIdentity::of(subject).into()
    }

    #[test]
    fn scopes_are_in_order_and_each_once() {
        let scopes = ["look", "", "book", "look"].map(str::to_owned).to_vec();
        let identity = VerifiedIdentity::new(Statement {
            scopes,
            ..statement("a")
        })
        .unwrap();
        assert_eq!(identity.scopes(), ["book", "look"]);
        assert!(identity.has_scope("book") && !identity.has_scope("boo"));
    }

    #[test]
    fn what_is_passed_on_is_bounded() {
        let refused = |statement| VerifiedIdentity::new(statement).unwrap_err();
        assert_eq!(refused(statement("")), InvalidIdentity::Subject);
        assert_eq!(
            refused(statement(&"s".repeat(1_025))),
            InvalidIdentity::Subject
        );
        assert!(VerifiedIdentity::new(statement(&"s".repeat(1_024))).is_ok());
        let scopes = (0..1_000).map(|number| format!("scope-{number}")).collect();
        let many = Statement {
            scopes,
            ..statement("a")
        };
        assert_eq!(refused(many), InvalidIdentity::TooLarge);
        let claims = vec![("photo".to_owned(), "x".repeat(4_096))];
        let large = Statement {
            claims,
            ..statement("a")
        };
        assert_eq!(refused(large), InvalidIdentity::TooLarge);
    }
}
