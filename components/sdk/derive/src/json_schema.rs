//! `#[derive(JsonSchema)]` and `#[derive(EventData)]`: the shape of the JSON that serde makes of a type.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, Data, DataEnum, DeriveInput, Error, Expr, ExprLit, Fields, FieldsNamed,
    FieldsUnnamed, Lit, Meta, Result, Type,
};

use crate::keywords::keywords;
use crate::serde_attributes::{Case, Container, Member, case_name, field_name};

/// How much of what is written above a type is told of it, in characters.
const LONGEST_DESCRIPTION: usize = 1_000;

/// What a shape is told for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// For whoever reads the app's documents.
    Documents,
    /// For the host, too, which compares the data of events with what is read of it.
    Events,
}

impl Purpose {
    /// The derive.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Documents => "JsonSchema",
            Self::Events => "EventData",
        }
    }

    /// The place of a type: what an event is made of must be such, too.
    fn place(self, ty: &Type) -> TokenStream {
        match self {
            Self::Documents => quote!(types.in_json::<#ty>()),
            Self::Events => quote!(types.in_events::<#ty>()),
        }
    }
}

pub(crate) fn expand(input: &DeriveInput, purpose: Purpose) -> Result<TokenStream> {
    if !input.generics.params.is_empty() {
        let derive = purpose.name();
        return Err(Error::new_spanned(
            &input.generics,
            format!("what is told has no parameters: derive `{derive}` for a type without them"),
        ));
    }
    let name = &input.ident;
    let container = Container::read(input, purpose)?;
    let inner = match (&container.converted, &input.data) {
        (Some(ty), _) => Some(ty.clone()),
        (None, Data::Struct(data)) => match &data.fields {
            Fields::Unnamed(fields) => match unnamed(fields, purpose)?[..] {
                [ty] => Some(ty.clone()),
                _ => None,
            },
            _ => None,
        },
        (None, _) => None,
    };
    let data_type = match (&inner, &input.data) {
        // What has a single field, or is made of another type, is written as that.
        (Some(inner), _) => quote!(<#inner as ::innkeeper_sdk::JsonSchema>::data_type(types)),
        (None, Data::Struct(data)) => of_struct(name, &data.fields, &container, purpose)?,
        (None, Data::Enum(data)) => of_enum(data, &container, purpose)?,
        (None, Data::Union(_)) => {
            return Err(Error::new_spanned(
                name,
                "a union cannot be told: nobody can tell which of its fields it has",
            ));
        }
    };
    let annotations = annotations(input, &container, inner.as_ref())?;
    let is_event_data = (purpose == Purpose::Events).then(|| {
        let parts = inner.iter();
        quote! {
            #[automatically_derived]
            impl ::innkeeper_sdk::EventData for #name {}

            #(const _: () = __record::is_event_data::<#parts>();)*
        }
    });
    Ok(quote! {
        #[allow(unused_variables, reason = "where there are no parts")]
        const _: () = {
            use ::innkeeper_sdk::private::record as __record;

            #[automatically_derived]
            impl ::innkeeper_sdk::JsonSchema for #name {
                fn data_type(types: &mut __record::Types) -> __record::DataType {
                    #data_type
                }

                fn annotations() -> ::std::vec::Vec<__record::Annotation> {
                    #annotations
                }
            }

            #is_event_data
        };
    })
}

fn of_struct(
    name: &syn::Ident,
    fields: &Fields,
    container: &Container,
    purpose: Purpose,
) -> Result<TokenStream> {
    Ok(match fields {
        Fields::Named(fields) => {
            let fields = named(fields, container.rename_all, container.default, purpose)?;
            quote!(__record::DataType::Record(::std::vec![#(#fields),*]))
        }
        Fields::Unnamed(fields) if fields.unnamed.is_empty() => {
            return Err(Error::new_spanned(
                name,
                "a struct with an empty tuple is an empty list in JSON, which says nothing: leave the parentheses out",
            ));
        }
        Fields::Unnamed(fields) => {
            let parts = unnamed(fields, purpose)?;
            let parts = parts.into_iter().map(|ty| purpose.place(ty));
            quote!(__record::DataType::Tuple(::std::vec![#(#parts),*]))
        }
        Fields::Unit => quote!(<() as ::innkeeper_sdk::JsonSchema>::data_type(types)),
    })
}

fn of_enum(data: &DataEnum, container: &Container, purpose: Purpose) -> Result<TokenStream> {
    let mut cases = Vec::new();
    for variant in &data.variants {
        let said = Member::of_case(&variant.attrs, purpose)?;
        if said.skip {
            continue;
        }
        let name = case_name(&variant.ident, &said, container.rename_all);
        let value = match &variant.fields {
            Fields::Unit => quote!(::core::option::Option::None),
            Fields::Named(fields) => {
                let all = said.rename_all.or(container.rename_all_fields);
                let fields = named(fields, all, false, purpose)?;
                let is_closed = container.is_closed;
                quote!({
                    let fields = __record::DataType::Record(::std::vec![#(#fields),*]);
                    let place = types.add(fields);
                    if #is_closed {
                        types.annotate(place, __record::Annotation::Closed);
                    }
                    ::core::option::Option::Some(place)
                })
            }
            Fields::Unnamed(fields) => match unnamed(fields, purpose)?[..] {
                [ty] => {
                    let place = purpose.place(ty);
                    quote!(::core::option::Option::Some(#place))
                }
                ref parts => {
                    let parts = parts.iter().map(|ty| purpose.place(ty));
                    quote!({
                        let parts = ::std::vec![#(#parts),*];
                        ::core::option::Option::Some(types.add(__record::DataType::Tuple(parts)))
                    })
                }
            },
        };
        cases.push(quote!(__record::case(#name, #value)));
    }
    Ok(quote!(__record::DataType::Variant(
        ::std::vec![#(#cases),*]
    )))
}

fn named(
    fields: &FieldsNamed,
    rename_all: Option<Case>,
    all_default: bool,
    purpose: Purpose,
) -> Result<Vec<TokenStream>> {
    let mut described = Vec::new();
    for field in &fields.named {
        let Some(ident) = &field.ident else { continue };
        let said = Member::of_field(field, purpose)?;
        if said.skip {
            continue;
        }
        let name = field_name(ident, &said, rename_all);
        let (place, default) = (purpose.place(&field.ty), said.default || all_default);
        described.push(quote!(__record::field_at(#place, #name, #default)));
    }
    Ok(described)
}

fn unnamed(fields: &FieldsUnnamed, purpose: Purpose) -> Result<Vec<&Type>> {
    let mut types = Vec::new();
    for field in &fields.unnamed {
        let said = Member::of_field(field, purpose)?;
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

/// What is said of the type: its name, what is written above it, and whether it takes other fields; and what is said of the type that it is written as.
fn annotations(
    input: &DeriveInput,
    container: &Container,
    inner: Option<&Type>,
) -> Result<TokenStream> {
    let name = input.ident.to_string();
    let inner = match inner {
        Some(inner) => quote!(<#inner as ::innkeeper_sdk::JsonSchema>::annotations()),
        None => quote!(::std::vec::Vec::new()),
    };
    let description = first_paragraph(&input.attrs).map(|text| {
        let text: String = text.chars().take(LONGEST_DESCRIPTION).collect();
        quote!(all.push(__record::Annotation::Description(#text.into()));)
    });
    let is_record =
        matches!(&input.data, Data::Struct(data) if matches!(data.fields, Fields::Named(_)));
    let is_closed = (container.is_closed && is_record && container.converted.is_none())
        .then(|| quote!(all.push(__record::Annotation::Closed);));
    let keywords = keywords(&input.attrs)?;
    let keywords = keywords
        .iter()
        .map(|(name, json)| quote!(__record::say_keyword(&mut all, #name, #json);));
    Ok(quote! {
        let mut all: ::std::vec::Vec<__record::Annotation> = #inner;
        all.push(__record::Annotation::Name(#name.into()));
        #description
        #is_closed
        #(#keywords)*
        all
    })
}

/// What is written above something, up to the first empty line.
pub(crate) fn first_paragraph(attributes: &[Attribute]) -> Option<String> {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(meta) = &attribute.meta else {
            return None;
        };
        match &meta.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) if meta.path.is_ident("doc") => Some(text.value()),
            _ => None,
        }
    });
    // A comment of several lines is one text.
    let text = lines.collect::<Vec<_>>().join("\n");
    let lines = text.trim().lines().map(str::trim);
    let lines: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    (!lines.is_empty()).then(|| lines.join(" "))
}

#[cfg(test)]
mod tests;
