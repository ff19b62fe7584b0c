use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{FieldsNamed, FieldsUnnamed, Ident, Result, Type};

use crate::attributes::{self, Said};

/// Fields with names: those of a struct, or of a case.
pub(crate) struct Named<'a> {
    fields: Vec<(&'a Ident, &'a Type, Said)>,
}

impl<'a> Named<'a> {
    pub(crate) fn read(fields: &'a FieldsNamed) -> Result<Self> {
        let mut read = Vec::new();
        for field in &fields.named {
            let Some(ident) = &field.ident else { continue };
            let said = attributes::read(ident, &field.attrs, true)?;
            read.push((ident, &field.ty, said));
        }
        let names: Vec<_> = read
            .iter()
            .map(|(ident, _, said)| (said.name.clone(), *ident))
            .collect();
        attributes::all_differ(&names)?;
        Ok(Self { fields: read })
    }

    pub(crate) fn idents(&self) -> Vec<&'a Ident> {
        self.fields.iter().map(|(ident, ..)| *ident).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.fields
            .iter()
            .map(|(_, _, said)| said.name.as_str())
            .collect()
    }

    /// The data type.
    pub(crate) fn data_type(&self) -> TokenStream {
        let fields = self.fields.iter().map(|(_, ty, Said { name, default })| {
            quote!(__record::field::<#ty>(types, #name, #default))
        });
        quote!(__record::DataType::Record(::std::vec![#(#fields),*]))
    }

    /// A type that gathers the fields as they are read, in whatever order, and then makes `whole` of them.
    pub(crate) fn gathered(
        &self,
        gathering: &Ident,
        whole: &Ident,
        constructor: &TokenStream,
    ) -> TokenStream {
        let names = self.names();
        let idents = self.idents();
        let places = 0..self.len();
        let types: Vec<_> = self.fields.iter().map(|(_, ty, _)| ty).collect();
        let slots: Vec<_> = (0..self.len())
            .map(|place| format_ident!("field_{place}"))
            .collect();
        let values =
            self.fields
                .iter()
                .zip(&slots)
                .map(|((_, _, said), slot)| match said.default {
                    true => quote!(self.#slot.unwrap_or_default()),
                    false => {
                        let name = &said.name;
                        quote!(__record::present(self.#slot, #name)?)
                    }
                });
        quote! {
            #[derive(Default)]
            struct #gathering {
                #(#slots: ::core::option::Option<#types>,)*
            }

            impl __record::Gather for #gathering {
                type Whole = #whole;
                const NAMES: &'static [&'static str] = &[#(#names),*];

                fn take<'de, __A: __record::MapAccess<'de>>(&mut self, place: usize, map: &mut __A) -> ::core::result::Result<(), __A::Error> {
                    match place {
                        #(#places => self.#slots = ::core::option::Option::Some(__record::next(map, #names)?),)*
                        _ => {}
                    }
                    ::core::result::Result::Ok(())
                }

                fn whole<__E: __record::Error>(self) -> ::core::result::Result<#whole, __E> {
                    ::core::result::Result::Ok(#constructor { #(#idents: #values),* })
                }
            }
        }
    }
}

/// The types of fields without names.
pub(crate) fn unnamed(fields: &FieldsUnnamed) -> Result<Vec<&Type>> {
    fields
        .unnamed
        .iter()
        .map(|field| attributes::none(&field.attrs).map(|()| &field.ty))
        .collect()
}

/// Names for the fields of a pattern.
pub(crate) fn bindings(count: usize) -> Vec<Ident> {
    (0..count)
        .map(|place| format_ident!("field_{place}"))
        .collect()
}
