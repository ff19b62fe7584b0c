//! The connection to the servers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};

use tokio::sync::{Mutex, watch};

use super::error::NatsError;
use super::status::NatsStatus;
use super::tls;
use crate::core::Backoff;
use crate::manifest::NatsSettings;

/// How long a server may take to let the host in, and to answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client may take to say whether it still works; one that is looking for a server says nothing.
const ALIVE: Duration = Duration::from_millis(200);
/// Secrets that are not in files.
const PASSWORD: &str = "INNKEEPER_NATS_PASSWORD";
const TOKEN: &str = "INNKEEPER_NATS_TOKEN";

/// The pauses between attempts.
pub(super) fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(50), Duration::from_secs(2))
}

/// The connection that all that has to do with NATS shares.
pub(super) struct Connection {
    app: String,
    settings: NatsSettings,
    status: Arc<NatsStatus>,
    client: Mutex<Option<Client>>,
    /// How often the connection was lost.
    losses: watch::Sender<u64>,
}

impl Connection {
    pub(super) fn new(app: &str, settings: &NatsSettings, status: &Arc<NatsStatus>) -> Self {
        Self {
            app: app.to_owned(),
            settings: settings.clone(),
            status: status.clone(),
            client: Mutex::default(),
            losses: watch::Sender::default(),
        }
    }

    /// The client; connects if nobody has, or if the client has ended: a message that it cannot read may do that.
    pub(super) async fn client(&self) -> Result<Client, NatsError> {
        let known = self.client.lock().await.clone();
        if let Some(client) = &known
            && is_alive(client).await
        {
            return Ok(client.clone());
        }
        let mut client = self.client.lock().await;
        // Somebody else may have been quicker.
        if let Some(other) = &*client
            && (known.is_none() || is_alive(other).await)
        {
            return Ok(other.clone());
        }
        let connected =
            connect(&self.app, &self.settings, &self.status, self.losses.clone()).await?;
        Ok(client.insert(connected).clone())
    }

    /// How often the connection was lost: what was on the way then does not come by itself.
    pub(super) fn losses(&self) -> watch::Receiver<u64> {
        self.losses.subscribe()
    }
}

async fn is_alive(client: &Client) -> bool {
    let flushed = tokio::time::timeout(ALIVE, client.flush()).await;
    !matches!(flushed, Ok(Err(_)))
}

/// Connects. From then on the client comes back by itself whenever the connection is lost.
async fn connect(
    app: &str,
    settings: &NatsSettings,
    status: &Arc<NatsStatus>,
    losses: watch::Sender<u64>,
) -> Result<Client, NatsError> {
    let status = status.clone();
    let mut options = ConnectOptions::new()
        .name(format!("innkeeper {app}"))
        .max_reconnects(None)
        .connection_timeout(TIMEOUT)
        .request_timeout(Some(TIMEOUT))
        .ping_interval(TIMEOUT)
        .event_callback(move |event| {
            let (status, losses) = (status.clone(), losses.clone());
            async move {
                if event == Event::Disconnected {
                    losses.send_modify(|count| *count += 1);
                }
                note(&status, &event);
            }
        });
    options = identify(options, settings).await?;
    options = tls::equip(options, settings).await?;
    let servers = settings.url.split(',').map(|url| url.trim().parse());
    let servers = servers.collect::<Result<Vec<ServerAddr>, _>>();
    let servers = servers.map_err(|error| NatsError::Unreachable(error.to_string()))?;
    options
        .connect(servers)
        .await
        .map_err(|error| match error.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                NatsError::Refused
            }
            _ => tls::error(&error).unwrap_or_else(|| NatsError::Unreachable(error.to_string())),
        })
}

/// Files are read anew each time: secrets are exchanged while the host runs.
async fn identify(
    options: ConnectOptions,
    settings: &NatsSettings,
) -> Result<ConnectOptions, NatsError> {
    if let Some(file) = &settings.credentials_file {
        let options = options.credentials_file(file).await;
        return options.map_err(|error| unusable(file, &error));
    }
    if let Some(user) = &settings.user {
        let password = secret(settings.password_file.as_deref(), PASSWORD).await?;
        let password = password.ok_or(NatsError::NoPassword)?;
        return Ok(options.user_and_password(user.clone(), password));
    }
    Ok(match secret(settings.token_file.as_deref(), TOKEN).await? {
        Some(token) => options.token(token),
        None => options,
    })
}

async fn secret(file: Option<&Path>, variable: &str) -> Result<Option<String>, NatsError> {
    let Some(file) = file else {
        return Ok(std::env::var(variable).ok());
    };
    let text = tokio::fs::read_to_string(file).await;
    let text = text.map_err(|error| unusable(file, &error))?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn unusable(file: &Path, error: &std::io::Error) -> NatsError {
    NatsError::File {
        file: file.to_owned(),
        reason: error.to_string(),
    }
}

fn note(status: &NatsStatus, event: &Event) {
    match event {
        Event::Connected => {
            status.note_connection();
            tracing::info!("connected to NATS");
        }
        Event::Disconnected => {
            status.note_lost_connection();
            tracing::warn!("the connection to NATS was lost; events wait in the journals");
        }
        Event::ServerError(error) => {
            // The server names the subject that it does not allow; nothing else tells.
            let said = format!("the NATS server says: {error}");
            if status.note_error(Some(said.clone())) {
                tracing::warn!("{said}");
            }
        }
        other => tracing::debug!(event = %other, "NATS"),
    }
}
