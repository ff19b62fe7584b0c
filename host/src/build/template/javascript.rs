//! What `innkeeper new` writes for contexts in JavaScript and TypeScript.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Language, write};
use crate::build::Error;
use crate::build::outline::Outline;

/// What is written for a language.
struct Templates {
    /// A package, file by file, the main module first and its tests last; `__name__` is the context's name.
    package: [(&'static str, &'static str); 3],
    /// The main module and its tests, of one that has no sample.
    bare: [&'static str; 2],
    /// More files of it.
    more: &'static [(&'static str, &'static str)],
    /// What the main module gets for an interface that is offered, and its tests.
    offered: [&'static str; 2],
    /// And for one that is called.
    called: [&'static str; 2],
    /// What those that call have in common.
    failures: &'static str,
}

/// What the main module gets for an event that is followed, and its tests.
const FOLLOWING: [&str; 2] = [
    include_str!("javascript/following.js.in"),
    include_str!("javascript/following_test.js.in"),
];

const JAVASCRIPT: Templates = Templates {
    package: [
        ("src/index.js", include_str!("javascript/index.js.in")),
        ("package.json", include_str!("javascript/package.json.in")),
        ("test/index.test.js", include_str!("javascript/test.js.in")),
    ],
    bare: [
        include_str!("javascript/bare.js.in"),
        include_str!("javascript/bare_test.js.in"),
    ],
    more: &[],
    offered: [
        include_str!("javascript/offered.js.in"),
        include_str!("javascript/offered_test.js.in"),
    ],
    called: [
        include_str!("javascript/calling.js.in"),
        include_str!("javascript/calling_test.js.in"),
    ],
    failures: include_str!("javascript/failures.js.in"),
};

const TYPESCRIPT: Templates = Templates {
    package: [
        ("src/index.ts", include_str!("typescript/index.ts.in")),
        ("package.json", include_str!("typescript/package.json.in")),
        ("test/index.test.ts", include_str!("typescript/test.ts.in")),
    ],
    bare: [
        include_str!("typescript/bare.ts.in"),
        include_str!("typescript/bare_test.ts.in"),
    ],
    more: &[("tsconfig.json", include_str!("typescript/tsconfig.json.in"))],
    offered: [
        include_str!("typescript/offered.ts.in"),
        include_str!("typescript/offered_test.ts.in"),
    ],
    called: [
        include_str!("typescript/calling.ts.in"),
        include_str!("typescript/calling_test.ts.in"),
    ],
    failures: include_str!("typescript/failures.ts.in"),
};

/// What npm and the build make, in the folder of the packages.
const GITIGNORE: &str = "node_modules\ntarget\n";

/// What the main module of one without a sample uses of the SDK in any case.
const BARE_IMPORTS: [&str; 3] = ["context", "get", "text"];

/// And that of one with a sample.
const IMPORTS: [&str; 13] = [
    "context", "created", "emit", "event", "follow", "get", "log", "pageOf", "post", "record",
    "table", "text", "u64",
];

/// What the contract calls its interfaces: a component exports each name once.
const OF_THE_CONTRACT: [&str; 6] = [
    "describe",
    "web",
    "policies",
    "health",
    "migration",
    "document",
];

/// Refuses what cannot be offered or called so.
pub(super) fn check(outline: &Outline) -> Result<(), Error> {
    let refused = |text: &str, reason: &str| {
        Err(Error::Interface {
            text: text.into(),
            reason: reason.into(),
        })
    };
    for offer in &outline.offers {
        if OF_THE_CONTRACT.contains(&offer.interface.as_str()) {
            let reason = "the contract has an interface of that name: give it another";
            return refused(&offer.interface, reason);
        }
    }
    let mut names = BTreeSet::new();
    for call in &outline.calls {
        let offered = &call.offered;
        if !names.insert(in_pascal_case(&offered.context) + &in_pascal_case(&offered.interface)) {
            let text = format!("{}:{}/{}", call.caller, offered.context, offered.interface);
            let reason = "another interface that is called has the same name in JavaScript: give one of them another";
            return refused(&text, reason);
        }
    }
    Ok(())
}

/// Writes a package.
pub(super) fn write_package(
    app: &Path,
    package: &Path,
    name: &str,
    namespace: &str,
    language: Language,
    outline: &Outline,
) -> Result<(), Error> {
    let ignored = app.join("javascript/.gitignore");
    if !ignored.exists() {
        write(&ignored, GITIGNORE)?;
    }
    let templates = match language {
        Language::TypeScript => TYPESCRIPT,
        _ => JAVASCRIPT,
    };
    let [mut main, manifest, mut tests] = templates
        .package
        .map(|(path, text)| (path, text.to_owned()));
    if outline.is_bare {
        [main.1, tests.1] = templates.bare.map(str::to_owned);
    }
    let pieces = Pieces::of(name, namespace, outline, &templates);
    let main = (main.0, pieces.insert(&main.1));
    tests.1 = tests.1.replace("__imports__", pieces.imported_by_tests) + &pieces.tests;
    let more = templates.more.iter();
    let more = more.map(|(path, text)| (*path, (*text).to_owned()));
    for (path, text) in [main, manifest, tests].into_iter().chain(more) {
        write(&package.join(path), &text.replace("__name__", name))?;
    }
    Ok(())
}

/// What becomes of the package of a context that offers, calls and follows.
struct Pieces {
    /// By placeholder of the main module.
    inserted: [(&'static str, String); 7],
    /// What its tests import for that.
    imported_by_tests: &'static str,
    /// What is added to its tests.
    tests: String,
}

impl Pieces {
    fn of(name: &str, namespace: &str, outline: &Outline, templates: &Templates) -> Self {
        let Outline {
            offers,
            calls,
            follows,
            is_bare,
        } = outline;
        let (mut imports, mut followed) = match is_bare {
            true => (BTreeSet::from(BARE_IMPORTS), Vec::new()),
            false => (
                BTreeSet::from(IMPORTS),
                vec![format!("follow(\"{name}\", entryWritten, count)")],
            ),
        };
        let [mut functions, mut tables, mut routes, mut tests] = [const { String::new() }; 4];
        let [mut offered, mut compensations, mut called] = [const { Vec::new() }; 3];
        for offer in offers {
            let interface = in_pascal_case(&offer.interface);
            let fill = |text: &str| {
                let text = offer.fill(text, namespace);
                text.replace("__Interface__", &interface)
            };
            let [written, tested] = templates.offered.map(fill);
            functions.push_str(&written);
            tests.push_str(&tested);
            tables.push_str(&format!(", taken{interface}"));
            let id = format!("\"{namespace}:{}/{}\"", offer.context, offer.interface);
            offered.push(format!("{id}: offered{interface}"));
            compensations.push(format!("{id}: {{ take: \"giveBack\" }}"));
            imports.insert("Failure");
        }
        let has_samples = calls.iter().any(|call| call.declared_only.is_none());
        if has_samples {
            functions.push_str(templates.failures);
            imports.extend(["Failure", "log", "Problem"]);
        }
        for call in calls {
            let (context, interface) = (&call.offered.context, &call.offered.interface);
            let of = in_pascal_case(context) + &in_pascal_case(interface);
            imports.insert("calls");
            called.push(format!("called{of}"));
            if let Some(id) = &call.declared_only {
                functions.push_str(&format!(
                    "\n/** What {context} offers as `{id}`. */\nconst called{of} = calls(\"{id}\");\n"
                ));
                continue;
            }
            let fill = |text: &str| {
                let text = text.replace("__Callee____Interface__", &of);
                call.fill(&text, namespace)
            };
            let [written, tested] = templates.called.map(fill);
            functions.push_str(&written);
            tests.push_str(&tested);
            routes.push_str(&format!(
                "    post(\"/{}/from-{context}-{interface}/{{id}}\", {{ path: {{ id: u64 }} }}, ({{ path }}) => takeFrom{of}(path.id)),\n",
                call.caller
            ));
        }
        for event in follows {
            let (source, kind) = (&event.source, &event.kind);
            imports.extend(["event", "follow", "log", "record"]);
            let [written, tested] = FOLLOWING.map(|text| event.fill(text));
            functions.push_str(&written);
            tests.push_str(&tested);
            followed.push(format!("follow(\"{source}\", followed{kind}, on{kind})"));
        }
        let member = |name: &str, open: char, parts: &[String], close: char| match parts {
            [] => String::new(),
            parts => format!("  {name}: {open}{}{close},\n", parts.join(", ")),
        };
        let spaced = |parts: Vec<String>| -> Vec<String> {
            // An object has spaces within its braces.
            match parts.len() {
                0 => parts,
                _ => vec![format!(" {} ", parts.join(", "))],
            }
        };
        let mut imports: Vec<_> = imports.into_iter().collect();
        imports.sort_by_key(|name| name.to_lowercase());
        Self {
            inserted: [
                ("__imports__", imports.join(", ")),
                ("__functions__", functions),
                (
                    "__interfaces__",
                    member("offers", '{', &spaced(offered), '}')
                        + &member("calls", '[', &called, ']'),
                ),
                ("__tables__", tables),
                ("__routes__", routes),
                (
                    "__compensations__",
                    member("compensations", '{', &spaced(compensations), '}'),
                ),
                ("__follows__", member("follows", '[', &followed, ']')),
            ],
            imported_by_tests: match has_samples {
                true => "import { Failure } from \"innkeeper-sdk\";\n",
                false => "",
            },
            tests,
        }
    }

    fn insert(&self, main: &str) -> String {
        let pieces = self.inserted.iter();
        pieces.fold(main.to_owned(), |text, (place, piece)| {
            text.replace(place, piece)
        })
    }
}

/// A name of the app in JavaScript: `red-barn` is `RedBarn`.
fn in_pascal_case(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}
