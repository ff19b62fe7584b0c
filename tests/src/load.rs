//! Load: many who ask all at once, and what is known of each request.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::{Client, Reply};

/// What comes of a request that is not answered: the host is down.
pub(crate) type Outcome = Result<(), reqwest::Error>;

/// What is asked of an app by chance, and remembered with its answers.
pub trait Asks: Send + Sync + 'static {
    /// Asks something.
    fn ask(
        &self,
        client: &Client,
        dice: &mut StdRng,
    ) -> impl Future<Output = Result<(), reqwest::Error>> + Send;
}

/// So many who ask, each with dice of its own.
pub struct Load {
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
}

impl Load {
    /// Lets them in.
    pub fn start(client: &Client, record: &Arc<impl Asks>, at_once: u64, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for number in 0..at_once {
            let (client, record, stop) = (client.clone(), record.clone(), stop.clone());
            let mut dice = StdRng::seed_from_u64(seed.wrapping_mul(1_000).wrapping_add(number));
            tasks.spawn(async move {
                // Without an answer the host is down, and whoever asked is gone.
                while !stop.load(Ordering::Relaxed) && record.ask(&client, &mut dice).await.is_ok()
                {
                }
            });
        }
        Self { tasks, stop }
    }

    /// Lets each finish what it does, and waits until all are gone.
    pub async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.join_all().await;
    }
}

/// What is known of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Asked {
    /// Sent, and not answered.
    Unknown,
    /// Done, with the id of what was made.
    Done(u64),
    /// Refused.
    Refused(u16),
}

impl Asked {
    /// What an answer says, which has an id in this field.
    pub fn of(reply: &Reply, id: &str) -> Self {
        match reply.status {
            200..300 => Self::Done(reply.number(id)),
            status => Self::Refused(status),
        }
    }

    /// Whether what is there is what there should be of it: what was acknowledged exactly once, what was refused not at all, and what was not answered at most once.
    pub fn fits(self, there: &[&Value], id: &str) -> bool {
        match self {
            Self::Unknown => there.len() <= 1,
            Self::Done(number) => matches!(there, [one] if one[id] == number),
            Self::Refused(_) => there.is_empty(),
        }
    }
}
