//! From a compiled component to code that can be entered: checked, and linked to what the host provides.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker, LinkerInstance};
use wasmtime_wasi_http::p2::bindings::exports::wasi::http::incoming_handler;

use crate::bindings::exports::innkeeper::context::{
    describe, document, health, migration, policies, web,
};
use crate::interface::{Interface, Operation};
use crate::load_error::{CONTRACT_VERSION, LoadError};
use crate::outbound_http;
use crate::runtime::Runtime;
use crate::shape::{Budget, Signature};
use crate::shorten::shortened;
use crate::standard::{self, KEYVALUE, OUTGOING_HANDLER};
use crate::store_data::StoreData;
use crate::value;

/// The contract's package: its interfaces are the host's, not another context's.
const CONTRACT: &str = "innkeeper:context/";
/// What a component exports and uses: known as long as there is a guest of it.
pub(super) struct Exports {
    /// Whether it is a standard component: entered by `wasi:http`, and without a description of its own.
    pub(super) standard: bool,
    /// How the name of the interface begins by which it asks outside.
    pub(super) outbound: Option<&'static str>,
    /// Whether it keeps buckets.
    pub(super) keyvalue: bool,
    pub(super) web: bool,
    pub(super) policies: bool,
    pub(super) health: bool,
    pub(super) migration: bool,
    pub(super) document: bool,
    pub(super) offers: BTreeMap<String, Interface>,
    pub(super) uses: BTreeMap<String, Interface>,
}

/// A component's machine code, and where to enter it.
pub(super) struct Code {
    pub(super) pre: InstancePre<StoreData>,
    pub(super) describe: Option<describe::GuestIndices>,
    pub(super) incoming: Option<incoming_handler::GuestIndices>,
    pub(super) web: Option<web::GuestIndices>,
    pub(super) policies: Option<policies::GuestIndices>,
    pub(super) health: Option<health::GuestIndices>,
    pub(super) migration: Option<migration::GuestIndices>,
    pub(super) document: Option<document::GuestIndices>,
    pub(super) functions: BTreeMap<String, ComponentExportIndex>,
    pub(super) exports: Arc<Exports>,
}

impl Code {
    /// Checks and links a component.
    pub(super) fn of_component(runtime: &Runtime, component: Component) -> Result<Self, LoadError> {
        is_of_this_contract(runtime, &component)?;
        let imports = |beginning: &str| {
            let ty = component.component_type();
            let mut names = ty.imports(runtime.wasmtime());
            names.any(|(name, _)| name.starts_with(beginning))
        };
        let mut budget = Budget::of_a_component();
        let Linked { uses, linker } = link_imports(runtime, &component, &mut budget)?;
        let (offers, functions) = offered(runtime, &component, &mut budget)?;
        let exports = |interface: &str| {
            component
                .get_export_index(None, format!("{CONTRACT}{interface}@{CONTRACT_VERSION}"))
                .is_some()
        };
        let (web, policies, health) = (exports("web"), exports("policies"), exports("health"));
        let (migration, document) = (exports("migration"), exports("document"));
        let describe = exports("describe");
        let standard = !describe && exports_incoming_handler(runtime, &component);
        if !describe && !standard {
            return Err(LoadError::NoDescription);
        }
        let linker = linker.as_ref().unwrap_or(runtime.linker());
        let pre = linker
            .instantiate_pre(&component)
            .map_err(LoadError::Contract)?;
        Ok(Self {
            describe: describe
                .then(|| describe::GuestIndices::new(&pre))
                .transpose()
                .map_err(LoadError::Contract)?,
            incoming: standard
                .then(|| incoming_handler::GuestIndices::new(&pre))
                .transpose()
                .map_err(LoadError::Contract)?,
            web: web
                .then(|| web::GuestIndices::new(&pre))
                .transpose()
                .map_err(LoadError::Contract)?,
            policies: policies
                .then(|| policies::GuestIndices::new(&pre))
                .transpose()
                .map_err(LoadError::Contract)?,
            health: health
                .then(|| health::GuestIndices::new(&pre))
                .transpose()
                .map_err(LoadError::Contract)?,
            migration: migration
                .then(|| migration::GuestIndices::new(&pre))
                .transpose()
                .map_err(LoadError::Contract)?,
            document: document
                .then(|| document::GuestIndices::new(&pre))
                .transpose()
                .map_err(LoadError::Contract)?,
            pre,
            functions,
            exports: Arc::new(Exports {
                standard,
                outbound: [OUTGOING_HANDLER, outbound_http::HTTP]
                    .into_iter()
                    .find(|interface| imports(interface)),
                keyvalue: imports(KEYVALUE),
                web,
                policies,
                health,
                migration,
                document,
                offers,
                uses,
            }),
        })
    }
}

impl Exports {
    /// Whether it offers a function, named `<interface>#<function>`.
    pub(super) fn offers_operation(&self, operation: &str) -> bool {
        let named = operation.split_once('#');
        named.is_some_and(|(interface, function)| {
            let offered = self.offers.get(interface);
            offered.is_some_and(|offered| offered.operations.contains_key(function))
        })
    }
}

fn exports_incoming_handler(runtime: &Runtime, component: &Component) -> bool {
    let ty = component.component_type();
    let mut names = ty.exports(runtime.wasmtime());
    names.any(|(name, _)| standard::is_incoming_handler(name))
}

/// What it imports and exports of the contract is of this version.
fn is_of_this_contract(runtime: &Runtime, component: &Component) -> Result<(), LoadError> {
    let ty = component.component_type();
    let exports = ty.exports(runtime.wasmtime()).map(|(name, _)| name);
    let imports = ty.imports(runtime.wasmtime()).map(|(name, _)| name);
    let other = exports.chain(imports).find_map(|name| {
        let (_, version) = name.strip_prefix(CONTRACT)?.split_once('@')?;
        (version != CONTRACT_VERSION).then(|| version.to_owned())
    });
    match other {
        Some(version) => Err(LoadError::OtherContract(shortened(version))),
        None => Ok(()),
    }
}

struct Linked {
    uses: BTreeMap<String, Interface>,
    /// One of its own; none where it imports no other context.
    linker: Option<Linker<StoreData>>,
}

/// Refuses what nobody grants, and links every import that is another context's interface to the services' `call`.
fn link_imports(
    runtime: &Runtime,
    component: &Component,
    budget: &mut Budget,
) -> Result<Linked, LoadError> {
    let mut uses = BTreeMap::new();
    let mut linker = None;
    let ty = component.component_type();
    for (name, item) in ty.imports(runtime.wasmtime()) {
        if name.starts_with(CONTRACT) || name.starts_with("wasi:") {
            standard::check_wasi(name)?;
            continue;
        }
        if name.starts_with(outbound_http::PACKAGE) {
            match name == outbound_http::HTTP {
                true => continue,
                false => return Err(LoadError::NotGranted(shortened(name))),
            }
        }
        let ComponentItem::ComponentInstance(instance) = item.ty else {
            return Err(LoadError::NotGranted(shortened(name)));
        };
        let interface = interface_of(runtime, name, &instance, budget)?;
        let linker = linker.get_or_insert_with(|| runtime.linker().clone());
        let mut target = linker.instance(name).map_err(LoadError::Contract)?;
        for operation in interface.operations.values() {
            link(&mut target, operation).map_err(LoadError::Contract)?;
        }
        uses.insert(name.to_owned(), interface);
    }
    Ok(Linked { uses, linker })
}

fn link(
    target: &mut LinkerInstance<'_, StoreData>,
    operation: &Arc<Operation>,
) -> wasmtime::Result<()> {
    let linked = operation.clone();
    target.func_new_async(
        &operation.function,
        move |mut store, _, parameters, results| {
            let operation = linked.clone();
            Box::new(async move {
                let answer = store
                    .data_mut()
                    .services()
                    .call(operation, parameters.to_vec())
                    .await?;
                if let Some(result) = results.first_mut() {
                    *result = answer;
                }
                Ok(())
            })
        },
    )
}

type Offered = (
    BTreeMap<String, Interface>,
    BTreeMap<String, ComponentExportIndex>,
);

/// What it offers to other contexts: the interfaces of packages. What has a bare name is nobody's to import (runtimes of languages export their own
/// beginnings so, for example `exports#init`), and what is of `wasi:` is for the host.
fn offered(
    runtime: &Runtime,
    component: &Component,
    budget: &mut Budget,
) -> Result<Offered, LoadError> {
    let mut offers = BTreeMap::new();
    let mut functions = BTreeMap::new();
    let ty = component.component_type();
    for (name, item) in ty.exports(runtime.wasmtime()) {
        if name.starts_with(CONTRACT) || name.starts_with("wasi:") || !is_of_a_package(name) {
            continue;
        }
        let ComponentItem::ComponentInstance(instance) = item.ty else {
            continue;
        };
        let interface = interface_of(runtime, name, &instance, budget)?;
        let Some(within) = component.get_export_index(None, name) else {
            continue;
        };
        for operation in interface.operations.values() {
            if let Some(index) = component.get_export_index(Some(&within), &operation.function) {
                functions.insert(operation.name(), index);
            }
        }
        offers.insert(name.to_owned(), interface);
    }
    Ok((offers, functions))
}

/// Whether a name is that of a package's interface: `stay:room/rooms@0.1.0`.
fn is_of_a_package(name: &str) -> bool {
    name.split_once(':')
        .is_some_and(|(_, rest)| rest.contains('/'))
}

pub(super) fn interface_of(
    runtime: &Runtime,
    name: &str,
    instance: &ComponentInstance,
    budget: &mut Budget,
) -> Result<Interface, LoadError> {
    budget.name(name)?;
    let mut interface = Interface::default();
    for (function, item) in instance.exports(runtime.wasmtime()) {
        match item.ty {
            ComponentItem::ComponentFunc(ty) => {
                let operation = operation_of(name, function, &ty, budget)?;
                interface
                    .operations
                    .insert(function.to_owned(), Arc::new(operation));
            }
            ComponentItem::Type(_) => {}
            _ => {
                let name = shortened(format_args!("{name}#{function}"));
                return Err(LoadError::NotGranted(name));
            }
        }
    }
    Ok(interface)
}

fn operation_of(
    interface: &str,
    function: &str,
    ty: &ComponentFunc,
    budget: &mut Budget,
) -> Result<Operation, LoadError> {
    // Each function has the interface's name, too.
    budget.name(interface)?;
    budget.name(function)?;
    let operation = Operation {
        interface: interface.to_owned(),
        function: function.to_owned(),
        signature: Signature::of(ty, budget)?,
        parameters: ty
            .params()
            .map(|(name, ty)| (name.to_owned(), ty))
            .collect(),
        result: ty.results().next(),
    };
    let said = || (shortened(operation.name()), shortened(&operation.signature));
    if !operation.signature.is_plain_data() {
        let (operation, shape) = said();
        return Err(LoadError::NotPlain { operation, shape });
    }
    if !operation.signature.can_fail_with(value::UNAVAILABLE) {
        let (operation, shape) = said();
        return Err(LoadError::NoUnavailable { operation, shape });
    }
    Ok(operation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engine, EngineOptions};

    #[test]
    fn only_the_interfaces_of_packages_are_offered() {
        for (name, is_offered) in [
            ("stay:room/rooms@0.1.0", true),
            ("stay:room/rooms", true),
            ("exports", false),
            ("init", false),
        ] {
            assert_eq!(is_of_a_package(name), is_offered, "{name}");
        }
    }

    #[test]
    fn what_is_exported_by_a_bare_name_is_let_be() {
        let engine = Engine::new(EngineOptions::default()).unwrap();
        let text = r#"(component
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $exports (export "init" (func $f)))
            (export "exports" (instance $exports))
            (export "wasi:cli/run@0.2.0" (instance $exports)))"#;
        let component = Component::new(engine.wasmtime(), wat::parse_str(text).unwrap()).unwrap();
        let found = offered(engine.runtime(), &component, &mut Budget::of_a_component());
        let (offers, functions) = found.unwrap();
        assert!(offers.is_empty() && functions.is_empty());
    }
}
