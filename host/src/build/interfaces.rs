//! The interfaces that a new context offers and calls: what is written for them.

use super::Error;
use super::outline::Outline;
use crate::core::nearest;

const WIT: &str = include_str!("template/interface.wit.in");
const OFFERED: &str = include_str!("template/offered.rs.in");
const OFFERED_TEST: &str = include_str!("template/offered_test.rs.in");
const CALLING: &str = include_str!("template/calling.rs.in");
const CALLING_TEST: &str = include_str!("template/calling_test.rs.in");
const FOLLOWING: &str = include_str!("template/following.rs.in");
const FOLLOWING_TEST: &str = include_str!("template/following_test.rs.in");

/// Names that modules cannot have.
const KEYWORDS: [&str; 34] = [
    "abstract",
    "as",
    "async",
    "await",
    "box",
    "break",
    "const",
    "continue",
    "crate",
    "dyn",
    "else",
    "enum",
    "export",
    "extern",
    "fn",
    "for",
    "func",
    "if",
    "impl",
    "import",
    "in",
    "interface",
    "let",
    "loop",
    "match",
    "mod",
    "package",
    "pub",
    "result",
    "static",
    "type",
    "use",
    "where",
    "world",
];

/// An interface that a context is to offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// The context.
    pub context: String,
    /// The interface's name.
    pub interface: String,
}

/// An interface that a context is to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// The context that calls it.
    pub caller: String,
    /// What it calls.
    pub offered: Offered,
    /// The interface's id, where the call is declared and not made: nothing is known of the functions that the app has there, or no sample is wanted.
    pub(super) declared_only: Option<String>,
}

impl Offered {
    /// Reads `barn/stock`; or `stock`, where one context only is made.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read(text: &str, contexts: &[String]) -> Result<Self, Error> {
        let refused = || {
            Error::Interface {
            text: text.into(),
            reason: "an interface is named as `barn/stock`: the context that offers it, and its own name".into(),
        }
        };
        let (context, interface) = match (text.split_once('/'), contexts) {
            (Some((context, interface)), _) => (context, interface),
            (None, [context]) => (context.as_str(), text),
            (None, _) => return Err(refused()),
        };
        if !is_interface(interface) {
            return Err(refused());
        }
        Ok(Self {
            context: context.into(),
            interface: interface.into(),
        })
    }

    pub(super) fn module(&self) -> String {
        self.interface.replace('-', "_")
    }

    /// Its WIT, with the name of the app as its namespace.
    pub(super) fn wit(&self, namespace: &str) -> String {
        self.fill(WIT, namespace)
    }

    /// Where its WIT is.
    pub(super) fn file(&self) -> String {
        format!("wit/{}/{}.wit", self.context, self.interface)
    }

    pub(super) fn fill(&self, template: &str, namespace: &str) -> String {
        template
            .replace("__namespace__", namespace)
            .replace("__name__", &self.context)
            .replace("__interface__", &self.interface)
            .replace("__module__", &self.module())
    }
}

impl Called {
    /// Reads `mill:barn/stock`; or `barn/stock`, where one context only is made.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read(text: &str, contexts: &[String]) -> Result<Self, Error> {
        let (caller, offered) = match (text.split_once(':'), contexts) {
            (Some((caller, offered)), _) => (caller, offered),
            (None, [context]) => (context.as_str(), text),
            (None, _) => {
                return Err(Error::Interface {
                    text: text.into(),
                    reason: "a call is named as `mill:barn/stock`: who calls, and what".into(),
                });
            }
        };
        Ok(Self {
            caller: caller.into(),
            offered: Offered::read(offered, &[])?,
            declared_only: None,
        })
    }

    /// The interface's id, in an app of this name.
    pub(super) fn id(&self, namespace: &str) -> String {
        let Offered { context, interface } = &self.offered;
        let declared = self.declared_only.clone();
        declared.unwrap_or_else(|| format!("{namespace}:{context}/{interface}"))
    }

    pub(super) fn fill(&self, template: &str, namespace: &str) -> String {
        let Offered {
            context, interface, ..
        } = &self.offered;
        template
            .replace("__namespace__", namespace)
            .replace("__name__", &self.caller)
            .replace("__callee__", context)
            .replace("__callee_module__", &context.replace('-', "_"))
            .replace("__interface__", interface)
            .replace("__module__", &self.offered.module())
    }
}

/// What becomes of the package of a context that offers, calls and follows.
#[derive(Default)]
pub(super) struct Pieces {
    /// By placeholder of the template.
    pub(super) inserted: [(&'static str, String); 6],
    /// More files of the package.
    pub(super) files: Vec<(String, String)>,
    /// What is added to its tests.
    pub(super) tests: String,
}

impl Pieces {
    /// What a context of an app gets.
    pub(super) fn of(name: &str, namespace: &str, outline: &Outline) -> Result<Self, Error> {
        let Outline {
            offers,
            calls,
            follows,
            is_bare,
        } = outline;
        let mut pieces = Self::default();
        let [
            mut modules,
            mut interfaces,
            mut tables,
            mut routes,
            mut compensations,
            mut following,
        ] = [const { String::new() }; 6];
        let ids = |of: Vec<String>| of.join(", ");
        if !offers.is_empty() {
            let id = |offer: &Offered| format!("\"{namespace}:{name}/{}\"", offer.interface);
            let all = ids(offers.iter().map(id).collect());
            interfaces.push_str(&format!("    offers: [{all}],\n"));
            compensations.push_str("    compensations: {\n");
            for offer in offers {
                let (id, module) = (id(offer), offer.module());
                compensations.push_str(&format!("        {id}: \"take\" => \"give-back\",\n"));
                modules.push_str(&format!("mod offered_{module};\n"));
                tables.push_str(&format!(", offered_{module}::TAKEN"));
                let file = format!("src/offered_{module}.rs");
                pieces.files.push((file, offer.fill(OFFERED, namespace)));
                pieces.tests.push_str(&offer.fill(OFFERED_TEST, namespace));
            }
            compensations.push_str("    },\n");
        }
        if !calls.is_empty() {
            let id = |call: &Called| format!("\"{}\"", call.id(namespace));
            let all = ids(calls.iter().map(id).collect());
            interfaces.push_str(&format!("    calls: [{all}],\n"));
            for (place, call) in calls.iter().enumerate() {
                let Offered { context, interface } = &call.offered;
                let module = call.offered.module();
                let mut before = calls.iter().take(place);
                if before.any(|other| other.offered.module() == module) {
                    return Err(Error::Interface {
                        text: format!("{name}:{context}/{interface}"),
                        reason: format!(
                            "{name} calls another interface of that name: give one of them another"
                        ),
                    });
                }
                if call.declared_only.is_some() {
                    continue;
                }
                modules.push_str(&format!("mod calling_{module};\n"));
                routes.push_str(&format!(
                    "        POST \"/{name}/from-{context}-{interface}/{{id}}\" => calling_{module}::take,\n"
                ));
                let file = format!("src/calling_{module}.rs");
                pieces.files.push((file, call.fill(CALLING, namespace)));
                pieces.tests.push_str(&call.fill(CALLING_TEST, namespace));
            }
        }
        if !is_bare {
            following.push_str(&format!("        \"{name}\": EntryWritten => count,\n"));
        }
        for followed in follows {
            let (source, kind) = (&followed.source, &followed.kind);
            let module = format!("following_{}", followed.name());
            modules.push_str(&format!("mod {module};\n"));
            following.push_str(&format!(
                "        \"{source}\": {module}::{kind} => {module}::handle,\n"
            ));
            let file = format!("src/{module}.rs");
            pieces.files.push((file, followed.fill(FOLLOWING)));
            pieces.tests.push_str(&followed.fill(FOLLOWING_TEST));
        }
        if !following.is_empty() {
            following = format!("    follows: {{\n{following}    }},\n");
        }
        if !modules.is_empty() {
            modules = format!("\n{modules}");
        }
        pieces.inserted = [
            ("__modules__", modules),
            ("__interfaces__", interfaces),
            ("__tables__", tables),
            ("__routes__", routes),
            ("__compensations__", compensations),
            ("__follows__", following),
        ];
        Ok(pieces)
    }
}

/// Refuses who offers or calls and is not made, and what is called and nobody offers.
pub(super) fn check(
    contexts: &[String],
    offers: &[Offered],
    calls: &[Called],
    known: &[String],
) -> Result<(), Error> {
    let made = |context: &String, text: String| match contexts.contains(context) {
        true => Ok(()),
        false => Err(Error::Interface {
            text,
            reason: format!(
                "{context} is not made here{}",
                nearest::suggestion(context, contexts)
            ),
        }),
    };
    for (place, offer) in offers.iter().enumerate() {
        let text = format!("{}/{}", offer.context, offer.interface);
        made(&offer.context, text.clone())?;
        if offers.iter().take(place).any(|other| other == offer) {
            return Err(Error::Interface {
                text,
                reason: "it is there twice".into(),
            });
        }
    }
    for Called {
        caller, offered, ..
    } in calls
    {
        let id = format!("{}/{}", offered.context, offered.interface);
        made(caller, format!("{caller}:{id}"))?;
        if *caller == offered.context {
            return Err(Error::Interface {
                text: format!("{caller}:{id}"),
                reason: "a context calls its own functions without an interface".into(),
            });
        }
        if !offers.contains(offered) && !known.contains(&id) {
            let offered = offers.iter();
            let offered = offered.map(|offer| format!("{}/{}", offer.context, offer.interface));
            let all: Vec<String> = offered.chain(known.iter().cloned()).collect();
            return Err(Error::Interface {
                text: format!("{caller}:{id}"),
                reason: format!(
                    "nobody offers {id}{}; name it under --offers, too, where it is made with it",
                    nearest::suggestion(&id, &all)
                ),
            });
        }
    }
    Ok(())
}

/// Whether an interface can be called so, in WIT and in Rust.
fn is_interface(name: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    name.len() <= 40 && name.split('-').all(word) && !KEYWORDS.contains(&name)
}

/// Whether a name can stand in the id of an interface: each of its words begins with a letter.
pub(super) fn can_be_in_an_id(name: &str) -> bool {
    name.split('-')
        .all(|word| word.starts_with(|first: char| first.is_ascii_lowercase()))
}
