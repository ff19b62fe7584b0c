//! `docs/http.md` names every problem that the host makes, and no other.

use std::collections::BTreeSet;
use std::path::Path;

/// The words of problems that are made in these sources: the first text behind whatever makes one.
fn made(directory: &Path, words: &mut BTreeSet<String>) {
    // What makes a problem of a kind of its own.
    const MAKERS: [&str; 2] = ["of_kind(", "unavailable("];
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            made(&path, words);
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        if !source.contains("Problem") || path.ends_with("problem_types_in_docs.rs") {
            continue;
        }
        for maker in MAKERS {
            for (place, _) in source.match_indices(maker) {
                let rest = &source[place + maker.len()..];
                let arguments = rest.split(';').next().unwrap();
                let word = arguments.split('"').nth(1);
                let is_word = |word: &&str| {
                    !word.is_empty()
                        && word
                            .bytes()
                            .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
                };
                words.extend(word.filter(is_word).map(str::to_owned));
            }
        }
    }
}

#[test]
fn each_problem_is_told() {
    let host = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(host.join("../docs/http.md")).unwrap();
    let told: BTreeSet<_> = page
        .split("`urn:innkeeper:problem:")
        .skip(1)
        .map(|rest| rest.split('`').next().unwrap().to_owned())
        .collect();
    let mut words = BTreeSet::new();
    made(&host.join("src"), &mut words);
    assert!(words.len() > 15, "{words:?}");
    let untold: Vec<_> = words.difference(&told).collect();
    assert!(untold.is_empty(), "docs/http.md does not name {untold:?}");
    let unmade: Vec<_> = told.difference(&words).collect();
    assert!(unmade.is_empty(), "nobody makes {unmade:?} of docs/http.md");
}
