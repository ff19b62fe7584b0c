//! What a registry wants to see before it gives or takes something: a password, or a token that is fetched for one.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::credentials::Credentials;
use super::error::RegistryError;
use super::exchange::{Answer, Ask, Place};
use super::hosts::Hosts;

/// The largest answer with a token, in bytes.
const LARGEST_TOKEN: u64 = 256 << 10;
/// Who asks for a token, as its server is told.
const CLIENT: &str = "innkeeper";

/// What a registry wants to see.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// The password itself.
    Basic,
    /// A token.
    Bearer {
        /// Where it is to be had.
        realm: String,
        /// Whom it is for.
        service: Option<String>,
    },
}

/// The answer of whoever gives tokens: some call it so, some otherwise.
#[derive(Deserialize)]
struct Given {
    token: Option<String>,
    access_token: Option<String>,
}

impl Challenge {
    /// What the head of an answer asks for. A token is preferred: the password itself is shown to fewer then.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(header::WWW_AUTHENTICATE);
        let texts = values.iter().filter_map(|value| value.to_str().ok());
        let challenges =
            texts.flat_map(|text| http_auth::parse_challenges(text).unwrap_or_default());
        let mut found = None;
        for challenge in challenges {
            let parameter = |name: &str| {
                let mut parameters = challenge.params.iter();
                let named = parameters.find(|(key, _)| key.eq_ignore_ascii_case(name));
                named.map(|(_, value)| value.to_unescaped())
            };
            if challenge.scheme.eq_ignore_ascii_case("basic") {
                found = Some(Self::Basic);
            } else if challenge.scheme.eq_ignore_ascii_case("bearer")
                && let Some(realm) = parameter("realm")
            {
                let service = parameter("service");
                return Some(Self::Bearer { realm, service });
            }
        }
        found
    }
}

/// What is shown to a registry from now on; none when there is nothing to show. Passwords and tokens are sent over TLS only, but to hosts that the settings
/// say to speak plain HTTP with.
pub(super) async fn meet(
    hosts: &Hosts,
    here: &Place,
    challenge: Challenge,
    credentials: &Credentials,
    scope: &str,
) -> Result<Option<HeaderValue>, RegistryError> {
    match (challenge, credentials) {
        (Challenge::Basic, Credentials::Password { user, password }) => Ok(basic(user, password)),
        (Challenge::Basic, _) => Ok(None),
        (Challenge::Bearer { realm, service }, credentials) => {
            let token = fetch(hosts, here, &realm, service.as_deref(), credentials, scope).await?;
            Ok(token.and_then(|token| sensitive(&format!("Bearer {token}"))))
        }
    }
}

/// A token for a scope; none where nobody gets one.
async fn fetch(
    hosts: &Hosts,
    here: &Place,
    realm: &str,
    service: Option<&str>,
    credentials: &Credentials,
    scope: &str,
) -> Result<Option<String>, RegistryError> {
    let malformed = |reason: &str| RegistryError::Malformed {
        host: here.host.clone(),
        reason: format!("{reason} `{realm}`"),
    };
    let place = here.resolve(realm);
    let place = place.ok_or_else(|| malformed("it sends for a token to"))?;
    if !place.speaks_tls && !hosts.is_plain(&place.host) {
        return Err(RegistryError::Redirect {
            host: here.host.clone(),
            to: place.shown(),
            reason: "passwords go there for tokens, and it is not encrypted",
        });
    }
    let mut wanted = vec![("scope", scope)];
    wanted.extend(service.map(|service| ("service", service)));
    let answer = match credentials {
        Credentials::IdentityToken(token) => {
            wanted.extend([
                ("grant_type", "refresh_token"),
                ("client_id", CLIENT),
                ("refresh_token", token),
            ]);
            let mut ask = Ask::get(place, "a token", LARGEST_TOKEN);
            ask.method = Method::POST;
            ask.body = Bytes::from(form(&wanted));
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            ask.header(header::CONTENT_TYPE, kind).send(hosts).await?
        }
        other => {
            let separator = if place.target.query().is_some() {
                '&'
            } else {
                '?'
            };
            let target = format!("{}{separator}{}", place.target, form(&wanted));
            let target: PathAndQuery = target
                .parse()
                .map_err(|_| malformed("it sends for a token to"))?;
            let ask = Ask::get(Place { target, ..place }, "a token", LARGEST_TOKEN);
            let login = match other {
                Credentials::Password { user, password } => basic(user, password),
                _ => None,
            };
            let ask = match login {
                Some(login) => ask.header(header::AUTHORIZATION, login),
                None => ask,
            };
            ask.send(hosts).await?
        }
    };
    token_in(&answer, &here.host)
}

/// The token in an answer; none where nobody gets one by what was shown.
fn token_in(answer: &Answer, host: &str) -> Result<Option<String>, RegistryError> {
    let status = answer.status;
    if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
        return Ok(None);
    }
    if !status.is_success() {
        return Err(RegistryError::Refused {
            host: host.to_owned(),
            what: "to give a token".to_owned(),
            status,
            said: String::new(),
        });
    }
    let given: Given = serde_json::from_slice(&answer.body).map_err(|_| {
        // Nothing of it is repeated: it may hold a token.
        RegistryError::Malformed {
            host: host.to_owned(),
            reason: "who gives its tokens gave something else".to_owned(),
        }
    })?;
    Ok(given
        .token
        .or(given.access_token)
        .filter(|token| !token.is_empty()))
}

fn form(wanted: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| {
        format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
    };
    wanted.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    let pair = BASE64_STANDARD.encode(format!("{user}:{password}"));
    sensitive(&format!("Basic {pair}"))
}

/// What cannot be sent is nothing to show.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(texts: &[&'static str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for text in texts {
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(text));
        }
        Challenge::of(&headers)
    }

    #[test]
    fn a_token_is_preferred_to_the_password_itself() {
        let bearer = r#"Bearer realm="https://a.example/token",service="a.example",scope="x""#;
        let expected = Challenge::Bearer {
            realm: "https://a.example/token".to_owned(),
            service: Some("a.example".to_owned()),
        };
        assert_eq!(challenge(&[bearer]), Some(expected));
        let both = challenge(&[r#"Basic realm="x""#, bearer]);
        assert!(matches!(both, Some(Challenge::Bearer { .. })), "{both:?}");
        assert_eq!(challenge(&[r#"basic realm="x""#]), Some(Challenge::Basic));
    }

    #[test]
    fn what_cannot_be_met_is_none() {
        for texts in [
            &[][..],
            &[""],
            &["Bearer"],
            &["Negotiate"],
            &["Bearer realm"],
        ] {
            assert_eq!(challenge(texts), None, "{texts:?}");
        }
    }

    #[tokio::test]
    async fn no_password_goes_for_a_token_where_everybody_can_read_it() {
        let here = Place::over_tls("a.example", PathAndQuery::from_static("/v2/"));
        let bearer = Challenge::Bearer {
            realm: "http://b.example/token".to_owned(),
            service: None,
        };
        let credentials = Credentials::Password {
            user: "guest".to_owned(),
            password: "secret".to_owned(),
        };
        let hosts = Hosts::new(Default::default());
        let met = meet(&hosts, &here, bearer, &credentials, "x").await;
        let refused = met.err().unwrap().to_string();
        assert!(refused.contains("not encrypted"), "{refused}");
    }
}
