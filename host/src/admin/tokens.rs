//! All tokens that are known, and whose they are.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use subtle::ConditionallySelectable;

use super::caller::Caller;
use super::server::AdminError;
use super::token::Token;
use crate::manifest::TokenSettings;

/// All tokens that are known.
#[derive(Default)]
pub struct Tokens(Vec<(Token, Caller)>);

impl Tokens {
    /// The further tokens that a manifest names. Blocks.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or holds no token, or two are the same.
    pub fn read(settings: &BTreeMap<String, TokenSettings>) -> Result<Self, AdminError> {
        let mut tokens = Self::default();
        for (name, TokenSettings { role, file, sha256 }) in settings {
            // The manifest has seen to it that there is the one or the other.
            let token = match (file, sha256) {
                (Some(file), _) => {
                    Token::new(read(file).map_err(|source| AdminError::TokenFile {
                        name: name.clone(),
                        file: file.clone(),
                        source,
                    })?)
                }
                (None, Some(hash)) => Token::of_hash(*hash),
                (None, None) => continue,
            };
            let (name, role) = (name.clone(), *role);
            tokens.add(token, Caller { name, role })?;
        }
        Ok(tokens)
    }

    /// These, and the main one.
    ///
    /// # Errors
    ///
    /// When it is one of these.
    pub fn with_operator(mut self, token: Token) -> Result<Self, AdminError> {
        self.add(token, Caller::operator())?;
        Ok(self)
    }

    fn add(&mut self, token: Token, caller: Caller) -> Result<(), AdminError> {
        if let Some(other) = self.look_up(&token) {
            return Err(AdminError::SameToken {
                one: other.name.clone(),
                other: caller.name,
            });
        }
        self.0.push((token, caller));
        Ok(())
    }

    /// Whose token this is.
    pub(super) fn find(&self, text: &[u8]) -> Option<&Caller> {
        self.look_up(&Token::new(text))
    }

    /// Compares it with every one, whichever it is: how long that takes says nothing about how near it comes, nor to which.
    fn look_up(&self, token: &Token) -> Option<&Caller> {
        // 0 is nobody, 1 the first.
        let mut found = 0;
        for (place, (known, _)) in (1u64..).zip(&self.0) {
            found.conditional_assign(&place, known.is(token));
        }
        let index = usize::try_from(found).ok()?.checked_sub(1)?;
        self.0.get(index).map(|(_, caller)| caller)
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
            "a token is made of visible ASCII characters, without spaces",
        )),
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::manifest::Role;

    fn in_file(file: &Path, role: Role) -> TokenSettings {
        TokenSettings {
            role,
            file: Some(file.to_owned()),
            sha256: None,
        }
    }

    fn hashed(text: &str, role: Role) -> TokenSettings {
        TokenSettings {
            role,
            file: None,
            sha256: Some(Sha256::digest(text).into()),
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
            let caller = tokens.find(text.as_bytes())?;
            Some((caller.name.as_str(), caller.role))
        };
        assert_eq!(found("one"), Some(("board", Role::Read)));
        assert_eq!(found("two"), Some(("ci", Role::Deploy)));
        assert_eq!(found("three"), Some(("operator", Role::Admin)));
        for text in ["", "one\n", "four", "oneone"] {
            assert_eq!(found(text), None, "{text}");
        }
        assert_eq!(Tokens::default().find(b""), None);
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
}
