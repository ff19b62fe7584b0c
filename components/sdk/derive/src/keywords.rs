//! `#[json_schema(format = "email", examples = ["a@b.example"])]`: keywords of JSON Schema, for the documents of the app.

use syn::{Attribute, Error, Expr, ExprLit, ExprUnary, Lit, Result, UnOp};

/// How long the contract lets a keyword be.
const LONGEST: usize = 64;

/// The keywords that are said of a type, each with its value as JSON.
pub(crate) fn keywords(attributes: &[Attribute]) -> Result<Vec<(String, String)>> {
    let mut said: Vec<(String, String)> = Vec::new();
    let ours = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("json_schema"));
    for attribute in ours {
        attribute.parse_nested_meta(|meta| {
            let Some(name) = meta.path.get_ident().map(ToString::to_string) else {
                return Err(meta.error("a keyword is one word"));
            };
            if name.len() > LONGEST || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(meta.error(format!("a keyword is letters and digits, as JSON Schema writes it (`maxLength`), and {LONGEST} of them at most")));
            }
            if said.iter().any(|(known, _)| *known == name) {
                return Err(meta.error(format!("the keyword `{name}` is said twice")));
            }
            let value = json(&meta.value()?.parse()?)?;
            said.push((name, value));
            Ok(())
        })?;
    }
    Ok(said)
}

/// Refuses keywords where no type begins.
pub(crate) fn none(attributes: &[Attribute]) -> Result<()> {
    match attributes
        .iter()
        .find(|attribute| attribute.path().is_ident("json_schema"))
    {
        Some(attribute) => Err(Error::new_spanned(
            attribute,
            "`#[json_schema(…)]` stands above a type: give this one of its own, for example `struct Email(String)`",
        )),
        None => Ok(()),
    }
}

/// A value as JSON.
fn json(value: &Expr) -> Result<String> {
    let refused = || {
        Error::new_spanned(
            value,
            "the value of a keyword is a text, a number, true, false, or a list of these in brackets",
        )
    };
    match value {
        Expr::Lit(ExprLit { lit, .. }) => match lit {
            Lit::Str(text) => Ok(quoted(&text.value())),
            Lit::Bool(value) => Ok(value.value.to_string()),
            Lit::Int(number) => Ok(number.base10_digits().to_owned()),
            // JSON has digits on both sides of a point.
            Lit::Float(number) => match number.base10_parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(format!("{number:?}")),
                _ => Err(refused()),
            },
            _ => Err(refused()),
        },
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr,
            ..
        }) => match json(expr)? {
            number if number.starts_with(|first: char| first.is_ascii_digit()) => {
                Ok(format!("-{number}"))
            }
            _ => Err(refused()),
        },
        Expr::Array(items) => {
            let items: Result<Vec<_>> = items.elems.iter().map(json).collect();
            Ok(format!("[{}]", items?.join(",")))
        }
        _ => Err(refused()),
    }
}

/// A text of JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if u32::from(control) < 0x20 => {
                quoted.extend(format!("\\u{:04x}", u32::from(control)).chars());
            }
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use syn::{DeriveInput, parse_quote};

    use super::*;

    fn said(input: &DeriveInput) -> std::result::Result<Vec<String>, String> {
        let said = keywords(&input.attrs).map_err(|error| error.to_string())?;
        Ok(said
            .into_iter()
            .map(|(name, json)| format!("{name}: {json}"))
            .collect())
    }

    #[test]
    fn values_are_told_as_json() {
        let input = parse_quote!(
            #[json_schema(format = "a \"b\\ \n", type = -7, multipleOf = 0.5)]
            #[json_schema(deprecated = true, examples = ["x", [1_000]])]
            struct Email(String);
        );
        assert_eq!(
            said(&input).unwrap(),
            [
                "format: \"a \\\"b\\\\ \\u000a\"",
                "type: -7",
                "multipleOf: 0.5",
                "deprecated: true",
                "examples: [\"x\",[1000]]"
            ]
        );
    }

    #[test]
    fn what_is_no_value_does_not_compile() {
        let inputs: [(DeriveInput, &str); 5] = [
            (
                parse_quote!(
                    #[json_schema(max_length = 3)]
                    struct Email(String);
                ),
                "letters and digits",
            ),
            (
                parse_quote!(
                    #[json_schema(format = FORMAT)]
                    struct Email(String);
                ),
                "is a text, a number",
            ),
            (
                parse_quote!(
                    #[json_schema(format = -"email")]
                    struct Email(String);
                ),
                "is a text, a number",
            ),
            (
                parse_quote!(
                    #[json_schema(x::format = "email")]
                    struct Email(String);
                ),
                "one word",
            ),
            (
                parse_quote!(
                    #[json_schema(format = "email", format = "uri")]
                    struct Email(String);
                ),
                "said twice",
            ),
        ];
        for (input, says) in inputs {
            let refused = said(&input).unwrap_err();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
