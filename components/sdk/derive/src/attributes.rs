use syn::ext::IdentExt;
use syn::{Attribute, Error, Ident, LitStr, Result};

/// What is said of a field or a case.
pub(crate) struct Said {
    /// The name that it has where it is stored.
    pub(crate) name: String,
    /// Whether there is a value for it where a record lacks it.
    pub(crate) default: bool,
}

/// Reads `#[record(rename = "name", default)]`.
pub(crate) fn read(ident: &Ident, attributes: &[Attribute], may_default: bool) -> Result<Said> {
    let mut said = Said {
        name: ident.unraw().to_string(),
        default: false,
    };
    for attribute in attributes {
        if !attribute.path().is_ident("record") {
            continue;
        }
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename") {
                said.name = meta.value()?.parse::<LitStr>()?.value();
                Ok(())
            } else if meta.path.is_ident("default") && may_default {
                said.default = true;
                Ok(())
            } else {
                Err(meta.error(match may_default {
                    true => "a field takes `rename = \"…\"` and `default`",
                    false => "only `rename = \"…\"` is possible here",
                }))
            }
        })?;
    }
    Ok(said)
}

/// Refuses attributes where there is nothing to say.
pub(crate) fn none(attributes: &[Attribute]) -> Result<()> {
    let mut ours = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("record"));
    match ours.next() {
        Some(attribute) => Err(Error::new_spanned(
            attribute,
            "`#[record(…)]` stands at a field that has a name, or at a case",
        )),
        None => Ok(()),
    }
}

/// Refuses two of one name.
pub(crate) fn all_differ(names: &[(String, &Ident)]) -> Result<()> {
    for (place, (name, ident)) in names.iter().enumerate() {
        if names[..place].iter().any(|(before, _)| before == name) {
            return Err(Error::new_spanned(
                ident,
                format!(
                    "two would be stored as `{name}`; `#[record(rename = \"…\")]` gives one of them another name"
                ),
            ));
        }
    }
    Ok(())
}
