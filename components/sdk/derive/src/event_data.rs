//! `#[derive(EventData)]`: the shape of the JSON that serde makes of a type.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, FieldsNamed, FieldsUnnamed, Result, Type};

use crate::serde_attributes::{Case, Container, Member, case_name, field_name};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &input.generics,
            "the data of an event has no parameters: derive `EventData` for a type without them",
        ));
    }
    let name = &input.ident;
    let container = Container::read(&input.attrs)?;
    let data_type = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => {
                let all = (container.rename_all, container.default);
                let fields = named(fields, all.0, all.1)?;
                quote!(__record::DataType::Record(::std::vec![#(#fields),*]))
            }
            Fields::Unnamed(fields) if fields.unnamed.is_empty() => {
                return Err(Error::new_spanned(
                    name,
                    "a struct with an empty tuple is an empty list in JSON, which says nothing: leave the parentheses out",
                ));
            }
            Fields::Unnamed(fields) => match unnamed(fields)?[..] {
                [ty] => quote!(<#ty as ::innkeeper_sdk::EventData>::data_type(types)),
                ref parts => quote!(__record::DataType::Tuple(
                    ::std::vec![#(types.in_events::<#parts>()),*]
                )),
            },
            Fields::Unit => quote!(<() as ::innkeeper_sdk::EventData>::data_type(types)),
        },
        Data::Enum(data) => {
            let mut cases = Vec::new();
            for variant in &data.variants {
                let said = Member::of_case(&variant.attrs)?;
                if said.skip {
                    continue;
                }
                let name = case_name(&variant.ident, &said, container.rename_all);
                let value = match &variant.fields {
                    Fields::Unit => quote!(::core::option::Option::None),
                    Fields::Named(fields) => {
                        let all = said.rename_all.or(container.rename_all_fields);
                        let fields = named(fields, all, false)?;
                        quote!({
                            let fields = __record::DataType::Record(::std::vec![#(#fields),*]);
                            ::core::option::Option::Some(types.add(fields))
                        })
                    }
                    Fields::Unnamed(fields) => match unnamed(fields)?[..] {
                        [ty] => quote!(::core::option::Option::Some(types.in_events::<#ty>())),
                        ref parts => quote!({
                            let parts = ::std::vec![#(types.in_events::<#parts>()),*];
                            ::core::option::Option::Some(
                                types.add(__record::DataType::Tuple(parts)),
                            )
                        }),
                    },
                };
                cases.push(quote!(__record::case(#name, #value)));
            }
            quote!(__record::DataType::Variant(::std::vec![#(#cases),*]))
        }
        Data::Union(_) => {
            return Err(Error::new_spanned(
                name,
                "a union cannot be the data of an event: nobody can tell which of its fields it has",
            ));
        }
    };
    Ok(quote! {
        #[allow(unused_variables, reason = "where there are no parts")]
        const _: () = {
            use ::innkeeper_sdk::private::record as __record;

            #[automatically_derived]
            impl ::innkeeper_sdk::EventData for #name {
                fn data_type(types: &mut __record::Types) -> __record::DataType {
                    #data_type
                }
            }
        };
    })
}

fn named(
    fields: &FieldsNamed,
    rename_all: Option<Case>,
    all_default: bool,
) -> Result<Vec<TokenStream>> {
    let mut described = Vec::new();
    for field in &fields.named {
        let Some(ident) = &field.ident else { continue };
        let said = Member::of_field(field)?;
        if said.skip {
            continue;
        }
        let name = field_name(ident, &said, rename_all);
        let (ty, default) = (&field.ty, said.default || all_default);
        described.push(quote!(__record::event_field::<#ty>(types, #name, #default)));
    }
    Ok(described)
}

fn unnamed(fields: &FieldsUnnamed) -> Result<Vec<&Type>> {
    let mut types = Vec::new();
    for field in &fields.unnamed {
        let said = Member::of_field(field)?;
        if said.skip || said.default {
            return Err(Error::new_spanned(
                field,
                "a field without a name is always there: give it a name, or leave this out",
            ));
        }
        types.push(&field.ty);
    }
    Ok(types)
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn what_cannot_be_told_does_not_compile() {
        let cases: [(DeriveInput, &str); 7] = [
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
                    #[serde(rename_all = "camel")]
                    struct Loan {
                        id: u64,
                    }
                ),
                "serde knows lowercase",
            ),
        ];
        for (input, says) in cases {
            let refusal = expand(&input).unwrap_err().to_string();
            assert!(refusal.contains(says), "{refusal}");
        }
    }
}
