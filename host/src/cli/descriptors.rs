//! File descriptors: how many the process may have, and who gets them.

use std::num::NonZeroU32;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::admin::CONNECTIONS;

/// What is kept for the journal, components, NATS and the process itself.
const OWN: u64 = 256;
/// The operators' port gets at most this part of what there is, and so does the host itself.
const PART: u64 = 4;

/// How the descriptors are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shares {
    /// How many the process may have.
    pub limit: u64,
    /// Connections of clients.
    pub clients: NonZeroU32,
    /// Connections of operators.
    pub operators: usize,
}

/// Lets the process have as many descriptors as it may, and shares them out. `clients` is how many connections of clients are wanted.
pub(super) fn share_out(clients: NonZeroU32) -> Shares {
    shares(raised_limit(), clients)
}

/// The limit, after it was raised as far as the process may raise it.
fn raised_limit() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    // Where it cannot be raised, what there is is shared out.
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    limit.unwrap_or(u64::MAX)
}

fn shares(limit: u64, wanted: NonZeroU32) -> Shares {
    let operators = (CONNECTIONS as u64).min(limit / PART);
    let rest = limit.saturating_sub(operators + OWN.min(limit / PART));
    let clients = rest.min(u64::from(wanted.get()));
    Shares {
        limit,
        clients: u32::try_from(clients)
            .ok()
            .and_then(NonZeroU32::new)
            .unwrap_or(NonZeroU32::MIN),
        operators: usize::try_from(operators).unwrap_or(CONNECTIONS).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_what_is_left() {
        let wanted = NonZeroU32::new(16_384).unwrap();
        for (limit, clients, operators) in [
            (u64::MAX, 16_384, 256),
            (1 << 20, 16_384, 256),
            (4096, 3584, 256),
            (1024, 512, 256),
            (256, 128, 64),
            (3, 3, 1),
        ] {
            let found = shares(limit, wanted);
            assert_eq!(
                (found.clients.get(), found.operators),
                (clients, operators),
                "{limit}"
            );
        }
        assert_eq!(shares(4096, NonZeroU32::MIN).clients, NonZeroU32::MIN);
    }
}
