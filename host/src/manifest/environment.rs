//! Settings from the environment: `INNKEEPER_CONTEXT__ROOM__LIMITS__DEADLINE=2s` is `context.room.limits.deadline = "2s"`.

use std::{collections::BTreeMap, ffi::OsString};

use super::{
    document::{Node, Place, Value},
    fault::Fault,
};

/// What each of our variables begins with.
const PREFIX: &str = "INNKEEPER_";
/// What stands between the keys of a path. Every setting is in a section, so each has one; a variable without is another's: a flag's
/// (`INNKEEPER_DATA`), or one of those that Kubernetes makes for a service (`INNKEEPER_SERVICE_HOST`).
const SEPARATOR: &str = "__";

/// Sets in `document` what the variables say.
pub(super) fn overlay(
    document: &mut Node,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(), Fault> {
    let settings: BTreeMap<String, OsString> = variables
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| {
            name.strip_prefix(PREFIX)
                .is_some_and(|rest| rest.contains(SEPARATOR))
        })
        .collect();
    for (name, value) in settings {
        let place = Place::Variable(name.as_str().into());
        let path = path(&name).ok_or_else(|| {
            Fault::new(format!("not the name of a setting; write {PREFIX}<SECTION>{SEPARATOR}<KEY>, for example {PREFIX}GATEWAY{SEPARATOR}DRAIN")).at(&place)
        })?;
        let value = value
            .into_string()
            .map_err(|_| Fault::new("the value is not UTF-8").at(&place))?;
        document.set(&path, Value::Variable(value), &place);
    }
    Ok(())
}

/// The path that a variable names.
fn path(variable: &str) -> Option<Vec<String>> {
    let lower = variable.strip_prefix(PREFIX)?.to_ascii_lowercase();
    let mut path: Vec<String> = lower.split(SEPARATOR).map(str::to_owned).collect();
    if path
        .iter()
        .any(|key| key.is_empty() || key.starts_with('_') || key.ends_with('_'))
    {
        return None;
    }
    let name = match path.as_slice() {
        [section, ..] if matches!(section.as_str(), "context" | "saga") => 1,
        [section, list, ..] if section == "admin" && list == "tokens" => 2,
        [section, list, ..] if section == "rollout" && list == "keys" => 2,
        _ => return Some(path),
    };
    if let Some(name) = path.get_mut(name) {
        // Names have dashes, which a variable cannot.
        *name = name.replace('_', "-");
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_names_a_path() {
        let parts = |name| path(name).map(|path| path.join("."));
        assert_eq!(
            parts("INNKEEPER_GATEWAY__MAX_CONNECTIONS").as_deref(),
            Some("gateway.max_connections")
        );
        assert_eq!(
            parts("INNKEEPER_CONTEXT__VIEW_PAGE__LIMITS__DEADLINE").as_deref(),
            Some("context.view-page.limits.deadline")
        );
        assert_eq!(
            parts("INNKEEPER_CONTEXT__ROOM__CONFIG__A_B").as_deref(),
            Some("context.room.config.a_b")
        );
        assert_eq!(
            parts("INNKEEPER_ADMIN__TOKENS__NIGHT_SHIFT__FILE").as_deref(),
            Some("admin.tokens.night-shift.file")
        );
        assert_eq!(
            parts("INNKEEPER_ROLLOUT__KEYS__BUILD_SERVER").as_deref(),
            Some("rollout.keys.build-server")
        );
        assert_eq!(parts("INNKEEPER___GATEWAY"), None);
        assert_eq!(parts("INNKEEPER_GATEWAY__"), None);
        assert_eq!(parts("INNKEEPER_GATEWAY____DRAIN"), None);
    }
}
