//! A bearer token, and the main one, which a data directory keeps.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::error::AdminError;

/// The token's file in the data directory.
const FILE: &str = "admin-token";

/// A token, as its hash: enough to recognize it, and of no use to whoever reads it.
#[derive(Clone)]
pub struct Token([u8; 32]);

/// The token of a data directory.
pub struct Kept {
    /// The token.
    pub token: Token,
    /// Its file.
    pub file: PathBuf,
    /// Its text, when it was made just now.
    pub made: Option<String>,
}

impl Token {
    /// A token that someone chose.
    pub fn new(text: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// The token that a data directory keeps, made when it keeps none. Blocks.
    ///
    /// # Errors
    ///
    /// When its file can be neither read nor written.
    pub fn keep(directory: &Path) -> Result<Kept, AdminError> {
        let file = Self::file(directory);
        let kept = match Self::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::make(directory, &file),
            read => read.map(|text| (text, false)),
        };
        match kept {
            Ok((text, made)) => Ok(Kept {
                token: Self::new(&text),
                made: made.then_some(text),
                file,
            }),
            Err(source) => Err(AdminError::Token { file, source }),
        }
    }

    /// Where a data directory keeps its token.
    pub fn file(directory: &Path) -> PathBuf {
        directory.join(FILE)
    }

    /// The text of a token that is kept in a file. Blocks.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or holds no token.
    pub fn read(file: &Path) -> io::Result<String> {
        let bytes = fs::read(file)?;
        let no_token =
            |what| io::Error::other(format!("it {what}; remove it to have a new token made"));
        match bytes.trim_ascii() {
            [] => Err(no_token("is empty")),
            // Nothing else could be sent in a header.
            text if !text.iter().all(u8::is_ascii_graphic) => Err(no_token(
                "holds something else than one word of visible ASCII characters",
            )),
            text => Ok(String::from_utf8_lossy(text).into_owned()),
        }
    }

    /// Makes a token and its file: whole, readable for its owner only, and never in the place of another.
    fn make(directory: &Path, file: &Path) -> io::Result<(String, bool)> {
        fs::create_dir_all(directory)?;
        let text = hex::encode(rand::random::<[u8; 32]>());
        let draft = directory.join(format!("{FILE}.{}", std::process::id()));
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)
            .and_then(|mut out| {
                writeln!(out, "{text}")?;
                out.sync_all()
            })
            .and_then(|()| fs::hard_link(&draft, file));
        // A draft that stays behind does no harm.
        let _ = fs::remove_file(&draft);
        match written {
            Ok(()) => Ok((text, true)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Ok((Self::read(file)?, false))
            }
            Err(error) => Err(error),
        }
    }

    /// A token that is known by the sha-256 hash of its text only.
    pub fn of_hash(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// That hash.
    #[cfg(test)]
    pub(super) fn hash(&self) -> [u8; 32] {
        self.0
    }

    /// Whether it is the same. Takes as long for any two.
    pub(super) fn is(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn is(token: &Token, text: &str) -> bool {
        token.is(&Token::new(text)).into()
    }

    #[test]
    fn it_is_made_once_and_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let first = Token::keep(&data).unwrap();
        let text = first.made.unwrap();
        assert_eq!(text.len(), 64);
        assert!(is(&first.token, &text));
        let mode = fs::metadata(&first.file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = Token::keep(&data).unwrap();
        assert!(second.made.is_none() && is(&second.token, &text));
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1);
    }

    #[test]
    fn another_is_not_it() {
        let token = Token::new("secret");
        assert!(is(&token, "secret"));
        assert!(!is(&token, "secret2") && !is(&token, "") && !is(&token, "Secret"));
        assert!(is(
            &Token::of_hash(Sha256::digest("secret").into()),
            "secret"
        ));
    }

    #[test]
    fn what_could_not_be_sent_as_a_token_is_none() {
        let cases: [(&[u8], &str); 4] = [
            (b"\n", "is empty"),
            (b"two words\n", "one word"),
            (b"secret\nsecret\n", "one word"),
            (b"\xff\xfe", "one word"),
        ];
        for (held, told) in cases {
            let directory = tempfile::tempdir().unwrap();
            fs::write(Token::file(directory.path()), held).unwrap();
            let error = Token::keep(directory.path()).err().unwrap().to_string();
            assert!(
                error.contains("admin-token") && error.contains(told),
                "{error}"
            );
        }
    }
}
