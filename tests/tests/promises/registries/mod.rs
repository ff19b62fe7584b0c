//! Components that come from a registry, each with the signature beside it. What is wrong there is one line, and what served before serves on.

mod access;
mod faults;
mod manifest;
mod referrers;
mod server;
mod signatures;

use innkeeper_tests::{Said, TestHost, command_with};
use tempfile::TempDir;

/// Somebody who works with a registry on the command line, with a directory of their own.
struct Author {
    home: TempDir,
    flags: Vec<String>,
}

impl Author {
    /// One who speaks plain HTTP with it, and is nobody in particular.
    fn new() -> Self {
        Self {
            home: TempDir::new().expect("a temporary directory can be made"),
            flags: vec!["--plain-http".to_owned()],
        }
    }

    /// One who speaks with it as a manifest says.
    fn with_manifest(text: &str) -> Self {
        let mut author = Self::new();
        author.write("innkeeper.toml", text.as_bytes());
        author.flags = vec!["--app".to_owned(), author.path("innkeeper.toml")];
        author
    }

    fn path(&self, name: &str) -> String {
        let path = self.home.path().join(name);
        path.to_str().expect("paths are UTF-8").to_owned()
    }

    /// Writes a file, unless it is there already: when it was written is a part of what is pushed.
    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        if !std::fs::read(&path).is_ok_and(|known| known == bytes) {
            std::fs::write(&path, bytes).expect("a file can be written");
        }
        path
    }

    /// Runs a command.
    async fn command(&self, arguments: &[&str]) -> Said {
        let flags = self.flags.iter().map(String::as_str);
        let all: Vec<&str> = arguments.iter().copied().chain(flags).collect();
        // Where nobody has logged in, unless a test has.
        let docker = self.path("docker");
        let programs = format!(
            "{}:{}",
            self.path("bin"),
            std::env::var("PATH").expect("programs")
        );
        command_with(&all, &[("DOCKER_CONFIG", &docker), ("PATH", &programs)]).await
    }

    /// Pushes a component, and gives the reference with its digest.
    async fn push(&self, bytes: &[u8], reference: &str) -> String {
        self.push_signed(bytes, reference, None).await
    }

    /// The same, with a signature for a context.
    async fn push_signed(
        &self,
        bytes: &[u8],
        reference: &str,
        signature: Option<(&str, &str)>,
    ) -> String {
        let file = self.write("pushed.wasm", bytes);
        let mut arguments = vec!["push", &file, reference];
        let signature =
            signature.map(|(context, text)| (context, self.write("given.sig", text.as_bytes())));
        if let Some((context, file)) = &signature {
            arguments.extend([
                "--signature",
                file,
                "--context",
                context,
                "--app-name",
                "stay",
            ]);
        }
        let said = self.command(&arguments).await;
        assert!(said.is_well, "{said:?}");
        said.out.trim().to_owned()
    }

    /// The signature that comes beside a component which is fetched to a file, for the context `room` of the app `stay`.
    async fn pulled_signature(&self, reference: &str) -> String {
        let file = self.path("pulled.wasm");
        let whose = ["--context", "room", "--app-name", "stay"];
        let arguments = [&["pull", reference, &file][..], &whose].concat();
        let said = self.command(&arguments).await;
        assert!(said.is_well, "{said:?}");
        let beside = std::fs::read_to_string(format!("{file}.sig"));
        beside.expect("it was written").trim().to_owned()
    }

    /// Deploys what a reference names.
    async fn deploy(&self, host: &TestHost, context: &str, reference: &str) -> Said {
        let base = host.operators().client().base().to_owned();
        let token = host.operators().token().to_owned();
        let operators = ["--admin", &base, "--admin-token", &token];
        let arguments = ["deploy", context, reference];
        self.command(&[&arguments[..], &operators[..]].concat())
            .await
    }
}

/// It failed with one line that has all of these in it.
#[track_caller]
fn one_line(said: &Said, parts: &[&str]) {
    assert_eq!((said.is_well, said.code), (false, Some(1)), "{said:?}");
    let errors: Vec<_> = said
        .err
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    let [error] = errors[..] else {
        panic!("not one line: {said:?}")
    };
    assert!(said.err.trim_end().ends_with(error), "{said:?}");
    for part in parts {
        assert!(error.contains(part), "{part}: {error}");
    }
}
