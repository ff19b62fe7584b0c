//! How long somebody may go on with what was begun with a token: until the token is withdrawn.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::FromRequestParts;
use http::request::Parts;
use tokio::sync::watch;

use super::authorize::bearer;
use super::caller::Caller;
use super::problem::Problem;
use super::state::State;
use super::token::Token;
use super::tokens::Tokens;
use crate::core::Timestamp;

/// What answers that do not end by themselves are given with: a token that was good when they were asked for.
pub(super) struct Session {
    tokens: watch::Receiver<Tokens>,
    /// None for who needs none.
    token: Option<Token>,
    caller: Caller,
}

impl Session {
    /// Ends when the token is not good any more for what it was good for at the beginning; at once, when it was withdrawn while the answer was being prepared.
    pub async fn withdrawn(&mut self) {
        let Some(token) = &self.token else {
            return std::future::pending().await;
        };
        let is_withdrawn = |tokens: &Tokens| {
            let now = Timestamp::from(SystemTime::now());
            tokens.find(token, now) != Ok(&self.caller)
        };
        // When nobody changes tokens any more, the port is closed.
        let _ = self.tokens.wait_for(is_withdrawn).await;
    }
}

impl FromRequestParts<Arc<State>> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Problem> {
        Ok(Self {
            tokens: state.tokens.subscribe(),
            token: bearer(&parts.headers).map(Token::new),
            caller: Caller::from_request_parts(parts, state).await?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;
    use crate::manifest::{Role, TokenSettings};

    const TOKEN: &str = "board-token";

    fn tokens(role: Role) -> Tokens {
        let settings = TokenSettings {
            role,
            file: None,
            sha256: Some(Token::new(TOKEN).hash()),
            expires: None,
        };
        Tokens::read(&[("board".to_owned(), settings)].into()).unwrap()
    }

    fn session(tokens: &watch::Sender<Tokens>) -> Session {
        Session {
            tokens: tokens.subscribe(),
            token: Some(Token::new(TOKEN)),
            caller: Caller {
                name: "board".to_owned(),
                role: Role::Admin,
            },
        }
    }

    #[tokio::test]
    async fn it_ends_when_its_token_is_good_no_longer_and_for_no_other_change() {
        let known = watch::Sender::new(tokens(Role::Admin));
        let mut session = session(&known);
        assert!(session.withdrawn().now_or_never().is_none());
        known.send_replace(
            tokens(Role::Admin)
                .with_operator(Token::new("main"))
                .unwrap(),
        );
        assert!(session.withdrawn().now_or_never().is_none());
        // It may look still, but began what takes more.
        known.send_replace(tokens(Role::Read));
        let ended = tokio::time::timeout(Duration::from_secs(10), session.withdrawn());
        assert!(ended.await.is_ok());
    }

    #[tokio::test]
    async fn what_was_withdrawn_meanwhile_ends_at_once() {
        let known = watch::Sender::new(tokens(Role::Admin));
        // The token was looked at, and then it is taken away, before anybody waits.
        let mut early = session(&known);
        known.send_replace(Tokens::default());
        let mut late = session(&known);
        assert!(early.withdrawn().now_or_never().is_some());
        assert!(late.withdrawn().now_or_never().is_some());
    }
}
