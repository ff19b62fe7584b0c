//! What contexts that are made are to have, and what of it their app has already.

use std::path::Path;

use super::Error;
use super::follows::Followed;
use super::interfaces::{self, Called, Offered};

/// What contexts that are made are to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// What they offer.
    pub offers: Vec<Offered>,
    /// What they call.
    pub calls: Vec<Called>,
    /// What they follow.
    pub follows: Vec<Followed>,
    /// Whether they are to have no sample: nothing but a route that says that the context is there.
    pub is_bare: bool,
}

/// An interface in the folder `wit` of an app.
struct Known {
    /// The package's name, up to its colon.
    namespace: String,
    context: String,
    interface: String,
    /// The whole file.
    text: String,
}

impl Outline {
    /// That of one context.
    pub(super) fn of(&self, context: &str) -> Self {
        let offers = self.offers.iter();
        let calls = self.calls.iter();
        let follows = self.follows.iter();
        Self {
            offers: offers
                .filter(|offer| offer.context == context)
                .cloned()
                .collect(),
            calls: calls
                .filter(|call| call.caller == context)
                .cloned()
                .collect(),
            follows: follows
                .filter(|followed| followed.follower == context)
                .cloned()
                .collect(),
            is_bare: self.is_bare,
        }
    }

    /// The same, with what is known of the interfaces that an app of this name has already.
    ///
    /// # Errors
    /// When it cannot be made there.
    pub(super) fn checked(
        &self,
        app: &Path,
        namespace: &str,
        contexts: &[String],
    ) -> Result<Self, Error> {
        for followed in &self.follows {
            followed.check(contexts, &self.follows)?;
        }
        let Self { offers, calls, .. } = self;
        if offers.is_empty() && calls.is_empty() {
            return Ok(self.clone());
        }
        if let (true, Some(offer)) = (self.is_bare, offers.first()) {
            return Err(Error::Interface {
                text: format!("{}/{}", offer.context, offer.interface),
                reason: "what is offered by it is about sample entries, which a bare context has none of: leave out one of --bare and --offers"
                    .into(),
            });
        }
        let named = offers.iter().map(|offer| &offer.context);
        let named = named.chain(calls.iter().map(|call| &call.offered.context));
        for name in named.map(String::as_str).chain([namespace]) {
            if !interfaces::can_be_in_an_id(name) {
                return Err(Error::Interface {
                    text: name.into(),
                    reason: "in the id of an interface each word of a name begins with a letter"
                        .into(),
                });
            }
        }
        let known = Known::below(&app.join("wit"))?;
        let names = known
            .iter()
            .map(|known| format!("{}/{}", known.context, known.interface));
        interfaces::check(contexts, offers, calls, &names.collect::<Vec<_>>())?;
        let mut outline = self.clone();
        for call in &mut outline.calls {
            let wanted = &call.offered;
            let mut found = known
                .iter()
                .filter(|known| {
                    known.context == wanted.context && known.interface == wanted.interface
                })
                .collect::<Vec<_>>();
            // Of packages of several namespaces the app's goes first.
            found.sort_by_key(|known| known.namespace != namespace);
            let is_sample = found
                .first()
                .is_none_or(|known| known.text == wanted.wit(namespace));
            if !is_sample || self.is_bare {
                let of = found
                    .first()
                    .map_or(namespace, |known| known.namespace.as_str());
                call.declared_only = Some(format!("{of}:{}/{}", wanted.context, wanted.interface));
            }
        }
        Ok(outline)
    }
}

impl Known {
    /// Those in a folder and in all below it: one package in each.
    fn below(folder: &Path) -> Result<Vec<Self>, Error> {
        let (mut texts, mut found) = (Vec::new(), Vec::new());
        let Ok(entries) = std::fs::read_dir(folder) else {
            return Ok(found);
        };
        let mut paths = Vec::new();
        for entry in entries {
            paths.push(entry.map_err(Error::file(folder))?.path());
        }
        paths.sort();
        for path in paths {
            if path.is_dir() {
                found.extend(Self::below(&path)?);
            } else if path.extension().is_some_and(|extension| extension == "wit") {
                texts.push(std::fs::read_to_string(&path).map_err(Error::file(&path))?);
            }
        }
        let package = texts.iter().find_map(|text| {
            let mut lines = text.lines();
            let line = lines.find_map(|line| line.trim().strip_prefix("package "))?;
            let (name, _) = line.split_once(';')?;
            let name = name.split('@').next()?;
            name.trim().split_once(':')
        });
        let Some((namespace, context)) = package else {
            return Ok(found);
        };
        for text in &texts {
            let names = text.lines().filter_map(|line| {
                let name = line.trim().strip_prefix("interface ")?;
                Some(name.trim_start().split([' ', '{']).next()?.to_owned())
            });
            found.extend(names.map(|interface| Self {
                namespace: namespace.to_owned(),
                context: context.to_owned(),
                interface,
                text: text.clone(),
            }));
        }
        Ok(found)
    }
}
