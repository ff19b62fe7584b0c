//! The flags of commands that talk to a running host.

use std::path::PathBuf;

use clap::Args;

use super::address::{Address, Scheme};
use super::app_flags::{AppFlags, token};
use super::client::Client;
use super::credential::Credential;
use super::failure::Failure;
use super::trust::Trust;
use crate::admin::Token;
use crate::manifest::Manifest;

/// Which host, and who asks.
#[derive(Args, Clone, Debug)]
pub(super) struct OperatorFlags {
    /// The host's operators' port [default: that of the manifest here, else 127.0.0.1:8081]
    #[arg(long, value_name = "ADDRESS", env = "INNKEEPER_ADMIN", value_parser = Address::parse)]
    admin: Option<Address>,
    /// The operators' token [default: the manifest's, or the one in the data directory]
    #[arg(
        long,
        value_name = "TOKEN",
        env = "INNKEEPER_ADMIN_TOKEN",
        hide_env_values = true,
        value_parser = token
    )]
    admin_token: Option<String>,
    /// Certificates (PEM) of the authorities that the host's certificate may come from, when it speaks TLS [default: the system's]
    #[arg(long, value_name = "FILE", env = "INNKEEPER_ADMIN_CA_CERTIFICATE")]
    ca_certificate: Option<PathBuf>,
    /// A certificate (PEM) for a host that asks who its clients are
    #[arg(
        long,
        value_name = "FILE",
        env = "INNKEEPER_ADMIN_CLIENT_CERTIFICATE",
        requires = "client_key"
    )]
    client_certificate: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(
        long,
        value_name = "FILE",
        env = "INNKEEPER_ADMIN_CLIENT_KEY",
        requires = "client_certificate"
    )]
    client_key: Option<PathBuf>,
    #[command(flatten)]
    app: AppFlags,
}

impl OperatorFlags {
    /// The app's manifest, if there is one here or one is named.
    pub fn manifest(&self) -> Result<Option<Manifest>, Failure> {
        self.app.find()
    }

    /// A client of that host.
    pub fn client(self) -> Result<Client, Failure> {
        let manifest = self.app.find()?;
        let trust = Trust {
            authorities: self.ca_certificate,
            own: self.client_certificate.zip(self.client_key),
        };
        let address = match self.admin {
            Some(address) => address,
            None => Address::of(&manifest.as_ref().unwrap_or(&Manifest::default()).admin)?,
        };
        let scheme = match address.scheme() {
            Some(scheme) => scheme,
            // Who says whom to trust means TLS.
            None if trust.is_said() => Scheme::Https,
            None => Scheme::Http,
        };
        let found = || {
            let file = Token::file(&manifest.as_ref()?.journal.directory);
            // Without a token, the host says what it is needed for.
            let token = || Token::read(&file).ok();
            let token = address.is_here().then(token).flatten()?;
            Some(Credential::found(token, file))
        };
        let chosen = || manifest.as_ref()?.admin.token.clone();
        let named = self.admin_token.or_else(chosen);
        let credential = named.map(Credential::named).or_else(found);
        let tls = match scheme {
            Scheme::Http => None,
            Scheme::Https => Some(trust.config()?),
        };
        Client::new(address.with_scheme(scheme), credential, tls)
    }
}
