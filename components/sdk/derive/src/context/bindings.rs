//! The bindings of the interfaces that a context offers and calls: what wit-bindgen makes of them for wasm, and elsewhere calls that a test answers.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::punctuated::Punctuated;
use syn::{Error, FnArg, Ident, Item, ItemFn, Pat, Result, Type, Visibility, parse_quote};
use wit_bindgen_core::{Files, WorldGenerator};
use wit_bindgen_rust::Opts;

use super::wit::{Found, Wit};

/// The bindings, and what the context's module has of them.
pub(crate) fn bindings(mut wit: Wit) -> Result<TokenStream> {
    let mut items = generate(&mut wit)?;
    adapt(&mut items, &mut Vec::new(), &wit);
    let files = wit.files.iter().map(|file| file.display().to_string());
    let calls = modules(
        &wit.calls,
        "calls",
        "What this context calls. Each call has what is left of its invocation's deadline (`limits.deadline`, from the request to its answer), less a tenth, and no more than that of the context it calls; what has not ended by then is answered `deadline-exceeded` where the error has that case, and else `unavailable`, as is what cannot be reached. Each is undone when its invocation does not commit, where its context says how. An invocation that is run again, and calls the same, gets the same answers.",
        &[],
    );
    let offers = modules(
        &wit.offers,
        "offers",
        "What this context offers to others: each interface's `Guest` is implemented for `Component`.",
        &["exports"],
    );
    let export = match wit.offers.is_empty() {
        true => TokenStream::new(),
        false => quote! {
            #[cfg(target_arch = "wasm32")]
            use __bindings::__Exported;
            #[cfg(target_arch = "wasm32")]
            __bindings::export!(__Exported with_types_in __bindings);
        },
    };
    let faults = wit.offers.iter().flat_map(faults);
    Ok(quote! {
        #[doc(hidden)]
        #[allow(missing_docs, dead_code, unused, clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
        pub mod __bindings {
            #(#items)*
            // What is exported: `Component`, after noting what has begun to run.
            #[cfg(target_arch = "wasm32")]
            pub struct __Exported;
            // So that a change of these files compiles this again.
            #(const _: &[u8] = include_bytes!(#files);)*
        }
        #calls
        #offers
        #export
        #(#faults)*
    })
}

/// What a test calls instead of the exports of wasm.
pub(crate) fn offered(wit: Option<&Wit>) -> TokenStream {
    let offers = wit.map(|wit| wit.offers.as_slice()).unwrap_or_default();
    let lines = offers.iter().flat_map(|found| {
        let id = &found.id;
        let path = idents(&found.path);
        found.functions.iter().map(move |function| {
            let (name, ident, parameters) = (
                &function.name,
                Ident::new(&function.ident, Span::call_site()),
                function.parameters,
            );
            quote! {
                ::innkeeper_sdk::testing::Offered {
                    interface: #id,
                    name: #name,
                    parameters: #parameters,
                    run: |arguments| ::innkeeper_sdk::testing::play(
                        <Component as __bindings::exports::#(#path::)*Guest>::#ident,
                        arguments,
                    ),
                },
            }
        })
    });
    quote! {
        #[cfg(not(target_arch = "wasm32"))]
        impl ::innkeeper_sdk::testing::Offers for Component {
            const FUNCTIONS: &'static [::innkeeper_sdk::testing::Offered] = &[#(#lines)*];
        }
    }
}

fn generate(wit: &mut Wit) -> Result<Vec<Item>> {
    let options = Opts {
        generate_all: true,
        runtime_path: Some("::innkeeper_sdk::wit_bindgen::rt".into()),
        additional_derive_attributes: vec!["PartialEq".into()],
        ..Opts::default()
    };
    let wrong = |reason: String| Error::new(Span::call_site(), reason);
    let mut files = Files::default();
    options
        .build()
        .generate(&mut wit.resolve, wit.world, &mut files)
        .map_err(|error| wrong(format!("{error:#}")))?;
    let source: Vec<u8> = files
        .iter()
        .flat_map(|(_, source)| source.iter().copied())
        .collect();
    let file: syn::File = syn::parse_str(&String::from_utf8_lossy(&source))?;
    Ok(file.items)
}

/// Makes the bindings fit for tests: their types can be passed on in a process of any kind, and their calls can be answered there.
fn adapt(items: &mut Vec<Item>, path: &mut Vec<String>, wit: &Wit) {
    let called = wit.calls.iter().find(|found| found.path == *path);
    let offered = wit.offers.iter().find(|found| {
        path.first().is_some_and(|first| first == "exports") && found.path == path[1..]
    });
    let mut adapted = Vec::with_capacity(items.len());
    for mut item in items.drain(..) {
        match &mut item {
            Item::Mod(module) => {
                if let Some((_, items)) = &mut module.content {
                    path.push(module.ident.to_string());
                    adapt(items, path, wit);
                    path.pop();
                }
            }
            Item::Struct(item) if is_passed_on(&item.ident, path) => item.attrs.push(record()),
            Item::Enum(item) if is_passed_on(&item.ident, path) => item.attrs.push(record()),
            Item::Fn(function) => {
                let called = called.and_then(|found| {
                    let ident = function.sig.ident.to_string();
                    let called = found
                        .functions
                        .iter()
                        .find(|called| called.ident == ident)?;
                    Some((&found.id, &called.name))
                });
                if let (Some((id, name)), Visibility::Public(_)) = (called, &function.vis) {
                    adapted.extend(played(function, id, name));
                    function
                        .attrs
                        .push(parse_quote!(#[cfg(target_arch = "wasm32")]));
                }
            }
            Item::Trait(guest) if guest.ident == "Guest" => {
                adapted.extend(offered.map(|found| exported(guest, found)));
            }
            _ => {}
        }
        adapted.push(item);
    }
    *items = adapted;
}

/// Notes what has begun to run before each function that is offered, so that a panic can be told where it came from.
fn exported(guest: &syn::ItemTrait, found: &Found) -> Item {
    let up = vec![quote!(super); found.path.len() + 1];
    let functions = guest.items.iter().filter_map(|item| {
        let syn::TraitItem::Fn(function) = item else {
            return None;
        };
        let sig = &function.sig;
        let ident = &sig.ident;
        let offered = found
            .functions
            .iter()
            .find(|offered| *ident == offered.ident)?;
        let name = format!("{}#{}", found.id, offered.name);
        let arguments = sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(input) => Some(&input.pat),
            FnArg::Receiver(_) => None,
        });
        Some(quote! {
            #sig {
                ::innkeeper_sdk::private::entered("the function", #name);
                <#(#up::)*super::Component as Guest>::#ident(#(#arguments),*)
            }
        })
    });
    parse_quote! {
        #[cfg(target_arch = "wasm32")]
        impl Guest for #(#up::)*__Exported {
            #(#functions)*
        }
    }
}

/// What is not of an interface has a name that no interface can give.
fn is_passed_on(ident: &Ident, path: &[String]) -> bool {
    !path.is_empty()
        && !ident.to_string().starts_with('_')
        && path.iter().all(|module| !module.starts_with('_'))
}

fn record() -> syn::Attribute {
    parse_quote!(#[cfg_attr(not(target_arch = "wasm32"), derive(::innkeeper_sdk::Record))])
}

/// A call where there is no host: a function that asks the test, and a constant that the test names it by.
fn played(function: &ItemFn, interface: &str, name: &str) -> [Item; 2] {
    let mut asked = function.clone();
    let (mut owned, mut arguments): (Punctuated<Type, syn::Token![,]>, Vec<TokenStream>) =
        Default::default();
    for input in &function.sig.inputs {
        let FnArg::Typed(input) = input else { continue };
        let Pat::Ident(pattern) = &*input.pat else {
            continue;
        };
        let ident = &pattern.ident;
        match &*input.ty {
            Type::Reference(reference) => {
                owned.push(to_owned(&reference.elem));
                arguments.push(quote!(::innkeeper_sdk::testing::argument(#ident)));
            }
            ty => {
                owned.push(ty.clone());
                arguments.push(quote!(::innkeeper_sdk::testing::argument(&#ident)));
            }
        }
    }
    owned.push_punct_if_one();
    asked
        .attrs
        .push(parse_quote!(#[cfg(not(target_arch = "wasm32"))]));
    asked.block = parse_quote!({
        ::innkeeper_sdk::testing::ask(#interface, #name, ::std::vec![#(#arguments),*])
    });
    let output: Type = match &function.sig.output {
        syn::ReturnType::Type(_, ty) => (**ty).clone(),
        syn::ReturnType::Default => parse_quote!(()),
    };
    let constant = format_ident!(
        "{}",
        function
            .sig
            .ident
            .to_string()
            .trim_end_matches('_')
            .to_uppercase()
    );
    let named = parse_quote! {
        /// Names this function in a test that answers it.
        #[cfg(not(target_arch = "wasm32"))]
        pub const #constant: ::innkeeper_sdk::testing::Function<(#owned), #output> =
            ::innkeeper_sdk::testing::Function::new(#interface, #name);
    };
    [Item::Fn(asked), named]
}

/// A tuple of one type is written with a comma.
trait OfATuple {
    fn push_punct_if_one(&mut self);
}

impl OfATuple for Punctuated<Type, syn::Token![,]> {
    fn push_punct_if_one(&mut self) {
        if self.len() == 1 {
            self.push_punct(Default::default());
        }
    }
}

/// The type that an answer takes where the call borrows.
fn to_owned(borrowed: &Type) -> Type {
    match borrowed {
        Type::Path(path) if path.path.is_ident("str") => parse_quote!(::std::string::String),
        Type::Slice(slice) => {
            let element = &slice.elem;
            parse_quote!(::std::vec::Vec<#element>)
        }
        other => other.clone(),
    }
}

fn modules(found: &[Found], name: &str, docs: &str, below: &[&str]) -> TokenStream {
    if found.is_empty() {
        return TokenStream::new();
    }
    let name = format_ident!("{name}");
    let below: Vec<_> = below.iter().map(|name| format_ident!("{name}")).collect();
    let uses = found.iter().map(|found| {
        let (path, module) = (idents(&found.path), &found.module);
        let last = path.last();
        match last == Some(module) {
            true => quote!(pub use super::__bindings::#(#below::)*#(#path)::*;),
            false => quote!(pub use super::__bindings::#(#below::)*#(#path)::* as #module;),
        }
    });
    quote! {
        #[doc = #docs]
        pub mod #name {
            #(#uses)*
        }
    }
}

/// What should not happen is `unavailable` to the caller, and a line in the log.
fn faults(found: &Found) -> impl Iterator<Item = TokenStream> {
    let path = idents(&found.path);
    found.errors.iter().map(move |error| {
        let error = format_ident!("{error}");
        quote! {
            impl ::core::convert::From<::innkeeper_sdk::Fault> for __bindings::exports::#(#path::)*#error {
                fn from(fault: ::innkeeper_sdk::Fault) -> Self {
                    Self::Unavailable(::innkeeper_sdk::private::unavailable(fault))
                }
            }

            impl ::core::convert::From<::innkeeper_sdk::NotStored> for __bindings::exports::#(#path::)*#error {
                fn from(error: ::innkeeper_sdk::NotStored) -> Self {
                    ::innkeeper_sdk::Fault::from(error).into()
                }
            }
        }
    })
}

fn idents(path: &[String]) -> Vec<Ident> {
    path.iter()
        .map(|name| Ident::new(name, Span::call_site()))
        .collect()
}
