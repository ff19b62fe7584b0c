//! A connection to whom a context may ask: at an address that its name may lead to.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use crate::guest::OutboundError;
use crate::manifest::{AllowedOrigin, OriginHost};
use crate::tls::{Transport, client_config, reach};

/// The longest that connecting may take.
pub(super) const LONGEST: Duration = Duration::from_secs(10);
/// How many names the host resolves at once. Each takes a thread until the resolver has answered, whether or not anybody still waits for it.
const MOST_LOOKUPS: usize = 32;

static LOOKUPS: Semaphore = Semaphore::const_new(MOST_LOOKUPS);

/// Connects to an origin, when that can be done until then.
pub(super) async fn connect(
    origin: &AllowedOrigin,
    until: Instant,
) -> Result<Transport, OutboundError> {
    let addresses = timeout_at(until, addresses(origin)).await;
    let addresses = addresses.map_err(|_| OutboundError::ResolveTimeout)??;
    let stream = reach_allowed(origin, addresses, until).await?;
    match origin.tls {
        false => Ok(Transport::Plain(stream)),
        true => secured(origin, stream).await,
    }
}

/// The addresses of an origin at which it may be asked. Each is looked at after it was resolved, and that very one is connected to: a name cannot lead elsewhere in between.
async fn addresses(origin: &AllowedOrigin) -> Result<Vec<SocketAddr>, OutboundError> {
    let found: Vec<IpAddr> = match &origin.host {
        OriginHost::Address(address) => vec![*address],
        OriginHost::Name(name) => resolve(name.clone(), origin.port).await?,
    };
    if found.is_empty() {
        let reason = "the name has no address".to_owned();
        return Err(OutboundError::Unresolved(reason));
    }
    let allowed = found
        .iter()
        .filter(|address| origin.may_be_at(**address))
        .map(|address| SocketAddr::new(*address, origin.port));
    let allowed: Vec<_> = allowed.collect();
    match allowed.is_empty() {
        false => Ok(allowed),
        true => Err(OutboundError::AddressDenied(format!(
            "{} leads to an address that is not public; say in `allow_outbound` which network that may be, for example `http://{} in 10.0.0.0/8`",
            origin.host, origin.host
        ))),
    }
}

/// What a name leads to.
async fn resolve(name: String, port: u16) -> Result<Vec<IpAddr>, OutboundError> {
    let unresolved = |reason: String| OutboundError::Unresolved(reason);
    let turn = LOOKUPS.acquire().await;
    let turn = turn.map_err(|error| unresolved(error.to_string()))?;
    let looking = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        (name.as_str(), port).to_socket_addrs()
    });
    let found = looking.await;
    let found = found.map_err(|error| unresolved(error.to_string()))?;
    let found = found.map_err(|error| unresolved(error.to_string()))?;
    Ok(found.map(|address| address.ip()).collect())
}

/// A connection to one of these addresses.
async fn reach_allowed(
    origin: &AllowedOrigin,
    addresses: Vec<SocketAddr>,
    until: Instant,
) -> Result<TcpStream, OutboundError> {
    match timeout_at(until, reach(addresses)).await {
        Ok(Ok(stream)) => not_this_machine(origin, stream),
        Ok(Err(error)) => Err(OutboundError::Unreachable(error.to_string())),
        Err(_) => Err(OutboundError::ConnectTimeout),
    }
}

/// Refuses a connection with the machine itself that the manifest does not name: its public address leads past what guards it from outside.
fn not_this_machine(origin: &AllowedOrigin, stream: TcpStream) -> Result<TcpStream, OutboundError> {
    let ends = stream
        .local_addr()
        .and_then(|local| Ok((local, stream.peer_addr()?)));
    let (local, peer) = ends.map_err(|error| OutboundError::Unreachable(error.to_string()))?;
    match local.ip() == peer.ip() && !origin.names(peer.ip()) {
        true => Err(OutboundError::AddressDenied(format!(
            "{} leads to the host's own machine; say in `allow_outbound` that it may, for example `http://{} in {}/{}`",
            origin.host,
            origin.host,
            peer.ip(),
            if peer.is_ipv4() { 32 } else { 128 }
        ))),
        false => Ok(stream),
    }
}

async fn secured(origin: &AllowedOrigin, stream: TcpStream) -> Result<Transport, OutboundError> {
    let tls = |reason: String| OutboundError::Tls(reason);
    let name = match &origin.host {
        OriginHost::Address(address) => ServerName::IpAddress((*address).into()),
        OriginHost::Name(name) => {
            let name = ServerName::try_from(name.clone());
            name.map_err(|error| tls(error.to_string()))?
        }
    };
    let connecting = TlsConnector::from(config().await?).connect(name, stream);
    let stream = connecting.await.map_err(|error| tls(error.to_string()))?;
    Ok(Transport::Tls(Box::new(stream.into())))
}

/// How TLS is spoken with others: with whoever has a certificate of an authority that the system trusts. Read once, when it is needed first.
async fn config() -> Result<Arc<ClientConfig>, OutboundError> {
    static CONFIG: OnceCell<Arc<ClientConfig>> = OnceCell::const_new();
    let tls = |reason: String| OutboundError::Tls(reason);
    let config = CONFIG.get_or_try_init(async || {
        let reading = tokio::task::spawn_blocking(|| client_config(None, &[&TLS13, &TLS12]));
        let read = reading.await.map_err(|error| tls(error.to_string()))?;
        let mut config = read
            .map_err(|error| tls(error.to_string()))?
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    });
    config.await.cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(origin: &str, name: &str) -> AllowedOrigin {
        let mut origin: AllowedOrigin = origin.parse().unwrap();
        // What a resolver takes for an address is resolved without a network.
        origin.host = OriginHost::Name(name.to_owned());
        origin
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_nobody_resolves_in_time_is_another_fault_than_a_connection() {
        // Whoever resolves answers nobody any more.
        let busy = LOOKUPS.acquire_many(u32::try_from(MOST_LOOKUPS).unwrap());
        let busy = busy.await.unwrap();
        let origin = named("http://api.example:80", "93.184.216.34");
        let connected = connect(&origin, Instant::now() + LONGEST).await;
        assert!(matches!(connected, Err(OutboundError::ResolveTimeout)));
        drop(busy);
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_private_address_is_refused_before_it_is_connected_to() {
        for private in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"] {
            let origin = named("http://api.example:80", private);
            let refused = addresses(&origin).await;
            assert!(
                matches!(refused, Err(OutboundError::AddressDenied(_))),
                "{private}: {refused:?}"
            );
            assert!(matches!(
                connect(&origin, Instant::now() + LONGEST).await,
                Err(OutboundError::AddressDenied(_))
            ));
        }
        let within = named("http://payments:80 in 10.0.0.0/8", "10.0.0.1");
        let found = addresses(&within).await.unwrap();
        assert_eq!(found, ["10.0.0.1:80".parse().unwrap()]);
        let public = named("https://api.example", "93.184.216.34");
        let found = addresses(&public).await.unwrap();
        assert_eq!(found, ["93.184.216.34:443".parse().unwrap()]);
    }

    #[tokio::test]
    async fn the_own_machine_is_spoken_to_only_where_the_manifest_says_so() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // As if the address were public: what it is was looked at before.
        for (origin, may) in [
            ("http://api.example", false),
            ("http://api.example in 10.0.0.0/8", false),
            ("http://api.example in 127.0.0.0/8", true),
            ("http://localhost", true),
            ("http://127.0.0.1", true),
        ] {
            let origin: AllowedOrigin = origin.parse().unwrap();
            let reached = reach_allowed(&origin, vec![address], Instant::now() + LONGEST).await;
            match may {
                true => assert!(reached.is_ok(), "{origin:?}: {reached:?}"),
                false => assert!(
                    matches!(reached, Err(OutboundError::AddressDenied(_))),
                    "{origin:?}: {reached:?}"
                ),
            }
        }
    }
}
