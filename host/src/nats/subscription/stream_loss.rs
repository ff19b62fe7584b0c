//! What a followed stream has lost, kept in the journal until an operator has seen it: messages that it dropped before they were read, and that it was set
//! back, or is another one.

use serde::{Deserialize, Serialize};

use crate::core::wall_clock;
use crate::invocation::record;
use crate::journal::{self, CommitError, Ledger, ReadSet, Space, Unit, Write};

/// Where what a followed subject has lost is kept, with the subject behind it.
const PREFIX: &str = "nats-loss/";

/// What was lost since an operator acknowledged it last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamLoss {
    /// When the first of it was noticed, in milliseconds since the Unix epoch.
    pub since: u64,
    /// How many messages the stream dropped before they were read, at most.
    pub dropped: u64,
    /// How often it came back without messages that had been read.
    pub set_back: u64,
    /// How often it was replaced by another one.
    pub replaced: u64,
}

/// One thing that was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// So many messages were dropped.
    Dropped(u64),
    /// The stream was set back.
    SetBack,
    /// The stream is another one.
    Replaced,
}

impl StreamLoss {
    fn new(since: u64) -> Self {
        Self {
            since,
            dropped: 0,
            set_back: 0,
            replaced: 0,
        }
    }

    fn with(mut self, loss: Loss) -> Self {
        let (count, by) = match loss {
            Loss::Dropped(messages) => (&mut self.dropped, messages),
            Loss::SetBack => (&mut self.set_back, 1),
            Loss::Replaced => (&mut self.replaced, 1),
        };
        *count = count.saturating_add(by);
        self
    }

    /// What a followed subject has lost, as far as nobody has acknowledged it.
    pub(super) fn read(ledger: &Ledger, subject: &str) -> Result<Option<Self>, journal::Error> {
        record::find(ledger, Space::Meta, &key(subject))
    }

    /// The write that keeps what was lost before, and this; none when nothing was lost now.
    pub(super) fn write(
        ledger: &Ledger,
        subject: &str,
        losses: &[Loss],
    ) -> Result<Option<Write>, journal::Error> {
        if losses.is_empty() {
            return Ok(None);
        }
        let before = Self::read(ledger, subject)?.unwrap_or_else(|| Self::new(wall_clock()));
        let after = losses.iter().copied().fold(before, Self::with);
        record::write(Space::Meta, &key(subject), &after).map(Some)
    }

    /// Notes that it was looked at.
    pub(super) fn note(subject: &str, reads: &mut ReadSet) {
        reads.note_key(Space::Meta, key(subject).as_bytes());
    }

    /// An operator has seen it. False when nothing was lost.
    pub(super) async fn acknowledge(ledger: &Ledger, subject: &str) -> Result<bool, CommitError> {
        let began = ledger.applied();
        if Self::read(ledger, subject)?.is_none() {
            return Ok(false);
        }
        let writes = vec![record::removal(Space::Meta, &key(subject))];
        let mut unit = Unit::bookkeeping("a loss acknowledged by an operator", began, writes);
        Self::note(subject, &mut unit.reads);
        ledger.commit(unit).await?;
        Ok(true)
    }
}

fn key(subject: &str) -> String {
    format!("{PREFIX}{subject}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_adds_up() {
        let losses = [
            Loss::Dropped(3),
            Loss::SetBack,
            Loss::Dropped(4),
            Loss::Replaced,
        ];
        let loss = losses
            .into_iter()
            .fold(StreamLoss::new(7), StreamLoss::with);
        let StreamLoss {
            since,
            dropped,
            set_back,
            replaced,
        } = loss;
        assert_eq!((since, dropped, set_back, replaced), (7, 7, 1, 1));
    }
}
