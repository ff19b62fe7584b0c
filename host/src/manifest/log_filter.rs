//! What is logged: a level, or levels by module.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// No level, and no list of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a log level; write one (`error`, `warn`, `info`, `debug`, `trace`, `off`) or a list such as `info,innkeeper::events=debug`"
)]
pub struct InvalidLogFilter(String);

/// Reads it.
///
/// # Errors
///
/// When it has a word that is neither a level nor one for a module. The library takes that for the name of a module, of which everything is logged, and nothing of all
/// others: most often it is a level that is misspelt.
pub(crate) fn parse_log_filter(text: &str) -> Result<EnvFilter, InvalidLogFilter> {
    let invalid = |part: &str| Err(InvalidLogFilter(part.to_owned()));
    let mut words = words(text).map(str::trim).filter(|word| !word.is_empty());
    let Some(first) = words.next() else {
        return invalid(text);
    };
    let is_known = |word: &str| {
        word.contains("::") || word.contains(['=', '[']) || word.parse::<LevelFilter>().is_ok()
    };
    if let Some(unknown) = std::iter::once(first)
        .chain(words)
        .find(|word| !is_known(word))
    {
        return invalid(unknown);
    }
    EnvFilter::builder().parse(text).or_else(|_| invalid(text))
}

/// What stands between commas, but for those within brackets.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    text.split(move |character| {
        match character {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_misspelt_is_no_module() {
        for text in [
            "error",
            "WARN",
            "off",
            "info,innkeeper::events=debug",
            "warn,innkeeper=debug",
            "innkeeper::events",
            "info,hyper=off,[rollout]=trace",
            "[request{a}]=debug",
            "info,",
            "info,,hyper=off",
        ] {
            assert!(parse_log_filter(text).is_ok(), "{text}");
        }
        for text in [
            "",
            " ",
            ",",
            "infoo",
            "warning",
            "inf,innkeeper=debug",
            "innkeeper=debug,inf",
            "innkeeper=debugg",
            "a=b=c",
            "innkeeper",
        ] {
            assert!(parse_log_filter(text).is_err(), "{text}");
        }
        let error = parse_log_filter("info,innkeper").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("`innkeper` is not a log level"),
            "{error}"
        );
    }
}
