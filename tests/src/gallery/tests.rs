use std::collections::BTreeSet;

use super::*;

#[tokio::test]
async fn every_case_can_be_made_and_says_why_it_is_refused() {
    let mut seen = BTreeSet::new();
    for case in Case::all() {
        assert!(!case.says.is_empty(), "{}", case.name);
        let settings = Settings::of_the_app().await;
        assert!(settings.contexts().contains(&case.context), "{}", case.name);
        let bytes = case.bytes().await;
        let settings: Vec<_> = case.settings.keys().cloned().collect();
        assert!(
            seen.insert((bytes, settings, case.deploy.clone())),
            "{} is another case again",
            case.name
        );
    }
    assert!(seen.len() > 20);
}

#[tokio::test]
async fn every_mood_is_one_that_the_component_knows() {
    for case in Case::all() {
        let Some(mood) = case.mood else {
            continue;
        };
        let component = case.component.expect("what has a mood is a component");
        let sources = artifacts::repository()
            .join("tests/components")
            .join(component)
            .join("src");
        let known = ["lib.rs", "mood.rs"].map(|file| std::fs::read_to_string(sources.join(file)));
        let known = known.into_iter().flatten().collect::<String>();
        assert!(known.contains(&format!("\"{mood}\"")), "{mood}");
    }
}

#[tokio::test]
async fn an_edition_is_a_component_with_another_digest() {
    let room = std::fs::read(&artifacts::components().await["room"]).expect("it can be read");
    let edition = artifacts::edited("room", "another").await;
    assert_ne!(room, edition);
    let engine = wasmtime::Engine::default();
    wasmtime::component::Component::new(&engine, edition).expect("it is valid");
}
