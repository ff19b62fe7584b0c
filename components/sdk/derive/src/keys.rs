//! `#[derive(Key)]` and `#[derive(Subject)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Ident, Index, Result};

/// A struct with a single field is a key as that is.
pub(crate) fn key(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    let refused = || {
        Error::new_spanned(
            name,
            "a key is a struct with a single field, which is a number or text, as in `struct Isbn(String);`; several parts are a tuple",
        )
    };
    let Data::Struct(data) = &input.data else {
        return Err(refused());
    };
    if !input.generics.params.is_empty() || data.fields.len() != 1 {
        return Err(refused());
    }
    let field = data.fields.iter().next().ok_or_else(refused)?;
    let ty = &field.ty;
    let member = match &field.ident {
        Some(ident) => quote!(#ident),
        None => {
            let index = Index::from(0);
            quote!(#index)
        }
    };
    Ok(quote! {
        #[automatically_derived]
        impl ::innkeeper_sdk::Key for #name {
            type Given<'a> = &'a Self;

            fn parts() -> ::std::vec::Vec<::innkeeper_sdk::private::KeyPart> {
                <#ty as ::innkeeper_sdk::Key>::parts()
            }

            fn write(key: &&Self, text: &mut ::std::string::String) {
                <#ty as ::innkeeper_sdk::Key>::write(&::innkeeper_sdk::Key::given(&key.#member), text)
            }

            fn given(&self) -> &Self {
                self
            }
        }

        #[automatically_derived]
        impl ::innkeeper_sdk::OwnedKey for #name {
            fn read(text: &str) -> ::core::option::Option<Self> {
                <#ty as ::innkeeper_sdk::OwnedKey>::read(text).map(|read| Self { #member: read })
            }
        }

        #[automatically_derived]
        impl ::innkeeper_sdk::Part for #name {
            const IS_TEXT: bool = <#ty as ::innkeeper_sdk::Part>::IS_TEXT;
        }
    })
}

/// The subject is the field that says so.
pub(crate) fn subject(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    let refused = |message: &str| Error::new_spanned(name, message);
    let Data::Struct(data) = &input.data else {
        return Err(refused("only a struct has a field that is its subject"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(refused("the subject is a field with a name"));
    };
    let marked: Vec<&Ident> = fields
        .named
        .iter()
        .filter(|field| {
            field
                .attrs
                .iter()
                .any(|attribute| attribute.path().is_ident("subject"))
        })
        .filter_map(|field| field.ident.as_ref())
        .collect();
    let [subject] = marked[..] else {
        return Err(refused(
            "say which field the events are about: `#[subject]` stands at one field, for example the id",
        ));
    };
    let (generics, types, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #generics ::innkeeper_sdk::Subject for #name #types #bounds {
            fn subject(&self) -> ::std::string::String {
                ::std::string::ToString::to_string(&self.#subject)
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn what_cannot_be_derived_is_said() {
        for (input, said) in [
            (
                parse_quote!(
                    struct Pair(u64, u64);
                ),
                "a struct with a single field",
            ),
            (
                parse_quote!(
                    enum Id {
                        A,
                    }
                ),
                "a struct with a single field",
            ),
        ] {
            assert!(key(&input).unwrap_err().to_string().contains(said));
        }
        for (input, said) in [
            (
                parse_quote!(
                    struct Room {
                        id: u64,
                    }
                ),
                "say which field",
            ),
            (
                parse_quote!(
                    struct Room {
                        #[subject]
                        id: u64,
                        #[subject]
                        other: u64,
                    }
                ),
                "say which field",
            ),
            (
                parse_quote!(
                    struct Room(u64);
                ),
                "a field with a name",
            ),
        ] {
            assert!(subject(&input).unwrap_err().to_string().contains(said));
        }
    }
}
