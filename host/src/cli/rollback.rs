//! `innkeeper rollback`

use std::time::Duration;

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::candidates;
use super::client::encoded;
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use crate::admin::view::RolledBack;
use crate::core::human_duration;
use crate::rollout::SHORTEST_DIGEST;

/// How long the host may take for it.
const TIME: Duration = Duration::from_secs(30);

/// Go back to the version of a context that served before
///
/// A ramp that is under way ends instead, and the version that serves goes on. With --to, any version that served once and is still kept takes over, also one that
/// was itself rolled back from.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper rollback room
  innkeeper rollback room --to 3 --reason 'reviews got lost'")]
pub(super) struct Rollback {
    /// The context
    #[arg(add = ArgValueCandidates::new(candidates::contexts))]
    context: String,
    /// The number of the version, or the first digits of its digest [default: the one before]
    #[arg(long, value_name = "VERSION", value_parser = version)]
    to: Option<String>,
    /// Why; it is kept in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

impl Rollback {
    pub async fn run(self) -> Result<(), Failure> {
        let given = [("to", &self.to), ("reason", &self.reason)];
        let query: Vec<_> = given
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_ref()?))))
            .collect();
        let context = encoded(&self.context);
        let path = format!("/v1/contexts/{context}/rollback?{}", query.join("&"));
        let client = self.operator.client()?;
        let done: RolledBack = client.post(&path, TIME).await?;
        if self.json {
            return Ok(output::json(&done)?);
        }
        let took = human_duration(Duration::from_micros(done.micros));
        let (context, to, from) = (done.context, done.to, done.from);
        let text = match done.was_on_its_way {
            true => format!(
                "the rollout of version {from} of {context} has ended; version {to} serves ({took})"
            ),
            false => {
                format!("version {to} of {context} serves again, instead of {from} ({took})")
            }
        };
        Ok(output::line(text)?)
    }
}

/// A version, as an operator names it.
fn version(text: &str) -> Result<String, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_digest = text.len() >= SHORTEST_DIGEST && text.bytes().all(is_digit);
    match is_number || is_digest {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "write its number, for example 3, or the first {SHORTEST_DIGEST} digits of its digest or more; `innkeeper versions` shows both"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_a_number_and_a_digest() {
        for known in ["1", "12", "123456789", "0a1b2c", &"f".repeat(64)] {
            assert_eq!(version(known).as_deref(), Ok(known));
        }
        for unknown in ["", "v3", "-1", "0a1b", "0A1B2C", "sha256:0a1b2c"] {
            assert!(version(unknown).is_err(), "{unknown}");
        }
    }
}
