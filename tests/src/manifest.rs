//! A manifest for one test: the app's own, with what the test wants otherwise.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::artifacts;

/// How long an invocation may take where a test does not say it. What takes a second where it is alone takes many on a machine that does much else; the
/// default of the host is for guests that were not compiled for development.
const DEADLINE: &str = "20s";

/// What `innkeeper.toml` says in a test.
#[derive(Clone, PartialEq)]
pub struct Settings(Table);

impl Settings {
    /// The app's manifest, with its components built already.
    pub async fn of_the_app() -> Self {
        Self::of("innkeeper.toml").await
    }

    /// The manifest of `shop`, with its components in Rust.
    pub async fn of_the_shop() -> Self {
        Self::of("shop.toml").await
    }

    async fn of(manifest: &str) -> Self {
        let text = std::fs::read_to_string(artifacts::repository().join(manifest))
            .expect("the app has a manifest");
        let mut settings = Self(text.parse().expect("the app's manifest is TOML"));
        for name in settings.contexts() {
            let path = artifacts::components().await[&name].clone();
            settings = settings.component(&name, &path);
        }
        settings
    }

    /// No contexts at all.
    pub fn empty() -> Self {
        Self(Table::new())
    }

    /// Sets one value: `context.room.limits.deadline`.
    pub fn set(mut self, path: &str, value: impl Into<Value>) -> Self {
        let mut table = &mut self.0;
        let mut keys: Vec<&str> = path.split('.').collect();
        let last = keys.pop().expect("a path has keys");
        for key in keys {
            let inner = table.entry(key).or_insert_with(|| Table::new().into());
            table = inner
                .as_table_mut()
                .expect("only the last key names a value");
        }
        table.insert(last.to_owned(), value.into());
        self
    }

    /// Makes a context follow a subject outside.
    pub fn following(mut self, context: &str, subject: &str, how: Table) -> Self {
        let follows = ["context", context, "follows", "nats"].into_iter();
        let nats = follows.fold(&mut self.0, |table, key| {
            let inner = table.entry(key).or_insert_with(|| Table::new().into());
            inner
                .as_table_mut()
                .expect("only the last key names a value")
        });
        nats.insert(subject.to_owned(), how.into());
        self
    }

    /// Says how a registry is spoken to, by its host.
    pub fn registry(mut self, host: &str, how: Table) -> Self {
        let registries = self
            .0
            .entry("registry")
            .or_insert_with(|| Table::new().into());
        let registries = registries.as_table_mut().expect("a table of registries");
        registries.insert(host.to_owned(), how.into());
        self
    }

    /// Takes a section away: `context.payment`.
    pub fn without(mut self, path: &str) -> Self {
        let (section, name) = path.split_once('.').expect("a section and a name");
        if let Some(section) = self.0.get_mut(section).and_then(Value::as_table_mut) {
            section.remove(name);
        }
        if section == "context" {
            // A saga that names events of a context that is not there would be refused.
            self.0.remove("saga");
        }
        self
    }

    /// Adds one of the tests' own contexts, or replaces the component of one of the app's by it.
    pub async fn with(self, context: &str, component: &str) -> Self {
        let path = artifacts::component(component).await;
        self.component(context, path)
    }

    /// Makes a file the component of a context.
    pub fn component(self, context: &str, file: &Path) -> Self {
        self.component_at(context, &text(file))
    }

    /// Makes what is at a place the component of a context: in a file, or in a registry.
    pub fn component_at(mut self, context: &str, place: &str) -> Self {
        self = self.set(&format!("context.{context}.component"), place);
        let settings = self.0["context"][context].as_table_mut();
        settings.expect("a context has settings").remove("package");
        self
    }

    /// The contexts' names.
    pub fn contexts(&self) -> Vec<String> {
        let contexts = self.0.get("context").and_then(Value::as_table);
        contexts
            .into_iter()
            .flat_map(Table::keys)
            .cloned()
            .collect()
    }

    /// With a deadline for each context that has none.
    fn with_deadlines(mut self) -> Self {
        for context in self.contexts() {
            let path = format!("context.{context}.limits.deadline");
            let limits = self.0["context"][&context].get("limits");
            if limits.and_then(|limits| limits.get("deadline")).is_none() {
                self = self.set(&path, DEADLINE);
            }
        }
        self
    }

    /// Writes the manifest into a directory.
    pub(crate) fn write(&self, directory: &Path) -> PathBuf {
        let file = directory.join("innkeeper.toml");
        // Written whole beside it, then renamed, as an operator's editor does: the host may be reading it.
        let partial = directory.join("innkeeper.toml.new");
        let text = self.clone().with_deadlines().0.to_string();
        std::fs::write(&partial, text).expect("the manifest can be written");
        std::fs::rename(&partial, &file).expect("the manifest can be put in place");
        file
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("paths are UTF-8").to_owned()
}
