use syn::parse_quote;

use super::*;

#[test]
fn what_cannot_be_told_does_not_compile() {
    let cases: [(DeriveInput, &str); 9] = [
        (
            parse_quote!(
                struct Loan<T> {
                    inner: T,
                }
            ),
            "no parameters",
        ),
        (
            parse_quote!(
                struct Loan {
                    #[serde(flatten)]
                    rest: Rest,
                }
            ),
            "`flatten`",
        ),
        (
            parse_quote!(
                #[serde(tag = "kind")]
                enum Loan {
                    Open,
                }
            ),
            "`tag`",
        ),
        (
            parse_quote!(
                struct Loan {
                    #[serde(with = "hex")]
                    id: u64,
                }
            ),
            "`with`",
        ),
        (
            parse_quote!(
                #[serde(deny_unknown_fields)]
                struct Loan {
                    id: u64,
                }
            ),
            "leave `deny_unknown_fields` out",
        ),
        (
            parse_quote!(
                struct Loan {
                    #[serde(default, skip_serializing_if = "Vec::is_empty")]
                    notes: Vec<String>,
                }
            ),
            "is an `Option`",
        ),
        (
            parse_quote!(
                struct Loan {
                    #[json_schema(format = "email")]
                    by: String,
                }
            ),
            "stands above a type",
        ),
        (
            parse_quote!(
                #[serde(rename_all = "camel")]
                struct Loan {
                    id: u64,
                }
            ),
            "serde knows lowercase",
        ),
        (
            parse_quote!(
                #[serde(try_from = "String")]
                struct Loan(String);
            ),
            "`try_from`",
        ),
    ];
    for (input, says) in cases {
        let refusal = expand(&input, Purpose::Events).unwrap_err().to_string();
        assert!(refusal.contains(says), "{refusal}");
    }
}

#[test]
fn what_is_told_to_people_may_be_more_than_what_events_are() {
    let input: DeriveInput = parse_quote!(
        /// What a client
        /// may set.
        ///
        /// And nothing else.
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        struct NewRoom {
            #[serde(skip_serializing_if = "Vec::is_empty")]
            beds: Vec<u8>,
        }
    );
    let made = expand(&input, Purpose::Documents).unwrap().to_string();
    for part in [
        "Annotation :: Name (\"NewRoom\"",
        "Annotation :: Description (\"What a client may set.\"",
        "Annotation :: Closed",
        "field_at (types . in_json :: < Vec < u8 > > () , \"beds\" , true)",
    ] {
        assert!(made.contains(part), "{part} is not in {made}");
    }
}

#[test]
fn what_is_read_and_written_as_another_type_is_told_as_that() {
    let told: [DeriveInput; 4] = [
        parse_quote!(
            #[serde(try_from = "String")]
            struct Wish;
        ),
        parse_quote!(
            #[serde(into = "String", from = "String")]
            struct Room {
                desc: Text<20>,
            }
        ),
        parse_quote!(
            #[serde(try_from = "String", into = "String")]
            enum Kind {
                Single,
            }
        ),
        parse_quote!(
            #[serde(try_from = "String")]
            struct Isbn(String);
        ),
    ];
    for input in told {
        let made = expand(&input, Purpose::Documents).unwrap().to_string();
        assert!(made.contains("< String as"), "{made}");
    }
    // One who reads it as that writes it as something else, or the other way round.
    let untold: [DeriveInput; 6] = [
        parse_quote!(
            #[serde(from = "String", into = "u64")]
            struct Odd;
        ),
        parse_quote!(
            #[serde(from = "OldRoom")]
            struct Room {
                desc: String,
            }
        ),
        parse_quote!(
            #[serde(into = "OldRoom")]
            struct Room {
                desc: String,
            }
        ),
        parse_quote!(
            #[serde(try_from = "String")]
            enum Kind {
                Single,
            }
        ),
        parse_quote!(
            #[serde(try_from = "String")]
            struct Id(u64);
        ),
        parse_quote!(
            #[serde(try_from = "String")]
            struct Id(#[serde(with = "hex")] String);
        ),
    ];
    for input in untold {
        let refusal = expand(&input, Purpose::Documents).unwrap_err().to_string();
        assert!(refusal.contains("read as one type"), "{refusal}");
    }
}
