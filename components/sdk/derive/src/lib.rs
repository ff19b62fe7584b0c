//! The macros of the SDK.
//!
//! `context!` makes of the declaration of a context what the host is told, what runs, and the bindings of the interfaces that it names.
//! `#[derive(Record)]` says how a type is described, written and read, from one list of its fields, so that the three cannot differ.

mod attributes;
mod context;
mod fields;
mod json_schema;
mod keys;
mod keywords;
mod serde_attributes;
mod structs;
mod variants;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Result, parse_macro_input};

use json_schema::Purpose;

/// Makes a type one that tables keep: see the trait `Record`.
#[proc_macro_derive(Record, attributes(record))]
pub fn record(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

/// Makes a struct with a single field a key of tables: see the trait `Key`.
#[proc_macro_derive(Key)]
pub fn key(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    keys::key(&input)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

/// Tells the host what the data of events is made of: see the trait `EventData`.
#[proc_macro_derive(EventData, attributes(serde, json_schema))]
pub fn event_data(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    told(input, Purpose::Events)
}

/// Tells what JSON a type is, for the app's documents: see the trait `JsonSchema`.
#[proc_macro_derive(JsonSchema, attributes(serde, json_schema))]
pub fn json_schema(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    told(input, Purpose::Documents)
}

fn told(input: proc_macro::TokenStream, purpose: Purpose) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    json_schema::expand(&input, purpose)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

/// Says which field events with this data are about: `#[subject]` stands at it.
#[proc_macro_derive(Subject, attributes(subject))]
pub fn subject(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    keys::subject(&input)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

/// Declares a context: see `innkeeper_sdk::context!`.
#[proc_macro]
pub fn context(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    // Cargo sets it for every package that it compiles.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    context::expand(input.into(), package.as_ref())
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

/// The three bodies of an implementation, and the items that it needs besides, within and beside it.
struct Parts {
    data_type: TokenStream,
    write: TokenStream,
    read: TokenStream,
    within: TokenStream,
    beside: TokenStream,
}

fn expand(input: &DeriveInput) -> Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &input.generics,
            "a record has no parameters: what a table keeps is one type; derive `Record` for a type without them",
        ));
    }
    attributes::none(&input.attrs)?;
    let name = &input.ident;
    let Parts {
        data_type,
        write,
        read,
        within,
        beside,
    } = match &input.data {
        Data::Struct(data) => structs::parts(name, &data.fields)?,
        Data::Enum(data) => variants::parts(name, data)?,
        Data::Union(_) => {
            return Err(Error::new_spanned(
                name,
                "a union cannot be a record: nobody can tell which of its fields it has",
            ));
        }
    };
    Ok(quote! {
        #[allow(unused_mut, unused_variables, reason = "where there are no fields")]
        const _: () = {
            use ::innkeeper_sdk::private::record as __record;

            #[automatically_derived]
            impl ::innkeeper_sdk::Record for #name {
                #within

                fn data_type(types: &mut __record::Types) -> __record::DataType {
                    #data_type
                }

                fn write_record<__S: __record::Serializer>(&self, serializer: __S) -> ::core::result::Result<__S::Ok, __S::Error> {
                    #write
                }

                fn read_record<'de, __D: __record::Deserializer<'de>>(deserializer: __D) -> ::core::result::Result<Self, __D::Error> {
                    #read
                }
            }

            #beside
        };
    })
}

#[cfg(test)]
mod tests;
