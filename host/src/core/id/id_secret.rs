//! What the ids that guests make follow from besides their invocation, and nobody outside knows: ids of invocations are told to clients, in events and in the log.

use ring::hmac::{self, HMAC_SHA256, Key};

use super::hexadecimal::with_digits;

/// The secret of a host, or of all hosts that go on with one another's invocations. It is shown nowhere.
pub struct IdSecret(Key);

impl IdSecret {
    /// How many bytes one has.
    pub const LENGTH: usize = 32;

    /// The one with these bytes.
    pub fn new(bytes: &[u8; Self::LENGTH]) -> Self {
        Self(Key::new(HMAC_SHA256, bytes))
    }

    /// An id that the same parts always give under this secret, and that nobody can tell without it: 32 hexadecimal digits.
    pub(super) fn id(&self, parts: &[&[u8]]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let tag = context.sign();
        with_digits(tag.as_ref().get(..16).unwrap_or_default(), str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_same_again_under_one_secret_only() {
        let (one, other) = (IdSecret::new(&[1; 32]), IdSecret::new(&[2; 32]));
        let parts: [&[u8]; 2] = [b"r", b"id"];
        assert_eq!(one.id(&parts), IdSecret::new(&[1; 32]).id(&parts));
        assert_eq!(one.id(&parts).len(), 32);
        assert_ne!(one.id(&parts), other.id(&parts));
        assert_ne!(one.id(&[b"ab", b"c"]), one.id(&[b"a", b"bc"]));
    }
}
