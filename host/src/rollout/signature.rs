//! TEMP
use std::collections::BTreeMap;
use ed25519_dalek::VerifyingKey;
/// x
/// # Errors
/// x
pub fn verify(_: &BTreeMap<String, VerifyingKey>, _: &str, _: &str) -> Result<String, String> { Ok(String::new()) }
