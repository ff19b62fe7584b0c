//! What names are made of that people give: those of contexts, apps, sagas, schedules, tokens and keys.

/// What a name may be, for people.
pub(crate) const NAME_RULE: &str = "names match [a-z][a-z0-9-]* and have at most 63 characters";

/// As many characters a name has at most.
const LONGEST: usize = 63;

/// A text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name; {NAME_RULE}")]
pub struct InvalidName(String);

/// Refuses what is no name: one matches `[a-z][a-z0-9-]*`, and has at most 63 characters.
///
/// Journals and directories hold such names, so what was one has to stay one.
///
/// # Errors
///
/// When it is none.
pub(crate) fn check_name(text: &str) -> Result<(), InvalidName> {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = text.len() <= LONGEST
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(is_allowed);
    match is_name {
        true => Ok(()),
        false => Err(InvalidName(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_once_a_name_is_one() {
        let longest = "x".repeat(63);
        for name in ["a", "room", "night-desk", "a-", "a--b", "z9", &longest] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn whatever_else_is_none_and_is_told_what_one_is() {
        let too_long = "x".repeat(64);
        for text in [
            "", "Room", "rOom", "9a", "-a", "a_b", "a.b", "a b", "ü", "aü", "a\n", &too_long,
        ] {
            let error = check_name(text).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{text}` is not a name; {NAME_RULE}")
            );
        }
    }

    proptest! {
        #[test]
        fn a_name_is_what_the_rule_says(text in "[a-zA-Z0-9_.é -]{0,70}", name in "[a-z][a-z0-9-]{0,62}") {
            prop_assert_eq!(check_name(&name), Ok(()));
            let mut characters = text.chars();
            let matches = characters.next().is_some_and(|first| "abcdefghijklmnopqrstuvwxyz".contains(first))
                && characters.all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'))
                && text.chars().count() <= 63;
            prop_assert_eq!(check_name(&text).is_ok(), matches, "{}", text);
        }
    }
}
