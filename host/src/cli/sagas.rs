//! `innkeeper sagas`

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCandidates;

use super::candidates;
use super::client::encoded;
use super::failure::Failure;
use super::operator_flags::OperatorFlags;
use super::output;
use super::table::{Align, Table};
use crate::admin::view::{Saga, Sagas as View};
use crate::events::saga::SagaState;

/// List the sagas that the manifest names, newest first
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  innkeeper sagas
  innkeeper sagas booking --state timed-out
  innkeeper sagas --json")]
pub(super) struct Sagas {
    /// Only those of this name
    #[arg(add = ArgValueCandidates::new(candidates::sagas))]
    saga: Option<String>,
    /// Only those in this state
    #[arg(long)]
    state: Option<State>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
    /// Print one JSON object for each
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorFlags,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    Running,
    TimedOut,
    Completed,
    Compensated,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Running => SagaState::Running,
            Self::TimedOut => SagaState::TimedOut,
            Self::Completed => SagaState::Completed,
            Self::Compensated => SagaState::Compensated,
        }
        .name()
    }
}

impl Sagas {
    pub async fn run(self) -> Result<(), Failure> {
        let mut path = format!("/v1/sagas?limit={}", self.limit);
        if let Some(saga) = &self.saga {
            path += &format!("&saga={}", encoded(saga));
        }
        if let Some(state) = self.state {
            path += &format!("&state={}", state.name());
        }
        let View { sagas } = self.operator.client()?.get(&path).await?;
        if self.json {
            for saga in &sagas {
                output::json(saga)?;
            }
            return Ok(());
        }
        if sagas.is_empty() {
            output::note("no sagas");
            return Ok(());
        }
        let mut table = Table::new([
            ("SAGA", Align::Left),
            ("STATE", Align::Left),
            ("KEY", Align::Left),
            ("STARTED", Align::Left),
            ("ENDED", Align::Left),
            ("STORY", Align::Left),
        ]);
        for saga in sagas {
            let ended = ended(&saga);
            table.row([
                saga.saga,
                saga.state,
                saga.key,
                saga.started_at.to_string(),
                ended,
                saga.correlation_id,
            ]);
        }
        table.print()?;
        output::note("Next: innkeeper story <STORY>");
        Ok(())
    }
}

fn ended(saga: &Saga) -> String {
    saga.ended_at
        .map_or_else(|| "-".to_owned(), |time| time.to_string())
}
