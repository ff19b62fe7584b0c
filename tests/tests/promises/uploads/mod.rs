//! What is uploaded may be hostile: it is refused in time, in little memory, and leaves nothing.

mod apart;
mod busy;
mod exports;
mod leftovers;
mod places;
mod starts;
mod types;

use innkeeper_tests::Settings;

/// One small context.
async fn idler() -> Settings {
    Settings::empty().with("idler", "idler").await
}

/// A small component that takes a type whose text is huge: tuples of tuples, so deep, of an enumeration with so many long names.
fn bomb(name: &str, names: usize, depth: usize) -> Vec<u8> {
    let cases: String = (0..names)
        .map(|number| format!("\"{}-n{number}\" ", "a-long-name".repeat(6)))
        .collect();
    let mut types = format!("(type $e (enum {cases})) (export \"kind\" (type $t0 (eq $e)))");
    for level in 1..=depth {
        let parts = format!("$t{} ", level - 1).repeat(8);
        types.push_str(&format!("(type $t{level} (tuple {parts}))"));
    }
    let text = format!(
        r#"(component (import "stay:{name}/types@0.1.0" (instance {types}
            (type $error (variant (case "unavailable" string)))
            (export "error" (type $failure (eq $error)))
            (export "take" (func (param "all" $t{depth}) (result (result (error $failure))))))))"#
    );
    wat::parse_str(text).expect("it is WebAssembly text")
}
