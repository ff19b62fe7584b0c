//! `innkeeper events`

use std::time::Duration;

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::candidates;
use super::client::{Client, encoded};
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use super::sse::{Message, Parser};
use crate::admin::view::CloudEvent;
use crate::observe::sanitize::{CELL, shown};

/// The pauses between attempts to reach a host that has gone.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// After how long without a word a host counts as gone: several times as long as it is ever silent.
const SILENCE: Duration = Duration::from_secs(60);

/// Show the events of all contexts, oldest first
///
/// Without --follow, ends after the newest events that there are. With it, goes on when the host was restarted, and misses nothing.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper events
  innkeeper events --follow
  innkeeper events --follow --context reservation,payment --json
  innkeeper events --all --kind ReservationCancelled")]
pub(super) struct Events {
    /// Wait for more
    #[arg(short, long)]
    follow: bool,
    /// Only events of these contexts
    #[arg(long, value_name = "NAMES", value_delimiter = ',', add = ArgValueCandidates::new(candidates::contexts))]
    context: Vec<String>,
    /// Only events of these kinds
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    kind: Vec<String>,
    /// Begin with so many of the newest events
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    last: usize,
    /// Begin with the first event
    #[arg(long, conflicts_with = "last")]
    all: bool,
    /// Print CloudEvents as JSON, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

/// Whether the events of a connection have come to their end.
enum End {
    /// All that were asked for have been shown.
    Complete,
    /// There may be more: the host has gone.
    Cut,
}

impl Events {
    pub async fn run(self) -> Result<(), Failure> {
        let path = self.path();
        let (follow, json) = (self.follow, self.json);
        let client = self.operator.client()?;
        let mut parser = Parser::default();
        let mut pause = FIRST_PAUSE;
        let mut known = false;
        loop {
            match show(&client, &path, &mut parser, json).await {
                Ok(End::Complete) if !follow => return Ok(()),
                Ok(End::Complete | End::Cut) => {
                    (known, pause) = (true, FIRST_PAUSE);
                }
                Err(error) if follow && known && error.may_pass() => {}
                Err(error) => return Err(error),
            }
            if !follow {
                return Err(Failure::Lost {
                    address: client.address().to_string(),
                });
            }
            if pause == FIRST_PAUSE {
                output::note(format_args!(
                    "{} is gone; waiting for it to come back",
                    client.address()
                ));
            }
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
            // A connection that was cut in the middle of a message left a part of it.
            parser = Parser::after(parser.last_id);
        }
    }

    fn path(&self) -> String {
        let begin = match self.all {
            true => "after=start".to_owned(),
            false => format!("last={}", self.last),
        };
        let mut path = format!("/v1/events?{begin}&follow={}", self.follow);
        for (name, values) in [("context", &self.context), ("kind", &self.kind)] {
            if !values.is_empty() {
                path += &format!("&{name}={}", encoded(&values.join(",")));
            }
        }
        path
    }
}

/// Shows events until the connection ends.
async fn show(
    client: &Client,
    path: &str,
    parser: &mut Parser,
    json: bool,
) -> Result<End, Failure> {
    let mut answer = client.stream(path, parser.last_id.as_deref()).await?;
    loop {
        // A host that is there says something from time to time.
        let Ok(chunk) = tokio::time::timeout(SILENCE, answer.chunk()).await else {
            return Ok(End::Cut);
        };
        match chunk {
            Ok(Some(bytes)) => {
                for message in parser.take(&bytes) {
                    print(&message, json)?;
                }
            }
            Ok(None) => return Ok(End::Complete),
            Err(_) => return Ok(End::Cut),
        }
    }
}

fn print(message: &Message, json: bool) -> Result<(), Failure> {
    if message.event == "problem" {
        return Err(Failure::Refused {
            status: 500,
            detail: message.data.clone(),
        });
    }
    if json {
        return Ok(output::json_line(&message.data)?);
    }
    let event: CloudEvent =
        serde_json::from_str(&message.data).map_err(|error| Failure::NotUnderstood {
            address: "the host".into(),
            reason: error.to_string(),
        })?;
    let data = match (&event.data, &event.data_base64) {
        (Some(data), _) => data.get().replace(['\n', '\r'], " "),
        (None, Some(bytes)) => format!("base64 {bytes}"),
        (None, None) => String::new(),
    };
    let time = event.time.to_string();
    let time = time.get(11..23).unwrap_or(&time);
    Ok(output::line(format_args!(
        "{time}  {:<12} {:<26} {:<6} {data}",
        shown(event.context(), CELL),
        shown(event.kind(), CELL),
        shown(&event.subject, CELL)
    ))?)
}
