//! Where the host of a visit listens: at the ports that pages name, on an address that nobody else has.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU8, Ordering};

/// The ports that pages name: the gateway's and the operators'.
const PORTS: [u16; 2] = [8080, 8081];
/// How pages write the address.
const WRITTEN: [&str; 2] = ["localhost", "127.0.0.1"];

/// An address of the machine's loopback network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address(IpAddr);

impl Address {
    /// The usual one, when nobody has its ports.
    pub(super) fn usual() -> Option<Self> {
        Self(Ipv4Addr::LOCALHOST.into()).if_free()
    }

    /// One that is free. All of `127.0.0.0/8` is this machine, so visits that go on at once each have the usual ports.
    pub(super) fn own() -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        let process = std::process::id().to_be_bytes();
        let addresses = std::iter::repeat_with(|| {
            let second = 64 + NEXT.fetch_add(1, Ordering::Relaxed) % 128;
            Self(Ipv4Addr::new(127, second, process[2], process[3]).into())
        });
        let mut free = addresses.take(128).filter_map(Self::if_free);
        free.next().expect("an address of this machine is free")
    }

    fn if_free(self) -> Option<Self> {
        let is_free = |port| TcpListener::bind(SocketAddr::new(self.0, port)).is_ok();
        PORTS.into_iter().all(is_free).then_some(self)
    }

    /// What `innkeeper` is told by variables of the environment.
    pub(super) fn variables(self) -> [(&'static str, String); 2] {
        let [gateway, operators] = PORTS.map(|port| SocketAddr::new(self.0, port).to_string());
        [
            ("INNKEEPER_LISTEN", gateway),
            ("INNKEEPER_ADMIN", operators),
        ]
    }

    /// What a page says, with this address.
    pub(super) fn put_into(self, text: &str) -> String {
        let mut text = text.to_owned();
        for (written, port) in WRITTEN
            .iter()
            .flat_map(|name| PORTS.map(|port| (name, port)))
        {
            let own = SocketAddr::new(self.0, port).to_string();
            text = text.replace(&format!("{written}:{port}"), &own);
        }
        text
    }

    /// What was seen, with the address that pages have.
    pub(super) fn taken_out_of(self, text: &str) -> String {
        text.replace(&self.0.to_string(), WRITTEN[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visits_that_go_on_at_once_have_addresses_of_their_own() {
        let (one, other) = (Address::own(), Address::own());
        assert_ne!(one.0, other.0);
        let put = one.put_into("curl localhost:8080/rooms http://127.0.0.1:8081/livez");
        assert!(
            !put.contains("localhost") && !put.contains("127.0.0.1"),
            "{put}"
        );
        assert_eq!(
            one.taken_out_of(&put),
            "curl 127.0.0.1:8080/rooms http://127.0.0.1:8081/livez"
        );
    }
}
