use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DataEnum, Error, Fields, Ident, Result};

use crate::Parts;
use crate::attributes;
use crate::fields::{self, Named};

/// One case, in each of the places where it appears.
struct Case {
    data_type: TokenStream,
    write: TokenStream,
    read: TokenStream,
    beside: TokenStream,
}

/// An enum is a variant, whatever its cases carry.
pub(crate) fn parts(name: &Ident, data: &DataEnum) -> Result<Parts> {
    if data.variants.is_empty() {
        return Err(Error::new_spanned(
            name,
            "an enum without cases has no value that could be stored",
        ));
    }
    let (mut names, mut cases) = (Vec::new(), Vec::new());
    for (place, variant) in data.variants.iter().enumerate() {
        let said = attributes::read(&variant.ident, &variant.attrs, false)?;
        cases.push(case(
            name,
            &variant.ident,
            &said.name,
            place,
            &variant.fields,
        )?);
        names.push((said.name, &variant.ident));
    }
    attributes::all_differ(&names)?;
    let names = names.iter().map(|(name, _)| name);
    let places = 0..cases.len();
    let types = cases.iter().map(|case| &case.data_type);
    let writes = cases.iter().map(|case| &case.write);
    let reads = cases.iter().map(|case| &case.read);
    let beside = cases.iter().map(|case| &case.beside);
    Ok(Parts {
        data_type: quote!(__record::DataType::Variant(::std::vec![#(#types),*])),
        write: quote!(match self { #(#writes)* }),
        read: quote!(__record::choose(deserializer)),
        within: TokenStream::new(),
        beside: quote! {
            impl __record::Choose for #name {
                const NAMES: &'static [&'static str] = &[#(#names),*];

                fn take<'de, __A: __record::VariantAccess<'de>>(place: usize, payload: __A) -> ::core::result::Result<Self, __A::Error> {
                    match place {
                        #(#places => #reads,)*
                        _ => ::core::result::Result::Err(<__A::Error as __record::Error>::custom("no such case")),
                    }
                }
            }

            #(#beside)*
        },
    })
}

fn case(name: &Ident, ident: &Ident, stored: &str, place: usize, fields: &Fields) -> Result<Case> {
    let index = u32::try_from(place)
        .map_err(|_| Error::new_spanned(ident, "an enum has fewer cases than that"))?;
    Ok(match fields {
        Fields::Unnamed(none) if none.unnamed.is_empty() => unit(ident, stored, index),
        Fields::Unit => unit(ident, stored, index),
        Fields::Unnamed(fields) => {
            let types = fields::unnamed(fields)?;
            let bindings = fields::bindings(types.len());
            if let [ty] = types[..] {
                return Ok(Case {
                    data_type: quote!(__record::case(#stored, ::core::option::Option::Some(types.of::<#ty>()))),
                    write: quote! {
                        Self::#ident(field_0) =>
                            __record::Serializer::serialize_newtype_variant(serializer, "", #index, #stored, &__record::By(field_0)),
                    },
                    read: quote!(__record::payload::<#ty, __A>(payload, #stored).map(Self::#ident)),
                    beside: TokenStream::new(),
                });
            }
            let count = types.len();
            Case {
                data_type: quote!(__record::case(#stored, ::core::option::Option::Some(types.of::<(#(#types,)*)>()))),
                write: quote! {
                    Self::#ident(#(#bindings),*) => {
                        let mut fields = __record::Serializer::serialize_tuple_variant(serializer, "", #index, #stored, #count)?;
                        #(__record::SerializeTupleVariant::serialize_field(&mut fields, &__record::By(#bindings))?;)*
                        __record::SerializeTupleVariant::end(fields)
                    }
                },
                read: quote! {
                    __record::payload::<(#(#types,)*), __A>(payload, #stored).map(|(#(#bindings,)*)| Self::#ident(#(#bindings),*))
                },
                beside: TokenStream::new(),
            }
        }
        Fields::Named(fields) => {
            let fields = Named::read(fields)?;
            let (idents, names, count) = (fields.idents(), fields.names(), fields.len());
            let gathering = format_ident!("__Gathering{place}");
            let data_type = fields.data_type();
            let bindings = fields::bindings(count);
            Case {
                data_type: quote! {{
                    let fields = #data_type;
                    __record::case(#stored, ::core::option::Option::Some(types.add(fields)))
                }},
                write: quote! {
                    Self::#ident { #(#idents: #bindings),* } => {
                        let mut fields = __record::Serializer::serialize_struct_variant(serializer, "", #index, #stored, #count)?;
                        #(__record::SerializeStructVariant::serialize_field(&mut fields, #names, &__record::By(#bindings))?;)*
                        __record::SerializeStructVariant::end(fields)
                    }
                },
                read: quote!(__record::fields_of_case::<#gathering, __A>(payload, #stored)),
                beside: fields.gathered(&gathering, name, &quote!(#name::#ident)),
            }
        }
    })
}

/// A case that carries nothing.
fn unit(ident: &Ident, stored: &str, index: u32) -> Case {
    Case {
        data_type: quote!(__record::case(#stored, ::core::option::Option::None)),
        write: quote!(Self::#ident {} => __record::Serializer::serialize_unit_variant(serializer, "", #index, #stored),),
        read: quote!(__record::VariantAccess::unit_variant(payload).map(|()| Self::#ident {})),
        beside: TokenStream::new(),
    }
}
