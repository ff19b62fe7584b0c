//! Who asks: what `docker login` has left in Docker's configuration.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::error::RegistryError;

/// Where Docker's own registry keeps its passwords.
const DOCKER: &str = "docker.io";
const DOCKER_KEY: &str = "https://index.docker.io/v1/";
/// The user that stands for a token in the place of a password.
const TOKEN_USER: &str = "<token>";
/// How long a program may take that keeps passwords.
const HELPER: Duration = Duration::from_secs(30);
/// What such a program says when it has none.
const NOT_FOUND: &str = "credentials not found";

/// Who asks. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    /// Nobody in particular.
    Anonymous,
    /// A user with a password.
    Password { user: String, password: String },
    /// Whoever has this token, which others are given for.
    IdentityToken(String),
}

/// Docker's configuration, which says who somebody is at which registry.
pub(super) struct DockerConfig {
    file: Option<PathBuf>,
}

/// What is in it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: BTreeMap<String, Auth>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

/// What a program says that keeps passwords.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Kept {
    username: String,
    secret: String,
}

impl DockerConfig {
    /// That of whoever runs this: in the directory of `DOCKER_CONFIG`, or else in `.docker` at home.
    pub fn of_the_user() -> Self {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let named = set("DOCKER_CONFIG").map(PathBuf::from);
        let at_home = || set("HOME").map(|home| PathBuf::from(home).join(".docker"));
        let directory = named.or_else(at_home);
        Self {
            file: directory.map(|directory| directory.join("config.json")),
        }
    }

    /// Who asks a registry. Without a configuration it is nobody in particular.
    pub async fn credentials(&self, registry: &str) -> Result<Credentials, RegistryError> {
        let Some(file) = &self.file else {
            return Ok(Credentials::Anonymous);
        };
        let unusable = |reason: String| RegistryError::DockerConfig {
            file: file.clone(),
            reason,
        };
        let text = match tokio::fs::read(file).await {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Credentials::Anonymous);
            }
            Err(error) => return Err(unusable(error.to_string())),
        };
        // What serde says may hold a part of the text.
        let config: Config = serde_json::from_slice(&text)
            .map_err(|error| unusable(format!("it is malformed at line {}", error.line())))?;
        let key = if registry == DOCKER {
            DOCKER_KEY
        } else {
            registry
        };
        let own_helper = config.cred_helpers.get(registry);
        if let Some(helper) = own_helper.or(config.creds_store.as_ref()) {
            let kept = ask_helper(helper, key, registry).await?;
            if kept != Credentials::Anonymous {
                return Ok(kept);
            }
        }
        let auth = config
            .auths
            .iter()
            .find(|(name, _)| host(name) == host(key));
        match auth {
            Some((_, auth)) => auth.credentials().ok_or_else(|| {
                unusable(format!(
                    "what it says of {registry} is neither a password nor a token"
                ))
            }),
            None => Ok(Credentials::Anonymous),
        }
    }
}

impl Auth {
    /// Who that is; none where it makes no sense.
    fn credentials(&self) -> Option<Credentials> {
        if let Some(token) = self
            .identitytoken
            .as_ref()
            .filter(|token| !token.is_empty())
        {
            return Some(Credentials::IdentityToken(token.clone()));
        }
        if let Some(auth) = self.auth.as_ref().filter(|auth| !auth.is_empty()) {
            let pair = String::from_utf8(BASE64_STANDARD.decode(auth).ok()?).ok()?;
            let (user, password) = pair.split_once(':')?;
            return Some(named(user, password.trim_end_matches('\0')));
        }
        match (&self.username, &self.password) {
            (Some(user), Some(password)) => Some(named(user, password)),
            // Where a program keeps the password, there is an entry that says nothing.
            _ => Some(Credentials::Anonymous),
        }
    }
}

fn named(user: &str, password: &str) -> Credentials {
    match user {
        TOKEN_USER => Credentials::IdentityToken(password.to_owned()),
        user => Credentials::Password {
            user: user.to_owned(),
            password: password.to_owned(),
        },
    }
}

/// The host of a key, which may be a URL.
fn host(key: &str) -> &str {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// Asks a program that keeps passwords.
async fn ask_helper(helper: &str, key: &str, registry: &str) -> Result<Credentials, RegistryError> {
    let program = format!("docker-credential-{helper}");
    let failed = |reason: String| RegistryError::CredentialHelper {
        program: program.clone(),
        host: registry.to_owned(),
        reason,
    };
    if helper.contains('/') {
        return Err(failed("a name of a program has no `/`".to_owned()));
    }
    let asking = async {
        let mut child = Command::new(&program)
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that ends without reading it says why.
            let _ = stdin.write_all(key.as_bytes()).await;
        }
        child.wait_with_output().await
    };
    let asked = timeout(HELPER, asking).await;
    let asked = asked.map_err(|_| failed("it took too long".to_owned()))?;
    let output = asked.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        // Such programs say why on standard output.
        let said = String::from_utf8_lossy(&output.stdout);
        return match said.contains(NOT_FOUND) {
            true => Ok(Credentials::Anonymous),
            false => Err(failed(said.trim().to_owned())),
        };
    }
    let kept: Kept = serde_json::from_slice(&output.stdout)
        .map_err(|_| failed("its answer is malformed".to_owned()))?;
    Ok(named(&kept.username, &kept.secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn found(config: &str, registry: &str) -> Result<Credentials, String> {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("config.json");
        std::fs::write(&file, config).unwrap();
        let docker = DockerConfig { file: Some(file) };
        let found = docker.credentials(registry).await;
        found.map_err(|error| error.to_string())
    }

    fn password(user: &str, password: &str) -> Credentials {
        named(user, password)
    }

    #[tokio::test]
    async fn who_logged_in_is_found_by_the_host_however_it_is_written() {
        let pair = BASE64_STANDARD.encode("guest:a:b");
        for key in [
            "a.example:5000",
            "https://a.example:5000",
            "https://a.example:5000/v2/",
        ] {
            let config = format!(r#"{{"auths": {{"{key}": {{"auth": "{pair}"}}}}}}"#);
            assert!(found(&config, "a.example:5000").await == Ok(password("guest", "a:b")));
            assert!(found(&config, "a.example").await == Ok(Credentials::Anonymous));
        }
        let config = format!(r#"{{"auths": {{"{DOCKER_KEY}": {{"auth": "{pair}"}}}}}}"#);
        assert!(found(&config, DOCKER).await == Ok(password("guest", "a:b")));
        let token = r#"{"auths": {"a.example": {"auth": "", "identitytoken": "t"}}}"#;
        assert!(found(token, "a.example").await == Ok(Credentials::IdentityToken("t".into())));
    }

    #[tokio::test]
    async fn nothing_said_is_nobody_and_nonsense_is_refused_without_being_repeated() {
        assert!(found("{}", "a.example").await == Ok(Credentials::Anonymous));
        let entry = r#"{"auths": {"a.example": {}}}"#;
        assert!(found(entry, "a.example").await == Ok(Credentials::Anonymous));
        for config in [
            "secret",
            r#"{"auths": "secret"}"#,
            r#"{"auths": {"a.example": {"auth": "secret"}}}"#,
        ] {
            let refused = found(config, "a.example").await.err().unwrap();
            assert!(
                !refused.contains("secret") && refused.contains("config.json"),
                "{refused}"
            );
        }
        let absent = DockerConfig { file: None };
        assert!(absent.credentials("a.example").await.ok() == Some(Credentials::Anonymous));
    }

    #[tokio::test]
    async fn a_program_that_keeps_passwords_is_run_by_its_name_only() {
        let missing = r#"{"credsStore": "there-is-no-such-program"}"#;
        let refused = found(missing, "a.example").await.err().unwrap();
        assert!(
            refused.contains("docker-credential-there-is-no-such-program"),
            "{refused}"
        );
        let elsewhere = r#"{"credHelpers": {"a.example": "../x"}}"#;
        assert!(found(elsewhere, "a.example").await.is_err());
        assert!(found(elsewhere, "b.example").await == Ok(Credentials::Anonymous));
    }
}
