//! A connection to whom a context may ask: at an address that its name may lead to.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use crate::guest::OutboundError;
use crate::manifest::{AllowedOrigin, OriginHost};
use crate::tls::{Transport, client_config};

/// The longest that connecting may take.
pub(super) const LONGEST: Duration = Duration::from_secs(10);
/// How many addresses of a name are tried.
const MOST_ADDRESSES: usize = 4;

/// Connects to an origin.
pub(super) async fn connect(origin: &AllowedOrigin) -> Result<Transport, OutboundError> {
    let stream = reach(&addresses(origin).await?).await?;
    // A request is written as a whole.
    let _ = stream.set_nodelay(true);
    match origin.tls {
        false => Ok(Transport::Plain(stream)),
        true => secured(origin, stream).await,
    }
}

/// The addresses of an origin at which it may be asked. Each is looked at after it was resolved, and that very one is connected to: a name cannot lead elsewhere in between.
async fn addresses(origin: &AllowedOrigin) -> Result<Vec<SocketAddr>, OutboundError> {
    let found: Vec<IpAddr> = match &origin.host {
        OriginHost::Address(address) => vec![*address],
        OriginHost::Name(name) => {
            let found = lookup_host((name.as_str(), origin.port)).await;
            let found = found.map_err(|error| OutboundError::Unresolved(error.to_string()))?;
            found.map(|address| address.ip()).collect()
        }
    };
    if found.is_empty() {
        let reason = "the name has no address".to_owned();
        return Err(OutboundError::Unresolved(reason));
    }
    let allowed = found
        .iter()
        .filter(|address| origin.may_be_at(**address))
        .map(|address| SocketAddr::new(*address, origin.port));
    let allowed: Vec<_> = allowed.take(MOST_ADDRESSES).collect();
    match allowed.is_empty() {
        false => Ok(allowed),
        true => Err(OutboundError::AddressDenied(format!(
            "{} leads to an address that is not public; say in `allow_outbound` which network that may be, for example `http://{} in 10.0.0.0/8`",
            origin.host, origin.host
        ))),
    }
}

/// A connection to the first address that takes one.
async fn reach(addresses: &[SocketAddr]) -> Result<TcpStream, OutboundError> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(OutboundError::Unreachable(last.to_string()))
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
                connect(&origin).await,
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
}
