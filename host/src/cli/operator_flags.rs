//! The flags of commands that talk to a running host.

use std::net::SocketAddr;

use clap::Args;

use super::app_flags::{AppFlags, token};
use super::client::Client;
use super::failure::Failure;
use crate::admin::Token;
use crate::manifest::AdminSettings;

/// Which host, and who asks.
#[derive(Args, Debug)]
pub(super) struct OperatorFlags {
    /// The host's operators' port [default: that of the manifest here, else 127.0.0.1:8081]
    #[arg(long, value_name = "ADDRESS", env = "INNKEEPER_ADMIN", value_parser = address)]
    admin: Option<String>,
    /// The operators' token [default: the manifest's, or the one in the data directory]
    #[arg(
        long,
        value_name = "TOKEN",
        env = "INNKEEPER_ADMIN_TOKEN",
        hide_env_values = true,
        value_parser = token
    )]
    admin_token: Option<String>,
    #[command(flatten)]
    app: AppFlags,
}

impl OperatorFlags {
    /// A client of that host.
    pub fn client(self) -> Result<Client, Failure> {
        let manifest = self.app.find()?;
        let address = match (self.admin, &manifest) {
            (Some(address), _) => address,
            (None, Some(manifest)) => reachable(manifest.admin.listen)?,
            (None, None) => reachable(AdminSettings::default().listen)?,
        };
        let kept = || {
            let data = &manifest.as_ref()?.journal.directory;
            // Without a token, the host says what it is needed for.
            let token = || Token::read(&Token::file(data)).ok();
            is_here(&address).then(token).flatten()
        };
        let chosen = || manifest.as_ref()?.admin.token.clone();
        let token = self.admin_token.or_else(chosen).or_else(kept);
        Client::new(address, token)
    }
}

/// Where a host that listens there can be reached from here.
fn reachable(listen: SocketAddr) -> Result<String, Failure> {
    let mut address = listen;
    if address.port() == 0 {
        return Err(Failure::Usage(
            "the manifest lets the host choose its operators' port; name the one that it printed with --admin".into(),
        ));
    }
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok(address.to_string())
}

/// Whether it is this machine, so that the token in the data directory stays on it.
fn is_here(address: &str) -> bool {
    match address.parse::<SocketAddr>() {
        Ok(address) => address.ip().is_loopback(),
        Err(_) => address.split(':').next() == Some("localhost"),
    }
}

/// An address such as `127.0.0.1:8081`, `stay.example:8081` or `http://127.0.0.1:8081`.
fn address(text: &str) -> Result<String, String> {
    let wrong = || "write a host and a port, for example 127.0.0.1:8081".to_owned();
    let address = text
        .strip_prefix("http://")
        .unwrap_or(text)
        .trim_end_matches('/');
    if let Ok(address) = address.parse() {
        return reachable(address).map_err(|error| error.to_string());
    }
    let (host, port) = address.split_once(':').ok_or_else(wrong)?;
    let is_host = !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    match port.parse::<u16>() {
        Ok(port) if is_host && port != 0 => Ok(address.to_owned()),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_people_write_them() {
        for (text, taken) in [
            ("127.0.0.1:8081", "127.0.0.1:8081"),
            ("http://127.0.0.1:8081/", "127.0.0.1:8081"),
            ("0.0.0.0:8081", "127.0.0.1:8081"),
            ("[::]:8081", "[::1]:8081"),
            ("stay.example:8081", "stay.example:8081"),
        ] {
            assert_eq!(address(text).as_deref(), Ok(taken));
        }
        for text in [
            "",
            "8081",
            "localhost",
            "https://x:1",
            "a b:1",
            "x:0",
            "127.0.0.1:0",
            "x:99999",
        ] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_this_machine_is_here() {
        assert!(is_here("127.0.0.1:8081") && is_here("[::1]:1") && is_here("localhost:8081"));
        assert!(!is_here("10.0.0.1:8081") && !is_here("localhost.example:8081"));
    }
}
