use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Fields, Ident, Index, Result, Type};

use crate::Parts;
use crate::fields::{self, Named};

/// A struct with named fields is a record; one with a single field without a name is what that is; others without names are tuples.
pub(crate) fn parts(name: &Ident, fields: &Fields) -> Result<Parts> {
    match fields {
        Fields::Named(fields) => {
            let fields = Named::read(fields)?;
            let (idents, names, count) = (fields.idents(), fields.names(), fields.len());
            let gathering = format_ident!("__Gathering");
            Ok(Parts {
                data_type: fields.data_type(),
                write: quote! {
                    let mut fields = __record::Serializer::serialize_struct(serializer, "", #count)?;
                    #(__record::SerializeStruct::serialize_field(&mut fields, #names, &__record::By(&self.#idents))?;)*
                    __record::SerializeStruct::end(fields)
                },
                read: quote!(__record::gather::<#gathering, __D>(deserializer)),
                within: TokenStream::new(),
                beside: fields.gathered(&gathering, name, &quote!(#name)),
            })
        }
        Fields::Unnamed(fields) if !fields.unnamed.is_empty() => {
            let types = fields::unnamed(fields)?;
            let count = types.len();
            if let [ty] = types[..] {
                return Ok(Parts {
                    data_type: quote!(<#ty as ::innkeeper_sdk::Record>::data_type(types)),
                    write: quote!(::innkeeper_sdk::Record::write_record(&self.0, serializer)),
                    read: quote!(::core::result::Result::Ok(Self(
                        ::innkeeper_sdk::Record::read_record(deserializer)?
                    ))),
                    within: of_the_inner(ty),
                    beside: TokenStream::new(),
                });
            }
            let indices = (0..count).map(Index::from);
            let bindings = fields::bindings(count);
            Ok(Parts {
                data_type: quote!(<(#(#types,)*) as ::innkeeper_sdk::Record>::data_type(types)),
                write: quote! {
                    let mut fields = __record::Serializer::serialize_tuple(serializer, #count)?;
                    #(__record::SerializeTuple::serialize_element(&mut fields, &__record::By(&self.#indices))?;)*
                    __record::SerializeTuple::end(fields)
                },
                read: quote! {
                    let (#(#bindings,)*) = <(#(#types,)*) as ::innkeeper_sdk::Record>::read_record(deserializer)?;
                    ::core::result::Result::Ok(Self(#(#bindings),*))
                },
                within: TokenStream::new(),
                beside: TokenStream::new(),
            })
        }
        Fields::Unnamed(_) | Fields::Unit => Ok(Parts {
            data_type: quote!(<() as ::innkeeper_sdk::Record>::data_type(types)),
            write: quote!(::innkeeper_sdk::Record::write_record(&(), serializer)),
            read: quote!(
                <() as ::innkeeper_sdk::Record>::read_record(deserializer).map(|()| Self {})
            ),
            within: quote!(
                const HAS_NULL: bool = <() as ::innkeeper_sdk::Record>::HAS_NULL;
            ),
            beside: TokenStream::new(),
        }),
    }
}

/// What a type with a single field without a name has of that.
fn of_the_inner(ty: &Type) -> TokenStream {
    quote! {
        const HAS_NULL: bool = <#ty as ::innkeeper_sdk::Record>::HAS_NULL;
        const IS_TEXT: bool = <#ty as ::innkeeper_sdk::Record>::IS_TEXT;

        fn absent() -> ::core::option::Option<Self> {
            <#ty as ::innkeeper_sdk::Record>::absent().map(Self)
        }

        fn as_text(&self) -> ::core::option::Option<&str> {
            ::innkeeper_sdk::Record::as_text(&self.0)
        }

        fn from_text(text: &str) -> ::core::option::Option<Self> {
            <#ty as ::innkeeper_sdk::Record>::from_text(text).map(Self)
        }
    }
}
