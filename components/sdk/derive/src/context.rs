//! `context!`: the declaration of a context, as what the host is told and what runs.

mod bindings;
mod parts;
#[cfg(test)]
mod tests;
mod wit;

use std::path::Path;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, LitStr, Result};

use parts::{Compensation, Followed, Parts, Route, Schema, unknown};
use wit::Wit;

/// Expands the declaration of a context in the package that is in this directory.
pub(crate) fn expand(input: TokenStream, package: &Path) -> Result<TokenStream> {
    let parts: Parts = syn::parse2(input)?;
    let wit = match parts.offers.is_empty() && parts.calls.is_empty() {
        true => None,
        false => Some(Wit::find(&parts.offers, &parts.calls, package)?),
    };
    let component = component(&parts, wit.as_ref())?;
    let export = match &parts.export {
        Some(export) => quote!(#export),
        None => quote!(Component),
    };
    let schema = parts.schema.as_ref().map(migration);
    let document = (!parts.routes.is_empty()).then(|| document(&parts.routes));
    let offered = bindings::offered(wit.as_ref());
    let bindings = wit.map(bindings::bindings).transpose()?;
    Ok(quote! {
        /// The context as the host sees it.
        pub struct Component;

        #component
        #offered
        #bindings

        #[cfg(target_arch = "wasm32")]
        ::innkeeper_sdk::bindings::export_context!(#export with_types_in ::innkeeper_sdk::bindings);

        #schema

        #document
    })
}

fn component(parts: &Parts, wit: Option<&Wit>) -> Result<TokenStream> {
    let Parts {
        summary,
        tables,
        publishes,
        shares,
        ready,
        live,
        ..
    } = parts;
    let described = parts.routes.iter().map(
        |Route {
             method,
             path,
             handler,
             ..
         }| {
            let method = method.to_string();
            quote!((#method, #path, ::innkeeper_sdk::private::consumes(&#handler)))
        },
    );
    let answered = parts.routes.iter().map(
        |Route {
             method,
             path,
             handler,
             ..
         }| {
            let method = method.to_string();
            let name = format!("{method} {}", path.value());
            quote!((#method, #path) => {
                ::innkeeper_sdk::private::entered("the route", #name);
                ::innkeeper_sdk::private::route(#handler, request)
            })
        },
    );
    let follows = parts.follows.iter().map(|followed| {
        let (source, event) = (source(followed), &followed.event);
        quote!((#source, <#event as ::innkeeper_sdk::Event>::KIND))
    });
    let events = parts.follows.iter().map(|followed| &followed.event);
    let sources = parts.follows.iter().map(source);
    let handled = parts.follows.iter().map(|followed| {
        let (source, event, policy) = (source(followed), &followed.event, &followed.policy);
        quote!((#source, <#event as ::innkeeper_sdk::Event>::KIND) => {
            ::innkeeper_sdk::private::entered("the policy for", <#event as ::innkeeper_sdk::Event>::KIND);
            ::innkeeper_sdk::private::policy::<#event, _>(#policy, event)
        })
    });
    let compensations = compensations(&parts.compensations, wit)?;
    let compensations = compensations
        .iter()
        .map(|(function, undo)| quote!((#function, #undo)));
    let ready = health("ready", ready.as_ref(), parts.config.as_ref());
    let live = health("live", live.as_ref(), None);
    Ok(quote! {
        impl ::innkeeper_sdk::Context for Component {
            fn describe() -> ::innkeeper_sdk::Description {
                const DECLARATION: ::innkeeper_sdk::private::Declaration = ::innkeeper_sdk::private::Declaration {
                    summary: #summary,
                    routes: &[#(#described),*],
                    publishes: &[#(<#publishes as ::innkeeper_sdk::Event>::KIND,)* #(<#shares as ::innkeeper_sdk::Event>::KIND),*],
                    follows: &[#(#follows),*],
                    compensations: &[#(#compensations),*],
                };
                DECLARATION.describe(
                    ::innkeeper_sdk::private::Shapes::default()
                        #(.with(&#tables))*
                        #(.publishing::<#publishes>())*
                        #(.publishing::<#shares>())*
                        #(.following::<#events>(#sources))*
                )
            }

            fn handle(request: &::innkeeper_sdk::Request) -> ::innkeeper_sdk::Answer {
                match (request.method.as_str(), request.route.as_str()) {
                    #(#answered,)*
                    (method, route) => Err(::innkeeper_sdk::Problem::not_found(::std::format!("{method} {route} is not described."))),
                }
            }

            fn on_event(event: ::innkeeper_sdk::private::Delivered) -> ::innkeeper_sdk::Outcome {
                match (event.source.as_str(), event.kind.as_str()) {
                    #(#handled,)*
                    (source, kind) => Err(::innkeeper_sdk::PolicyError::Reject(::std::format!("{kind} of {source} is not followed"))),
                }
            }

            #ready
            #live
        }

        #(impl ::innkeeper_sdk::Published for #publishes {})*
    })
}

/// The context whose events are followed: as it is written, or as the kind says.
fn source(Followed { source, event, .. }: &Followed) -> TokenStream {
    match source {
        Some(source) => quote!(#source),
        None => quote!(<#event as ::innkeeper_sdk::Shared>::SOURCE),
    }
}

fn health(name: &str, check: Option<&syn::Path>, config: Option<&syn::Type>) -> TokenStream {
    if check.is_none() && config.is_none() {
        return TokenStream::new();
    }
    let name = quote::format_ident!("{name}");
    let config = config.map(|config| quote!(::innkeeper_sdk::private::check_config::<#config>()?;));
    let check = match check {
        Some(check) => quote!(#check()),
        None => quote!(Ok(())),
    };
    quote! {
        fn #name() -> ::core::result::Result<(), ::std::string::String> {
            #config
            #check
        }
    }
}

/// What undoes what, by the names that the host knows them by.
fn compensations(lines: &[Compensation], wit: Option<&Wit>) -> Result<Vec<(String, String)>> {
    let offers = wit.map(|wit| wit.offers.as_slice()).unwrap_or_default();
    let mut compensations = Vec::new();
    for Compensation {
        interface,
        function,
        undo,
    } in lines
    {
        let text = interface.value();
        let found = offers.iter().find(|found| {
            found.id == text
                || found
                    .id
                    .split_once('@')
                    .is_some_and(|(name, _)| name == text)
        });
        let id = match found {
            Some(found) => {
                let parameters = |name: &LitStr| {
                    let known = || {
                        found
                            .functions
                            .iter()
                            .map(|function| function.name.as_str())
                    };
                    let function = found
                        .functions
                        .iter()
                        .find(|function| function.name == name.value());
                    function.map(|function| function.parameters).ok_or_else(|| {
                        Error::new(
                            name.span(),
                            unknown(&format!("function in {}", found.id), &name.value(), known()),
                        )
                    })
                };
                let (takes, undo_takes) = (parameters(function)?, parameters(undo)?);
                if undo_takes != takes && undo_takes != takes + 1 {
                    return Err(Error::new(
                        undo.span(),
                        format!(
                            "`{}` takes {undo_takes} parameters; to undo `{}` it must take the same {takes}, and may take its result after them",
                            undo.value(),
                            function.value()
                        ),
                    ));
                }
                &found.id
            }
            // Its bindings are made by hand.
            None if offers.is_empty() => &text,
            None => {
                let known = offers
                    .iter()
                    .map(|found| found.id.split('@').next().unwrap_or_default());
                return Err(Error::new(
                    interface.span(),
                    unknown("interface among `offers`", &text, known),
                ));
            }
        };
        compensations.push((
            format!("{id}#{}", function.value()),
            format!("{id}#{}", undo.value()),
        ));
    }
    Ok(compensations)
}

/// What the routes take and answer, which only here is known of each as it is.
fn document(routes: &[Route]) -> TokenStream {
    let told = routes.iter().map(
        |Route {
             summary,
             method,
             path,
             handler,
         }| {
            let method = method.to_string();
            let summary = match summary {
                Some(summary) => quote!(::core::option::Option::Some(#summary)),
                None => quote!(::core::option::Option::None),
            };
            quote! {
                let signature = ::innkeeper_sdk::private::signature(&#handler);
                let mut route = documents.route(#method, #path, #summary, &signature);
                (&signature.first()).take(&mut route);
                (&signature.second()).take(&mut route);
                (&signature.third()).take(&mut route);
                (&signature.fourth()).take(&mut route);
                (&signature.fifth()).take(&mut route);
                let body = (&signature.answer()).schema(route.types());
                route.end(&signature, body);
            }
        },
    );
    quote! {
        impl ::innkeeper_sdk::Document for Component {
            #[allow(unused_imports, clippy::needless_borrow, reason = "which trait is used depends on the type")]
            fn document() -> ::innkeeper_sdk::Documentation {
                use ::innkeeper_sdk::private::{HasNoSchema as _, HasSchema as _, Takes as _, TakesUnknown as _};
                let mut documents = ::innkeeper_sdk::private::Documents::default();
                #(#told)*
                documents.finish()
            }
        }

        #[cfg(target_arch = "wasm32")]
        ::innkeeper_sdk::documented::export_document!(Component with_types_in ::innkeeper_sdk::documented);
    }
}

fn migration(schema: &Schema) -> TokenStream {
    let Schema {
        number,
        reads,
        migrate,
        rebuild,
    } = schema;
    let rebuild = rebuild
        .as_ref()
        .map_or_else(|| quote!(false), |rebuild| quote!(#rebuild));
    let migrate = migrate.as_ref().map(|migrate| quote! {
        fn migrate(from: u32, entry: ::innkeeper_sdk::Entry) -> ::core::result::Result<::std::vec::Vec<::innkeeper_sdk::Entry>, ::innkeeper_sdk::Fault> {
            #migrate(from, entry)
        }
    });
    quote! {
        impl ::innkeeper_sdk::Migration for Component {
            fn schema() -> ::innkeeper_sdk::StateSchema {
                const READS: &[u32] = &[#(#reads),*];
                ::innkeeper_sdk::StateSchema { number: #number, reads: READS.into(), rebuild: #rebuild }
            }

            #migrate
        }

        #[cfg(target_arch = "wasm32")]
        ::innkeeper_sdk::evolving::export_migration!(Component with_types_in ::innkeeper_sdk::evolving);
    }
}
