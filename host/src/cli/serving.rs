//! From a manifest to a host that serves, until it is asked to stop.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::app_flags::ServeFlags;
use super::descriptors::{self, Shares};
use super::failure::Failure;
use super::output;
use super::shipped::{self, Resolved};
use super::signals::{self, Signals};
use crate::admin::{self, Access, AdminError, Audit, Token, TokenSources, Tokens};
use crate::app::{DataDirectory, Host, Options, Progress, StartError};
use crate::core::ContextName;
use crate::gateway::{AccessLog, Authenticator, Drained, Gateway, Security};
use crate::invocation::Safeguards;
use crate::manifest::{
    AccessLogSettings, AdminTlsSettings, GatewayAuthSettings, GatewaySettings, GatewayTlsSettings,
    Manifest, TlsVersion,
};
use crate::observe::log;
use crate::observe::metrics::Metrics;
use crate::observe::telemetry::{self, Telemetry};
use crate::rollout::Strictness;
use crate::tls::{Tls, TlsSettings};

/// How often it is told what a stop still waits for.
const PERIOD: Duration = Duration::from_secs(1);

/// The ports, and how many connections each may have. They are taken first: better to hear that one is not free before anything is built or begun.
pub(super) struct Listeners {
    gateway: Gateway,
    operators: admin::Bound,
    wanted: NonZeroU32,
    shares: Shares,
}

impl Listeners {
    pub fn open(manifest: &Manifest) -> Result<Self, Failure> {
        let wanted = manifest.gateway.max_connections;
        let shares = descriptors::share_out(wanted);
        let gateway = GatewaySettings {
            max_connections: shares.clients,
            ..manifest.gateway.clone()
        };
        Ok(Self {
            gateway: Gateway::bind(&gateway)?,
            operators: admin::Bound::listen(manifest.admin.listen)?,
            wanted,
            shares,
        })
    }

    /// Says when there are fewer connections than were asked for.
    fn warn_of_shares(&self) {
        let Shares { limit, clients, .. } = self.shares;
        if clients < self.wanted {
            tracing::warn!(
                "the gateway serves {clients} connections at once instead of {}: the process may have {limit} files open; raise its limit (`ulimit -n`), or lower gateway.max_connections",
                self.wanted
            );
        }
    }

    pub fn gateway(&self) -> SocketAddr {
        self.gateway.address()
    }

    pub fn operators(&self) -> SocketAddr {
        self.operators.address()
    }
}

/// Who watches the start.
pub(super) trait Watch: Send + Sync {
    /// The start has come to this.
    fn step(&self, step: Progress);
    /// A component in a registry is at hand.
    fn resolved(&self, resolved: Resolved<'_>);
    /// Requests are welcome.
    fn open(&self, host: &Arc<Host>);
    /// Resolves when the app is to be started anew; unless somebody sees to that, never.
    fn restart(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// Why an app is not served any more that was served well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was asked to stop.
    Asked,
    /// It is to be started anew.
    Restart,
}

/// Serves until a signal. `files` are the components that are here already; `watch` hears how the start goes, and when requests are welcome.
pub(super) async fn serve(
    manifest: Manifest,
    files: BTreeMap<ContextName, PathBuf>,
    flags: &ServeFlags,
    listeners: Listeners,
    mut signals: Signals,
    watch: &impl Watch,
) -> Result<Ended, Failure> {
    let mut telemetry = telemetry::start(&manifest.app.name)?;
    let _log = log::start(&manifest.log, flags.log.as_deref(), &telemetry)?;
    telemetry.warn_of_ignored();
    let safeguards = flags.safeguards();
    warn_of(safeguards);
    listeners.warn_of_shares();
    let metrics = Metrics::install()?;
    // Before anything is written there. It is had until everything has ended.
    let _data = take(&manifest).await?;
    let security = Security {
        tls: read_tls(manifest.gateway.tls.as_ref().map(gateway_tls)).await?,
        authenticator: read_keys(manifest.gateway.auth.clone()).await?,
    };
    let access_log = open_access_log(manifest.gateway.access_log.clone()).await?;
    // Until everything has ended.
    let _reopening = signals::reopen_on_hangup(access_log.as_ref())?;
    let access = access(&manifest).await?;
    announce(
        "operators",
        scheme(manifest.admin.tls.is_some()),
        listeners.operators(),
    );
    let places = listeners.shares.operators;
    let admin = listeners.operators.serve(access, places, metrics);
    let starting = async {
        let told = |resolved: Resolved<'_>| watch.resolved(resolved);
        let components = shipped::components(&manifest, files, told).await;
        let missing = components
            .iter()
            .filter(|(_, shipped)| shipped.is_missing());
        let missing: Vec<_> = missing.map(|(context, _)| context.clone()).collect();
        let options = Options {
            components,
            safeguards,
            compiler: this_program(),
            strictness: match flags.strict {
                true => Strictness::Strict,
                false => Strictness::Lenient,
            },
            ..Options::default()
        };
        let host = Host::start(manifest, options, |step| watch.step(step)).await?;
        Ok::<_, StartError>((host, missing))
    };
    let (host, missing) = tokio::select! {
        started = starting => started?,
        signal = signals.next() => {
            tracing::info!(signal, "asked to stop before the app was started");
            return Ok(Ended::Asked);
        }
    };
    shipped::keep_fetching(&host, missing);
    let exporting = export_metrics(&mut telemetry, metrics, &host);
    let drain = CancellationToken::new();
    let address = listeners.gateway.address();
    let public_scheme = scheme(security.tls.is_some());
    let gateway =
        listeners
            .gateway
            .serve(host.clone(), security, access_log.clone(), drain.clone());
    let mut gateway = tokio::spawn(gateway);
    admin.running(host.clone());
    announce("gateway", public_scheme, address);
    watch.open(&host);

    let mut ended = Ended::Asked;
    let gateway = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "draining; a second signal does not wait");
            Some(gateway)
        }
        () = watch.restart() => {
            tracing::info!("draining, to start anew; a signal does not wait");
            ended = Ended::Restart;
            Some(gateway)
        }
        // It ends by itself only when it is broken. What remains then is to stop well.
        _ = &mut gateway => {
            tracing::error!("the gateway ended unexpectedly; the host stops");
            None
        }
    };
    admin.draining();
    drain.cancel();
    let clean = tokio::select! {
        clean = stop(&host, gateway) => clean,
        _ = signals.next() => {
            close(access_log).await;
            return Err(Failure::CutShort);
        }
    };
    admin.stop().await;
    close(access_log).await;
    let is_exported = tokio::select! {
        () = export_rest(exporting, telemetry) => true,
        _ = signals.next() => false,
    };
    match clean && is_exported {
        true => Ok(ended),
        false => Err(Failure::CutShort),
    }
}

/// Has the last lines written, also where nothing else is waited for: it does not take long.
async fn close(access_log: Option<Arc<AccessLog>>) {
    if let Some(access_log) = access_log {
        let _ = tokio::task::spawn_blocking(move || access_log.close()).await;
    }
}

/// Exports what waits for it, as far as it can be done in some seconds.
async fn export_rest(exporting: Option<(CancellationToken, JoinHandle<()>)>, telemetry: Telemetry) {
    if let Some((stop, exporting)) = exporting {
        stop.cancel();
        let _ = exporting.await;
    }
    let _ = tokio::task::spawn_blocking(move || telemetry.shut_down()).await;
}

/// Begins to send metrics to a collector, if somebody asks for it; with what ends that.
fn export_metrics(
    telemetry: &mut Telemetry,
    metrics: Metrics,
    host: &Arc<Host>,
) -> Option<(CancellationToken, JoinHandle<()>)> {
    let exporter = telemetry.take_metrics()?;
    let (host, stop) = (host.clone(), CancellationToken::new());
    let take_levels = move || {
        let host = host.clone();
        async move { admin::take_levels(&host).await }
    };
    let exporting = tokio::spawn(exporter.run(metrics, take_levels, stop.clone()));
    Some((stop, exporting))
}

/// Stops the gateway, if it is still there, and then the host. Says whether everything ended well and in time.
async fn stop(host: &Host, gateway: Option<JoinHandle<Drained>>) -> bool {
    let stopping = async {
        let drained = match gateway {
            Some(gateway) => gateway.await.is_ok_and(|drained| drained.forced == 0),
            None => false,
        };
        host.stop().await && drained
    };
    tokio::pin!(stopping);
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.tick().await;
    loop {
        tokio::select! {
            clean = &mut stopping => return clean,
            _ = ticks.tick() => {
                let contexts = host.contexts();
                let running: u32 = contexts.values().map(|context| context.admission.running()).sum();
                tracing::info!(invocations = running, "still draining");
            }
        }
    }
}

/// Says where a port is, for people and for programs.
fn announce(port: &str, scheme: &str, address: SocketAddr) {
    // A host serves although nobody reads what it prints.
    let _ = output::line(format_args!("{port} {scheme}://{address}"));
}

/// What is spoken at a port.
pub(super) fn scheme(over_tls: bool) -> &'static str {
    match over_tls {
        true => "https",
        false => "http",
    }
}

/// What the files hold that TLS is spoken with at a port.
async fn read_tls(settings: Option<TlsSettings>) -> Result<Option<Tls>, Failure> {
    let Some(settings) = settings else {
        return Ok(None);
    };
    let reading = tokio::task::spawn_blocking(move || Tls::read(settings));
    Ok(Some(reading.await.map_err(|_| Failure::Interrupted)??))
}

/// What tells good tokens from others.
async fn read_keys(
    settings: Option<GatewayAuthSettings>,
) -> Result<Option<Authenticator>, Failure> {
    let Some(settings) = settings else {
        return Ok(None);
    };
    let reading = tokio::task::spawn_blocking(move || Authenticator::read(settings));
    Ok(Some(reading.await.map_err(|_| Failure::Interrupted)??))
}

/// Where a line goes for each request.
async fn open_access_log(settings: AccessLogSettings) -> Result<Option<Arc<AccessLog>>, Failure> {
    let opening = tokio::task::spawn_blocking(move || AccessLog::open(&settings));
    let opened = opening.await.map_err(|_| Failure::Interrupted)??;
    Ok(opened.map(Arc::new))
}

fn gateway_tls(settings: &GatewayTlsSettings) -> TlsSettings {
    TlsSettings {
        port: "the gateway",
        certificate_file: settings.certificate_file.clone(),
        key_file: settings.key_file.clone(),
        client_ca_file: None,
        allow_tls12: settings.minimum_version == TlsVersion::Tls12,
    }
}

fn operators_tls(settings: &AdminTlsSettings) -> TlsSettings {
    TlsSettings {
        port: "the operators' port",
        certificate_file: settings.certificate_file.clone(),
        key_file: settings.key_file.clone(),
        client_ca_file: settings.client_ca_file.clone(),
        allow_tls12: false,
    }
}

/// Has the data directory for this process alone.
pub(super) async fn take(manifest: &Manifest) -> Result<DataDirectory, Failure> {
    let directory = manifest.journal.directory.clone();
    let taking = tokio::task::spawn_blocking(move || DataDirectory::take(&directory));
    Ok(taking.await.map_err(|_| Failure::Interrupted)??)
}

/// Who is known to the operators' port, and where it is written down what they do.
async fn access(manifest: &Manifest) -> Result<Access, Failure> {
    let (file, settings) = (manifest.file.clone(), manifest.admin.clone());
    let directory = manifest.journal.directory.clone();
    let tls = read_tls(settings.tls.as_ref().map(operators_tls)).await?;
    let reading = tokio::task::spawn_blocking(move || {
        // First those that may be missing: a token that was made is shown only once.
        let tokens = Tokens::read(&settings.tokens)?;
        let audit = Audit::open(&directory)?;
        let (operator, directory) = match (&settings.token, settings.token_sha256) {
            // A flag goes before what the manifest says.
            (Some(token), _) => (Token::new(token), None),
            (None, Some(hash)) => (Token::of_hash(hash), None),
            (None, None) => (kept(&directory)?, Some(directory)),
        };
        let sources = TokenSources {
            manifest: file,
            named: settings.tokens,
            operator: operator.clone(),
            directory,
        };
        Ok::<_, AdminError>(Access {
            tokens: tokens.with_operator(operator)?,
            sources,
            audit,
            upload_limit: settings.upload_limit,
            tls,
        })
    });
    Ok(reading.await.map_err(|_| Failure::Interrupted)??)
}

/// The main token that the data directory keeps. Blocks.
fn kept(directory: &Path) -> Result<Token, AdminError> {
    let kept = Token::keep(directory)?;
    if let Some(text) = kept.made {
        output::note(format_args!(
            "made a token for operators, shown this once and kept in {}: {text}",
            kept.file.display()
        ));
    }
    Ok(kept.token)
}

/// The program that runs, which also compiles what is uploaded: as it was started, also when its file has been replaced since.
pub(super) fn this_program() -> Option<PathBuf> {
    match cfg!(target_os = "linux") {
        true => Some("/proc/self/exe".into()),
        false => std::env::current_exe().ok(),
    }
}

fn warn_of(safeguards: Safeguards) {
    if !safeguards.intents {
        tracing::warn!(
            "UNSAFE: intents are switched off; a crash can leave payments without reservations"
        );
    }
    if !safeguards.compensation {
        tracing::warn!(
            "UNSAFE: compensation is switched off; what failed invocations called is not undone"
        );
    }
}
