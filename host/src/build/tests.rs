use std::path::Path;

use wit_component::DecodedWasm;

use super::*;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The interfaces that a component imports and exports.
fn interfaces(component: &[u8]) -> (Vec<String>, Vec<String>) {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(component).unwrap() else {
        panic!("no component")
    };
    let world = &resolve.worlds[world];
    let names = |items: Vec<_>| {
        items
            .into_iter()
            .map(|key| resolve.name_world_key(key))
            .collect()
    };
    (
        names(world.imports.keys().collect()),
        names(world.exports.keys().collect()),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contexts_of_stay_are_built_and_offer_and_use_what_they_say() {
    let sources = ["room", "reservation", "payment", "message", "viewpage"].map(|name| Source {
        name: name.into(),
        package: root().join("components").join(name),
    });
    let built = build(&sources, &Options::default(), |_| ()).await.unwrap();
    for (source, built) in sources.iter().zip(&built) {
        assert_eq!(
            (&built.name, &built.path),
            (
                &source.name,
                &component_path(source, &Options::default()).unwrap()
            )
        );
        let (imports, exports) = interfaces(&std::fs::read(&built.path).unwrap());
        println!(
            "{} {} bytes\n  imports {imports:?}\n  exports {exports:?}",
            built.name, built.size
        );
        let offers = exports.iter().any(|name| name.starts_with("stay:"));
        assert_eq!(offers, ["room", "payment"].contains(&built.name.as_str()));
        let uses = imports
            .iter()
            .filter(|name| name.starts_with("stay:"))
            .count();
        assert_eq!(uses, if built.name == "reservation" { 2 } else { 0 });
        for name in ["describe", "web", "policies", "health"] {
            assert!(
                exports.contains(&format!("innkeeper:context/{name}@0.4.0")),
                "{name}"
            );
        }
    }
    let again = build(&sources, &Options::default(), |_| ()).await.unwrap();
    assert!(again.iter().all(|built| !built.changed));
}

#[test]
fn a_component_stays_what_it_is_and_a_broken_module_is_refused() {
    let component = b"\0asm\x0d\0\x01\0".to_vec();
    assert_eq!(componentize("room", component.clone()).unwrap(), component);
    assert!(matches!(
        componentize("room", b"\0asm\x01\0\0\0nonsense".to_vec()),
        Err(Error::Component { .. })
    ));
}

#[tokio::test]
async fn what_does_not_compile_is_reported_with_the_compilers_words() {
    let directory = tempfile::tempdir().unwrap();
    let package = directory.path().join("broken");
    std::fs::create_dir_all(package.join("src")).unwrap();
    std::fs::write(
        package.join("Cargo.toml"),
        "[package]\nname = \"broken\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n",
    )
    .unwrap();
    std::fs::write(package.join("src/lib.rs"), "fn main() { nonsense }").unwrap();
    let source = Source {
        name: "broken".into(),
        package,
    };
    let error = build(&[source], &Options::default(), |_| ())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("the contexts do not compile:\n")
            && error.contains("cannot find value `nonsense`"),
        "{error}"
    );
    let missing = Source {
        name: "missing".into(),
        package: directory.path().join("missing"),
    };
    assert!(matches!(
        build(&[missing], &Options::default(), |_| ()).await,
        Err(Error::NoPackage { .. })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_app_builds_passes_its_tests_and_takes_more_contexts() {
    // Always the same directory, so that a second run has something to build on; and the dependencies are those of stay.
    let target = root().join("components/target");
    let directory = target.join("new-app");
    let _ = std::fs::remove_dir_all(&directory);
    let created = new_context(
        &directory,
        "lobby",
        Language::Rust,
        None,
        &Outline::default(),
    )
    .unwrap();
    assert!(created.new_app && created.app == directory.join("lobby"));
    let second = new_context(
        &created.app,
        "night-desk",
        Language::Rust,
        None,
        &Outline::default(),
    )
    .unwrap();
    assert!(!second.new_app && second.app == created.app);
    let manifest = std::fs::read_to_string(created.app.join("innkeeper.toml")).unwrap();
    assert!(
        manifest
            .contains("[context.lobby]\npackage = \"components/lobby\"\n\n[context.night-desk]\n"),
        "{manifest}"
    );

    let options = Options {
        target_directory: Some(target.clone()),
        ..Options::default()
    };
    let sources = [&created, &second].map(|made| Source {
        name: made.name.parse().unwrap(),
        package: made.package.clone(),
    });
    let built = build(&sources, &options, |_| ()).await.unwrap();
    assert!(built.iter().all(|built| built.path.is_file()));

    let mut test = tokio::process::Command::new(env!("CARGO"));
    test.args(["test", "--package", "lobby", "--target-dir"])
        .arg(&target)
        .current_dir(created.app.join("components"));
    let output = test.output().await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

fn make(directory: &Path, name: &str) -> Result<Created, Error> {
    new_context(directory, name, Language::Rust, None, &Outline::default())
}

/// What contexts of these names offer and call.
fn wanted(contexts: &[&str], offers: &[&str], calls: &[&str]) -> Result<Outline, Error> {
    let contexts: Vec<String> = contexts.iter().map(|name| (*name).to_owned()).collect();
    let offers = offers.iter().map(|offer| Offered::read(offer, &contexts));
    let calls = calls.iter().map(|call| Called::read(call, &contexts));
    Ok(Outline {
        offers: offers.collect::<Result<_, _>>()?,
        calls: calls.collect::<Result<_, _>>()?,
        ..Outline::default()
    })
}

#[test]
fn what_contexts_cannot_do_for_each_other_is_said_and_makes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let both = ["barn", "mill"];
    let names = both.map(String::from);
    let cases: [(&[&str], &[&str], &str); 10] = [
        (&["stock"], &[], "the context that offers it"),
        (&["barn/Stock"], &[], "the context that offers it"),
        (&["barn/type"], &[], "the context that offers it"),
        (&["bran/stock"], &[], "did you mean `barn`?"),
        (&["barn/stock", "barn/stock"], &[], "twice"),
        (&[], &["barn/stock"], "who calls, and what"),
        (&[], &["mill:barn/stock"], "nobody offers barn/stock"),
        (
            &["barn/stock"],
            &["mill:barn/stick"],
            "did you mean `barn/stock`?",
        ),
        (&["barn/stock"], &["mil:barn/stock"], "did you mean `mill`?"),
        (&["barn/stock"], &["barn:barn/stock"], "its own functions"),
    ];
    for (offers, calls, says) in cases {
        let made = wanted(&both, offers, calls).and_then(|interfaces| {
            new_app(
                directory.path(),
                "estate",
                &names,
                Language::Rust,
                None,
                &interfaces,
            )
        });
        let refused = made.unwrap_err().to_string();
        assert!(refused.contains(says), "{refused}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);

    // What is offered in the app can be called by a context that is added later.
    let offering = wanted(&["barn"], &["stock"], &[]).unwrap();
    let app = new_context(directory.path(), "barn", Language::Rust, None, &offering)
        .unwrap()
        .app;
    let calling = wanted(&["mill"], &[], &["barn/stock"]).unwrap();
    new_context(&app, "mill", Language::Rust, None, &calling).unwrap();
    let calling = wanted(&["inn"], &[], &["barn/stick"]).unwrap();
    let refused = new_context(&app, "inn", Language::Rust, None, &calling)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("did you mean `barn/stock`?"), "{refused}");
    assert!(!app.join("components/inn").exists());
}

/// A context that has no sample: what it calls and follows is declared, and what there is to do about it is the author's.
#[test]
fn what_an_app_offers_in_a_shape_of_its_own_can_be_called_and_followed() {
    let directory = tempfile::tempdir().unwrap();
    let offering = wanted(&["barn"], &["stock"], &[]).unwrap();
    let made = new_context(directory.path(), "barn", Language::Rust, None, &offering).unwrap();
    // A package of two files, of which one says whose they are.
    let own = "/// Hay.\ninterface hay {\n    variant failure { unavailable(string) }\n    bales: func() -> result<u64, failure>;\n}\n";
    let folder = made.app.join("wit/fields");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("hay.wit"), own).unwrap();
    std::fs::write(folder.join("package.wit"), "package old:field@0.2.0;\n").unwrap();
    let follows = ["barn/EntryWritten", "field/HayMade"].map(|event| {
        let contexts = ["mill".to_owned()];
        Followed::read(event, &contexts).unwrap()
    });
    for (language, is_bare, file, lines) in [
        (
            Language::Rust,
            false,
            "components/mill/src/lib.rs",
            [
                "calls: [\"barn:barn/stock\", \"old:field/hay\"],",
                "\"mill\": EntryWritten => count,\n        \"barn\": following_entry_written::EntryWritten",
                "POST \"/mill/from-barn-stock/{id}\" => calling_stock::take,\n    },",
            ],
        ),
        (
            Language::Rust,
            true,
            "components/mill/src/lib.rs",
            [
                "calls: [\"barn:barn/stock\", \"old:field/hay\"],\n    routes: {\n",
                "    follows: {\n        \"barn\": following_entry_written::EntryWritten",
                "mod following_hay_made;\n\nuse",
            ],
        ),
        (
            Language::TypeScript,
            true,
            "javascript/mill/src/index.ts",
            [
                "import { calls, context, event, follow, get, log, record, text } from",
                "const calledFieldHay = calls(\"old:field/hay\");",
                "follows: [follow(\"barn\", followedEntryWritten, onEntryWritten), follow(\"field\",",
            ],
        ),
        (
            Language::Python,
            true,
            "python/mill/src/main.py",
            [
                "from innkeeper import Calls, Context\n",
                "calls=[stock_calls, hay_calls])",
                "import following_hay_made  # noqa",
            ],
        ),
    ] {
        let calling = wanted(&["mill"], &[], &["barn/stock", "field/hay"]).unwrap();
        let outline = Outline {
            follows: follows.to_vec(),
            is_bare,
            ..calling
        };
        let app = tempfile::tempdir().unwrap();
        let copied = [
            "innkeeper.toml",
            "wit/barn/stock.wit",
            "wit/fields/hay.wit",
            "wit/fields/package.wit",
        ];
        for file in copied {
            let to = app.path().join(file);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(made.app.join(file), to).unwrap();
        }
        new_context(app.path(), "mill", language, None, &outline).unwrap();
        let text = std::fs::read_to_string(app.path().join(file)).unwrap();
        for line in lines {
            assert!(text.contains(line), "{line:?} is not in {text}");
        }
        assert!(!text.contains("__"), "{text}");
    }
    // What would be a sample is not for one without.
    let bare = Outline {
        is_bare: true,
        ..wanted(&["inn"], &["beds"], &[]).unwrap()
    };
    let refused = new_context(&made.app, "inn", Language::Rust, None, &bare);
    assert!(refused.unwrap_err().to_string().contains("--bare"));
    for event in [
        "EntryWritten",
        "barn/entryWritten",
        "Barn/EntryWritten",
        "barn/",
    ] {
        assert!(
            Followed::read(event, &["mill".to_owned()]).is_err(),
            "{event}"
        );
    }
    let twice = Outline {
        follows: ["barn/Filled", "field/Filled"]
            .map(|event| Followed::read(event, &["inn".to_owned()]).unwrap())
            .to_vec(),
        ..Outline::default()
    };
    let refused = new_context(&made.app, "inn", Language::Rust, None, &twice);
    assert!(refused.unwrap_err().to_string().contains("called the same"));
    for (event, said) in [
        ("inn/EntryWritten", "its own events"),
        ("barn/Outcome", "something of that name"),
    ] {
        let one = Outline {
            follows: vec![Followed::read(event, &["inn".to_owned()]).unwrap()],
            ..Outline::default()
        };
        let refused = new_context(&made.app, "inn", Language::Rust, None, &one);
        assert!(refused.unwrap_err().to_string().contains(said), "{event}");
    }
}

#[test]
fn a_name_that_is_taken_or_is_none_makes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for name in [
        "",
        "sdk",
        "target",
        "innkeeper-sdk",
        "Lobby",
        "1st",
        "-a",
        "a-",
        "a--b",
        "a_b",
        "a/b",
        "..",
        &"a".repeat(41),
    ] {
        assert!(
            matches!(make(directory.path(), name), Err(Error::Name { .. })),
            "{name}"
        );
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    let app = make(directory.path(), "lobby").unwrap().app;
    assert!(matches!(
        make(directory.path(), "lobby"),
        Err(Error::Exists { .. })
    ));
    assert!(matches!(make(&app, "lobby"), Err(Error::Exists { .. })));
    std::fs::write(
        app.join("innkeeper.toml"),
        "[app]\nname = \"x\"\n[context.desk]\ncomponent = \"desk.wasm\"\n",
    )
    .unwrap();
    assert!(matches!(make(&app, "desk"), Err(Error::Manifest { .. })));
    assert!(!app.join("components/desk").exists());
    // Cargo takes no two packages of one name, in whatever folders they are.
    let other = app.join("components/elsewhere");
    std::fs::create_dir(&other).unwrap();
    let package = "[package]\nname = \"prices\"\n";
    std::fs::write(other.join("Cargo.toml"), package).unwrap();
    assert!(matches!(make(&app, "prices"), Err(Error::Exists { .. })));
}

#[test]
fn contexts_in_several_languages_are_in_one_app_each_with_its_sdk() {
    let directory = tempfile::tempdir().unwrap();
    let none = Outline::default();
    let made = new_context(directory.path(), "lobby", Language::Rust, None, &none).unwrap();
    let app = made.app;
    let notes = new_context(&app, "notes", Language::TypeScript, None, &none).unwrap();
    assert_eq!(notes.package, app.join("javascript/notes"));
    let manifest = std::fs::read_to_string(app.join("innkeeper.toml")).unwrap();
    assert!(manifest.contains("package = \"javascript/notes\""));
    for file in ["sdk/SHA256SUMS", "sdk/wit/types.wit", "notes/tsconfig.json"] {
        assert!(app.join("javascript").join(file).is_file(), "{file}");
    }
    let ledger = new_context(&app, "ledger", Language::Python, None, &none).unwrap();
    assert_eq!(ledger.package, app.join("python/ledger"));
    for file in [
        "requirements.txt",
        "sdk/SHA256SUMS",
        "sdk/wit/types.wit",
        "ledger/src/main.py",
    ] {
        assert!(app.join("python").join(file).is_file(), "{file}");
    }
    // Where each component comes to be is known before it is.
    let source = |name: &str, package: &str| Source {
        name: name.into(),
        package: app.join(package),
    };
    let path = |source| component_path(&source, &Options::default());
    let target = app.join("javascript/target/innkeeper/notes.wasm");
    assert_eq!(path(source("notes", "javascript/notes")).unwrap(), target);
    let target = app.join("python/target/innkeeper/ledger.wasm");
    assert_eq!(path(source("ledger", "python/ledger")).unwrap(), target);
    let refused = path(source("other", "wit")).unwrap_err().to_string();
    assert!(
        refused.contains("has no Cargo.toml (Rust), package.json"),
        "{refused}"
    );
    // All SDKs are brought up to date, and some without the others.
    assert!(Upgrade::of(&app).unwrap().steps.is_empty());
    let file = "javascript/sdk/index.js";
    std::fs::write(app.join(file), "// by hand\n").unwrap();
    std::fs::remove_dir_all(app.join("components")).unwrap();
    let upgrade = Upgrade::of(&app).unwrap();
    assert_eq!(upgrade.overwrites(), [file]);
    upgrade.carry_out().unwrap();
    assert!(Upgrade::of(&app).unwrap().steps.is_empty());
    std::fs::write(app.join("python/sdk/innkeeper/key.py"), "# by hand\n").unwrap();
    // What an author adds to what is installed is theirs.
    std::fs::write(app.join("python/requirements.txt"), "# more\n").unwrap();
    let steps = Upgrade::of(&app).unwrap().steps;
    assert_eq!(
        steps,
        [
            ("python/requirements.txt".to_owned(), Step::Keep),
            ("python/sdk/innkeeper/key.py".to_owned(), Step::Overwrite),
        ]
    );
}

/// Whoever offers may be written in another language than who calls.
#[test]
fn a_context_in_python_calls_one_in_rust_and_offers_what_that_does() {
    let directory = tempfile::tempdir().unwrap();
    let offering = wanted(&["barn"], &["stock"], &[]).unwrap();
    let made = new_context(directory.path(), "barn", Language::Rust, None, &offering).unwrap();
    let calling = wanted(&["mill"], &["flour"], &["barn/stock"]).unwrap();
    let mill = new_context(&made.app, "mill", Language::Python, None, &calling).unwrap();
    let read = |file: &str| std::fs::read_to_string(mill.package.join(file)).unwrap();
    let main = read("src/main.py");
    for line in [
        "from innkeeper import U64, Calls, Context, Created,",
        "flour_taken = Table[U64, U64](\"flour-taken\")",
        "stock_calls = Calls(\"barn:barn/stock\")",
        "tables=[entries, words, flour_taken], publishes=[entry_written], calls=[stock_calls])",
        "import calling_stock  # noqa",
        "import offered_flour  # noqa",
    ] {
        assert!(main.contains(line), "{line}: {main}");
    }
    let route = "@context.post(\"/mill/from-barn-stock/{id}\")";
    assert!(read("src/calling_stock.py").contains(route));
    let offer = "@context.offer(\"barn:mill/flour\", undo=\"give_back\")";
    assert!(read("src/offered_flour.py").contains(offer));
    for file in [
        "src/calling_stock.py",
        "src/offered_flour.py",
        "tests/test_calling_stock.py",
        "tests/test_offered_flour.py",
    ] {
        let text = read(file);
        assert!(!text.contains("__"), "{text}");
    }
    assert!(made.app.join("wit/mill/flour.wit").exists());
    // Without interfaces nothing is left of where they would be named.
    let plain = new_context(
        &made.app,
        "plain",
        Language::Python,
        None,
        &Outline::default(),
    )
    .unwrap();
    let text = std::fs::read_to_string(plain.package.join("src/main.py")).unwrap();
    assert!(!text.contains("__"), "{text}");
}

#[test]
fn what_a_context_in_python_is_made_of_is_watched() {
    let directory = tempfile::tempdir().unwrap();
    let none = Outline::default();
    let made = new_context(directory.path(), "notes", Language::Python, None, &none);
    let app = made.unwrap().app;
    let source = Source {
        name: "notes".into(),
        package: app.join("python/notes"),
    };
    let noted = app.join("python/target/python/notes/component.d");
    std::fs::create_dir_all(noted.parent().unwrap()).unwrap();
    // What is made on the way is no input: each build would be a reason for the next one.
    let made = noted.with_file_name("entry.py");
    let text = format!(
        "component.wasm: /elsewhere/shared\\ code.py {}\n",
        made.display()
    );
    std::fs::write(&noted, text).unwrap();
    let files = inputs(&source, &Options::default(), &app.join("data")).unwrap();
    assert!(!files.contains(&made));
    for file in [
        app.join("python/notes/src/main.py"),
        app.join("python/requirements.txt"),
        app.join("python/sdk/requirements.txt"),
        "/elsewhere/shared code.py".into(),
    ] {
        assert!(files.contains(&file), "{}", file.display());
    }
}

#[test]
fn what_a_context_in_javascript_is_made_of_is_watched() {
    let directory = tempfile::tempdir().unwrap();
    let made = new_context(
        directory.path(),
        "notes",
        Language::JavaScript,
        None,
        &Outline::default(),
    );
    let app = made.unwrap().app;
    let source = Source {
        name: "notes".into(),
        package: app.join("javascript/notes"),
    };
    let noted = app.join("javascript/target/javascript/notes/component.d");
    std::fs::create_dir_all(noted.parent().unwrap()).unwrap();
    // What is made on the way is no input: each build would be a reason for the next one.
    let made = noted.with_file_name("entry.js");
    let text = format!(
        "component.wasm: /elsewhere/shared\\ code.js {}\n",
        made.display()
    );
    std::fs::write(&noted, text).unwrap();
    let files = inputs(&source, &Options::default(), &app.join("data")).unwrap();
    assert!(!files.contains(&made));
    for file in [
        app.join("javascript/notes/src/index.js"),
        app.join("javascript/package.json"),
        "/elsewhere/shared code.js".into(),
    ] {
        assert!(files.contains(&file), "{}", file.display());
    }
}
