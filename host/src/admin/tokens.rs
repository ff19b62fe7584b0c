//! All tokens that are known, and whose they are.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use subtle::ConditionallySelectable;

use super::caller::Caller;
use super::error::AdminError;
use super::token::Token;
use crate::core::Timestamp;
use crate::manifest::TokenSettings;

/// All tokens that are known.
#[derive(Clone, Default)]
pub struct Tokens(Vec<Known>);

/// A token that is known.
#[derive(Clone)]
struct Known {
    token: Token,
    caller: Caller,
    expires: Option<Timestamp>,
}

/// Why nobody is known by a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// It is nobody's.
    Nobodys,
    /// It is not good any more; whose it is.
    Expired(Caller),
}

impl Tokens {
    /// The further tokens that a manifest names. Blocks.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or holds no token, or two are the same.
    pub fn read(settings: &BTreeMap<String, TokenSettings>) -> Result<Self, AdminError> {
        let mut tokens = Self::default();
        for (name, settings) in settings {
            tokens.add_named(name, settings)?;
        }
        Ok(tokens)
    }

    /// The same while the host runs, and the main one: what cannot be had is left out, so that a token whose file was taken away is good for nothing. Says what was.
    /// Blocks.
    pub(super) fn read_again(
        settings: &BTreeMap<String, TokenSettings>,
        operator: Token,
    ) -> (Self, Vec<AdminError>) {
        let mut tokens = Self::default();
        let added = tokens.add(operator, Caller::operator(), None);
        let named = settings.iter();
        let named = named.map(|(name, settings)| tokens.add_named(name, settings));
        let missing: Vec<_> = named.filter_map(Result::err).collect();
        let missing = added.err().into_iter().chain(missing).collect();
        (tokens, missing)
    }

    /// These, and the main one.
    ///
    /// # Errors
    ///
    /// When it is one of these.
    pub fn with_operator(mut self, token: Token) -> Result<Self, AdminError> {
        self.add(token, Caller::operator(), None)?;
        Ok(self)
    }

    fn add_named(&mut self, name: &str, settings: &TokenSettings) -> Result<(), AdminError> {
        // The manifest has seen to it that there is the one or the other.
        let token = match (&settings.file, settings.sha256) {
            (Some(file), _) => Token::new(read(file).map_err(|source| AdminError::TokenFile {
                name: name.to_owned(),
                file: file.clone(),
                source,
            })?),
            (None, Some(hash)) => Token::of_hash(hash),
            (None, None) => return Ok(()),
        };
        let caller = Caller {
            name: name.to_owned(),
            role: settings.role,
        };
        self.add(token, caller, settings.expires)
    }

    fn add(
        &mut self,
        token: Token,
        caller: Caller,
        expires: Option<Timestamp>,
    ) -> Result<(), AdminError> {
        if let Some(other) = self.look_up(&token) {
            return Err(AdminError::SameToken {
                one: other.caller.name.clone(),
                other: caller.name,
            });
        }
        self.0.push(Known {
            token,
            caller,
            expires,
        });
        Ok(())
    }

    /// Whose token this is, if it is good at this time.
    pub(super) fn find(&self, token: &Token, now: Timestamp) -> Result<&Caller, Unknown> {
        let known = self.look_up(token).ok_or(Unknown::Nobodys)?;
        match known.expires {
            Some(expires) if now >= expires => Err(Unknown::Expired(known.caller.clone())),
            _ => Ok(&known.caller),
        }
    }

    /// Whether whoever is known by these at this time is known by the others at that one, and the other way round.
    pub(super) fn is_as(&self, now: Timestamp, others: &Self, then: Timestamp) -> bool {
        let good = |known: &&Known, at: Timestamp| known.expires.is_none_or(|end| at < end);
        let ours: Vec<_> = self.0.iter().filter(|known| good(known, now)).collect();
        let others: Vec<_> = others.0.iter().filter(|known| good(known, then)).collect();
        let is_in = |one: &Known, all: &[&Known]| {
            let mut same = all.iter().filter(|other| other.caller == one.caller);
            same.any(|other| other.token.is(&one.token).into())
        };
        ours.len() == others.len() && ours.iter().all(|one| is_in(one, &others))
    }

    /// Compares it with every one, whichever it is: how long that takes says nothing about how near it comes, nor to which.
    fn look_up(&self, token: &Token) -> Option<&Known> {
        // 0 is nobody, 1 the first.
        let mut found = 0;
        for (place, known) in (1u64..).zip(&self.0) {
            found.conditional_assign(&place, known.token.is(token));
        }
        let index = usize::try_from(found).ok()?.checked_sub(1)?;
        self.0.get(index)
    }
}

/// The token that a file holds.
fn read(file: &Path) -> io::Result<String> {
    let text = fs::read_to_string(file)?.trim().to_owned();
    if text.is_empty() {
        return Err(io::Error::other("it is empty"));
    }
    match text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text),
        false => Err(io::Error::other(
            "a token consists of visible ASCII characters without spaces",
        )),
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::manifest::Role;

    const NOW: Timestamp = Timestamp(1_795_341_734_248);

    fn in_file(file: &Path, role: Role) -> TokenSettings {
        TokenSettings {
            role,
            file: Some(file.to_owned()),
            sha256: None,
            expires: None,
        }
    }

    fn hashed(text: &str, role: Role) -> TokenSettings {
        TokenSettings {
            role,
            file: None,
            sha256: Some(Sha256::digest(text).into()),
            expires: None,
        }
    }

    fn named<const N: usize>(
        settings: [(&str, TokenSettings); N],
    ) -> BTreeMap<String, TokenSettings> {
        settings
            .map(|(name, token)| (name.to_owned(), token))
            .into()
    }

    #[test]
    fn each_is_found_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("board");
        fs::write(&file, "one\n").unwrap();
        let settings = named([
            ("board", in_file(&file, Role::Read)),
            ("ci", hashed("two", Role::Deploy)),
        ]);
        let tokens = Tokens::read(&settings).unwrap();
        let tokens = tokens.with_operator(Token::new("three")).unwrap();
        let found = |text: &str| {
            let caller = tokens.find(&Token::new(text), NOW).ok()?;
            Some((caller.name.as_str(), caller.role))
        };
        assert_eq!(found("one"), Some(("board", Role::Read)));
        assert_eq!(found("two"), Some(("ci", Role::Deploy)));
        assert_eq!(found("three"), Some(("operator", Role::Admin)));
        for text in ["", "one\n", "four", "oneone"] {
            assert_eq!(found(text), None, "{text}");
        }
        assert_eq!(
            Tokens::default().find(&Token::new(""), NOW),
            Err(Unknown::Nobodys)
        );
    }

    #[test]
    fn a_token_of_two_is_refused() {
        let twice = named([
            ("board", hashed("one", Role::Read)),
            ("ci", hashed("one", Role::Deploy)),
        ]);
        let error = Tokens::read(&twice).err().unwrap().to_string();
        assert!(error.contains("`board` and `ci`"), "{error}");
        let once = named([("ci", hashed("one", Role::Deploy))]);
        let tokens = Tokens::read(&once).unwrap();
        let error = tokens.with_operator(Token::new("one")).err().unwrap();
        assert!(error.to_string().contains("`ci` and `operator`"), "{error}");
    }

    #[test]
    fn a_file_without_a_token_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("board");
        let said = || {
            let settings = named([("board", in_file(&file, Role::Read))]);
            Tokens::read(&settings).err().unwrap().to_string()
        };
        let missing = said();
        assert!(
            missing.contains("No such file") && missing.contains("[admin.tokens.board]"),
            "{missing}"
        );
        for (text, reason) in [("\n", "empty"), ("two words\n", "without spaces")] {
            fs::write(&file, text).unwrap();
            let said = said();
            assert!(said.contains(reason), "{said}");
        }
    }

    #[test]
    fn one_that_has_expired_or_whose_file_is_gone_is_good_for_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("board");
        fs::write(&file, "one\n").unwrap();
        let expires = Some(Timestamp(NOW.0 + 1));
        let hashed = TokenSettings {
            expires,
            ..hashed("two", Role::Deploy)
        };
        let settings = named([("board", in_file(&file, Role::Read)), ("ci", hashed)]);
        let (tokens, missing) = Tokens::read_again(&settings, Token::new("main"));
        assert!(missing.is_empty() && tokens.find(&Token::new("two"), NOW).is_ok());
        let later = Timestamp(NOW.0 + 1);
        let found = tokens.find(&Token::new("two"), later);
        assert!(matches!(found, Err(Unknown::Expired(caller)) if caller.name == "ci"));
        assert!(tokens.is_as(NOW, &tokens, NOW) && !tokens.is_as(NOW, &tokens, later));
        fs::remove_file(&file).unwrap();
        let (fewer, missing) = Tokens::read_again(&settings, Token::new("main"));
        assert!(missing.len() == 1 && fewer.find(&Token::new("main"), NOW).is_ok());
        assert_eq!(fewer.find(&Token::new("one"), NOW), Err(Unknown::Nobodys));
        assert!(!fewer.is_as(NOW, &tokens, NOW));
    }
}
