//! What serde is told of a type, as far as it says what its JSON is made of.

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, Field, Fields, Ident, LitStr, Result, Token, Type,
};

use crate::json_schema::Purpose;
use crate::keywords;

/// What is said of a whole type.
#[derive(Default)]
pub(crate) struct Container {
    /// How its fields, or its cases, are written.
    pub(crate) rename_all: Option<Case>,
    /// How the fields of its cases are written.
    pub(crate) rename_all_fields: Option<Case>,
    /// Whether each field has a default.
    pub(crate) default: bool,
    /// Whether it takes no fields but its own.
    pub(crate) is_closed: bool,
    /// The type that it is read and written as, if that is another one.
    pub(crate) converted: Option<Type>,
}

/// What is said of a field or of a case.
pub(crate) struct Member {
    /// Its name in the JSON, where it is given one.
    pub(crate) rename: Option<String>,
    /// How the fields of the case are written.
    pub(crate) rename_all: Option<Case>,
    /// Whether there is a value for it where it is left out.
    pub(crate) default: bool,
    /// Whether it is not in the JSON at all.
    pub(crate) skip: bool,
}

/// A way to write names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

const CASES: [(&str, Case); 8] = [
    ("lowercase", Case::Lower),
    ("UPPERCASE", Case::Upper),
    ("PascalCase", Case::Pascal),
    ("camelCase", Case::Camel),
    ("snake_case", Case::Snake),
    ("SCREAMING_SNAKE_CASE", Case::ScreamingSnake),
    ("kebab-case", Case::Kebab),
    ("SCREAMING-KEBAB-CASE", Case::ScreamingKebab),
];

impl Case {
    /// A field, which is `written_so`.
    pub(crate) fn field(self, name: &str) -> String {
        let words = || name.split('_').filter(|word| !word.is_empty());
        match self {
            Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Pascal => words().map(capitalized).collect(),
            Self::Camel => uncapitalized(&words().map(capitalized).collect::<String>()),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }

    /// A case, which is `WrittenSo`.
    pub(crate) fn variant(self, name: &str) -> String {
        let mut snake = String::new();
        for (place, character) in name.char_indices() {
            if place > 0 && character.is_uppercase() {
                snake.push('_');
            }
            snake.push(character.to_ascii_lowercase());
        }
        match self {
            Self::Pascal => name.to_owned(),
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Camel => uncapitalized(name),
            Self::Snake => snake,
            Self::ScreamingSnake => snake.to_ascii_uppercase(),
            Self::Kebab => snake.replace('_', "-"),
            Self::ScreamingKebab => snake.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

fn uncapitalized(word: &str) -> String {
    let mut characters = word.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

impl Container {
    pub(crate) fn read(input: &DeriveInput, purpose: Purpose) -> Result<Self> {
        let mut said = Self::default();
        let (mut read_as, mut written_as) = (None, None);
        each(&input.attrs, |meta| {
            match name(&meta).as_str() {
                "rename_all" => said.rename_all = Some(case(&meta)?),
                "rename_all_fields" => said.rename_all_fields = Some(case(&meta)?),
                "default" => said.default = is_default(&meta)?,
                "deny_unknown_fields" if purpose == Purpose::Documents => said.is_closed = true,
                "deny_unknown_fields" => {
                    return Err(meta.error(
                        "an event may get fields that its followers do not know, and goes on being read: leave `deny_unknown_fields` out",
                    ));
                }
                "rename" | "bound" | "crate" | "expecting" => ignore(&meta)?,
                // What has a single field is written as that anyway, where the field has no name.
                "transparent" => {}
                "from" | "try_from" if purpose == Purpose::Documents => {
                    read_as = Some(another_type(&meta)?);
                }
                "into" if purpose == Purpose::Documents => {
                    written_as = Some(another_type(&meta)?);
                }
                other => return Err(untold(&meta, other, purpose)),
            }
            Ok(())
        })?;
        said.converted = converted(read_as, written_as, &input.data)?;
        Ok(said)
    }
}

/// The type that a type is read and written as: one for both.
fn converted(read_as: Option<Type>, written_as: Option<Type>, data: &Data) -> Result<Option<Type>> {
    let (ty, is_one) = match (read_as, written_as) {
        (None, None) => return Ok(None),
        (Some(read_as), Some(written_as)) => {
            let is_one = is_same(&read_as, &written_as);
            (read_as, is_one)
        }
        (Some(ty), None) | (None, Some(ty)) => {
            let is_one = is_written_as(data, &ty);
            (ty, is_one)
        }
    };
    if is_one {
        return Ok(Some(ty));
    }
    Err(Error::new_spanned(
        ty,
        "it is read as one type and written as another, and what is told is one: name the same type in `into` as in `from` or `try_from`, do without `JsonSchema`, or make two types of it",
    ))
}

/// Whether what has no conversion is that type all the same: nothing of its own would be told, or it is around such a value alone.
fn is_written_as(data: &Data, ty: &Type) -> bool {
    let Data::Struct(data) = data else {
        return false;
    };
    match &data.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
            let is_plain = |attribute: &Attribute| !attribute.path().is_ident("serde");
            let mut fields = fields.unnamed.iter();
            fields.all(|field| is_same(&field.ty, ty) && field.attrs.iter().all(is_plain))
        }
        fields => fields.is_empty(),
    }
}

impl Member {
    pub(crate) fn of_case(attributes: &[Attribute], purpose: Purpose) -> Result<Self> {
        Self::read(attributes, None, purpose)
    }

    pub(crate) fn of_field(field: &Field, purpose: Purpose) -> Result<Self> {
        Self::read(&field.attrs, Some(&field.ty), purpose)
    }

    fn read(attributes: &[Attribute], ty: Option<&Type>, purpose: Purpose) -> Result<Self> {
        let mut said = Self {
            rename: None,
            rename_all: None,
            default: false,
            skip: false,
        };
        keywords::none(attributes)?;
        each(attributes, |meta| {
            match name(&meta).as_str() {
                "rename" if meta.input.peek(Token![=]) => {
                    said.rename = Some(meta.value()?.parse::<LitStr>()?.value());
                }
                "rename_all" => said.rename_all = Some(case(&meta)?),
                "default" => said.default = is_default(&meta)?,
                "skip" => said.skip = true,
                "skip_serializing_if" if ty.is_some_and(is_option) => ignore(&meta)?,
                // Whoever reads it is told that it need not be there.
                "skip_serializing_if" if purpose == Purpose::Documents => {
                    ignore(&meta)?;
                    said.default = true;
                }
                "skip_serializing_if" => {
                    return Err(meta.error(
                        "what may be left out is an `Option` in an event, so that its followers know",
                    ));
                }
                "alias" | "bound" | "borrow" => ignore(&meta)?,
                other => return Err(untold(&meta, other, purpose)),
            }
            Ok(())
        })?;
        Ok(said)
    }
}

/// The name that a field has in the JSON.
pub(crate) fn field_name(ident: &Ident, said: &Member, all: Option<Case>) -> String {
    let plain = ident.unraw().to_string();
    let renamed = said.rename.clone();
    renamed.unwrap_or_else(|| all.map_or(plain.clone(), |case| case.field(&plain)))
}

/// The name that a case has in the JSON.
pub(crate) fn case_name(ident: &Ident, said: &Member, all: Option<Case>) -> String {
    let plain = ident.unraw().to_string();
    let renamed = said.rename.clone();
    renamed.unwrap_or_else(|| all.map_or(plain.clone(), |case| case.variant(&plain)))
}

fn each(
    attributes: &[Attribute],
    mut read: impl FnMut(ParseNestedMeta<'_>) -> Result<()>,
) -> Result<()> {
    for attribute in attributes {
        if attribute.path().is_ident("serde") {
            attribute.parse_nested_meta(&mut read)?;
        }
    }
    Ok(())
}

fn name(meta: &ParseNestedMeta<'_>) -> String {
    let ident = meta.path.get_ident();
    ident.map(ToString::to_string).unwrap_or_default()
}

fn case(meta: &ParseNestedMeta<'_>) -> Result<Case> {
    let text: LitStr = meta.value()?.parse()?;
    let known = CASES.iter().find(|(name, _)| *name == text.value());
    known.map(|(_, case)| *case).ok_or_else(|| {
        Error::new(
            text.span(),
            format!("serde knows {}", CASES.map(|(name, _)| name).join(", ")),
        )
    })
}

/// `default`, or `default = "path"`.
fn is_default(meta: &ParseNestedMeta<'_>) -> Result<bool> {
    ignore(meta)?;
    Ok(true)
}

/// Passes over a value, if there is one.
fn ignore(meta: &ParseNestedMeta<'_>) -> Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        let content;
        syn::parenthesized!(content in meta.input);
        content.parse::<proc_macro2::TokenStream>()?;
    }
    Ok(())
}

/// The type that `from`, `try_from` or `into` names.
fn another_type(meta: &ParseNestedMeta<'_>) -> Result<Type> {
    meta.value()?.parse::<LitStr>()?.parse()
}

/// Whether two types are written in the same way.
fn is_same(one: &Type, other: &Type) -> bool {
    one.to_token_stream().to_string() == other.to_token_stream().to_string()
}

fn is_option(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|segment| segment.ident == "Option")
}

fn untold(meta: &ParseNestedMeta<'_>, name: &str, purpose: Purpose) -> Error {
    let then = match purpose {
        Purpose::Documents => "the app's documents do not say what it is made of",
        Purpose::Events => "the event is published, and not compared with what its followers read",
    };
    let derive = purpose.name();
    meta.error(format!(
        "what `{name}` makes of the JSON cannot be told to the host: do without it, or without `{derive}`; then {then}"
    ))
}
