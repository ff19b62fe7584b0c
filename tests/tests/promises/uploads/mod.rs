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

/// A component of some kilobytes that takes a type whose text has hundreds of megabytes: tuples of tuples of an enumeration with so many long names.
fn bomb(name: &str, names: usize) -> Vec<u8> {
    const DEPTH: usize = 6;
    let cases: String = (0..names)
        .map(|number| format!("\"{}-n{number}\" ", "a-long-name".repeat(6)))
        .collect();
    let mut types = format!("(type $e (enum {cases})) (export \"kind\" (type $t0 (eq $e)))");
    for depth in 1..=DEPTH {
        let parts = format!("$t{} ", depth - 1).repeat(8);
        types.push_str(&format!("(type $t{depth} (tuple {parts}))"));
    }
    let text = format!(
        r#"(component (import "stay:{name}/types@0.1.0" (instance {types}
            (type $error (variant (case "unavailable" string)))
            (export "error" (type $failure (eq $error)))
            (export "take" (func (param "all" $t{DEPTH}) (result (result (error $failure))))))))"#
    );
    wat::parse_str(text).expect("it is WebAssembly text")
}
