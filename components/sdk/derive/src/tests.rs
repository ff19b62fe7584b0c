use syn::parse_quote;

use super::*;

fn refusal(input: DeriveInput) -> String {
    expand(&input).unwrap_err().to_string()
}

#[test]
fn what_cannot_be_a_record_does_not_compile() {
    let cases: [(DeriveInput, &str); 9] = [
        (
            parse_quote!(
                struct Room<T> {
                    inner: T,
                }
            ),
            "no parameters",
        ),
        (
            parse_quote!(
                struct Room<'a> {
                    desc: &'a str,
                }
            ),
            "no parameters",
        ),
        (parse_quote!(union Room { a: u8, b: i8 }), "union"),
        (
            parse_quote!(
                enum Room {}
            ),
            "without cases",
        ),
        (
            parse_quote!(
                struct Room {
                    #[record(rename = "b")]
                    a: u8,
                    b: u8,
                }
            ),
            "two would be stored as `b`",
        ),
        (
            parse_quote!(
                enum Room {
                    A,
                    #[record(rename = "A")]
                    B,
                }
            ),
            "two would be stored as `A`",
        ),
        (
            parse_quote!(
                struct Room {
                    #[record(skip)]
                    a: u8,
                }
            ),
            "a field takes `rename",
        ),
        (
            parse_quote!(
                enum Room {
                    #[record(default)]
                    A,
                }
            ),
            "only `rename",
        ),
        (
            parse_quote!(
                #[record(rename = "x")]
                struct Room(u8);
            ),
            "at a field that has a name",
        ),
    ];
    for (input, says) in cases {
        let refusal = refusal(input);
        assert!(refusal.contains(says), "{refusal}");
    }
}

#[test]
fn what_serde_is_told_changes_nothing() {
    let plain: DeriveInput = parse_quote! {
        enum Room { Free, Held { by: u64, notes: Vec<String> } }
    };
    let dressed: DeriveInput = parse_quote! {
        #[serde(tag = "kind", rename_all = "camelCase")]
        enum Room {
            #[serde(skip)]
            Free,
            Held {
                #[serde(flatten)]
                by: u64,
                #[serde(skip_serializing_if = "Vec::is_empty", rename = "n")]
                notes: Vec<String>,
            },
        }
    };
    assert_eq!(
        expand(&plain).unwrap().to_string(),
        expand(&dressed).unwrap().to_string()
    );
}
