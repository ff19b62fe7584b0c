//! Which context offers which interface.

use std::collections::BTreeMap;

use crate::core::ContextName;
use crate::guest::Guest;

/// Why contexts cannot be linked.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Two contexts offer the same interface.
    #[error(
        "contexts {first} and {second} both offer `{interface}`; only one may, so remove one or give its interface another name or version"
    )]
    Ambiguous {
        /// The interface.
        interface: String,
        /// One of them.
        first: ContextName,
        /// The other.
        second: ContextName,
    },
}

/// The interfaces of an app's contexts.
#[derive(Clone, Debug, Default)]
pub struct Links(BTreeMap<String, ContextName>);

impl Links {
    /// Adds what a context offers.
    ///
    /// # Errors
    ///
    /// When another context offers the same.
    pub fn add(&mut self, context: &ContextName, guest: &Guest) -> Result<(), LinkError> {
        for interface in guest.offers().keys() {
            if let Some(first) = self.0.insert(interface.clone(), context.clone()) {
                return Err(LinkError::Ambiguous {
                    interface: interface.clone(),
                    first,
                    second: context.clone(),
                });
            }
        }
        Ok(())
    }

    /// Every interface that is offered.
    pub fn interfaces(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// The context that offers an interface.
    pub fn offering(&self, interface: &str) -> Option<&ContextName> {
        self.0.get(interface)
    }
}
