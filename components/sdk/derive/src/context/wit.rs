//! Finds the interfaces that a context offers and calls: in the folders `wit` of its package's directory and of those above it.

use std::path::{Path, PathBuf};

use proc_macro2::Span;
use syn::{Error, Ident, Result};
use wit_bindgen_core::name_package_module;
use wit_bindgen_core::wit_parser::{
    self, InterfaceId, PackageId, Resolve, Type, TypeDefKind, TypeId, UnresolvedPackageGroup,
    WorldId,
};
use wit_bindgen_rust::to_rust_ident;

use super::parts::{Interface, unknown};

/// The interfaces of a context, resolved.
pub(crate) struct Wit {
    pub(crate) resolve: Resolve,
    pub(crate) world: WorldId,
    /// The files that it was read from.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) offers: Vec<Found>,
    pub(crate) calls: Vec<Found>,
}

/// An interface.
pub(crate) struct Found {
    /// Its name, with its version.
    pub(crate) id: String,
    interface: InterfaceId,
    /// The modules that its bindings are in.
    pub(crate) path: Vec<String>,
    /// What the author calls it.
    pub(crate) module: Ident,
    pub(crate) functions: Vec<Function>,
    /// The types of its errors, as the bindings call them.
    pub(crate) errors: Vec<String>,
}

/// A function of an interface, offered or called.
pub(crate) struct Function {
    /// Its name in WIT.
    pub(crate) name: String,
    /// Its name in Rust.
    pub(crate) ident: String,
    pub(crate) parameters: usize,
}

/// A folder with a package in it.
struct Source {
    directory: PathBuf,
    /// Without its version.
    name: String,
    version: Option<String>,
}

impl Wit {
    /// Finds what is named.
    pub(crate) fn find(offers: &[Interface], calls: &[Interface], package: &Path) -> Result<Self> {
        let mut sources = Sources::of(package);
        let mut resolve = Resolve::default();
        let mut offers = sources.interfaces(offers, &mut resolve)?;
        let mut calls = sources.interfaces(calls, &mut resolve)?;
        // Only now is it known which packages have several versions.
        for found in offers.iter_mut().chain(&mut calls) {
            found.path = path(&resolve, found.interface);
        }
        let mut world = String::from("package innkeeper:guest;\nworld calls-and-offers {\n");
        for Found { id, .. } in &calls {
            world.push_str(&format!("import {id};\n"));
        }
        for Found { id, .. } in &offers {
            world.push_str(&format!("export {id};\n"));
        }
        world.push('}');
        let made = resolve
            .push_source("context!", &world)
            .and_then(|package| resolve.select_world(&[package], None));
        let world = made.map_err(|error| Error::new(Span::call_site(), format!("{error:#}")))?;
        Ok(Self {
            resolve,
            world,
            files: sources.files,
            offers,
            calls,
        })
    }
}

struct Sources {
    found: Vec<Source>,
    searched: Vec<PathBuf>,
    pushed: Vec<(PathBuf, PackageId)>,
    /// The places of the packages that are being resolved: each uses the next one.
    resolving: Vec<usize>,
    files: Vec<PathBuf>,
}

impl Sources {
    /// All packages in the folders `wit` of a directory and of those above it, up to the app's.
    fn of(package: &Path) -> Self {
        let (mut found, mut searched) = (Vec::new(), Vec::new());
        for directory in package.ancestors() {
            let folder = directory.join("wit");
            if folder.is_dir() {
                collect(&folder, &mut found);
                searched.push(folder);
            }
            if directory.join("innkeeper.toml").exists() || directory.join(".git").exists() {
                break;
            }
        }
        Self {
            found,
            searched,
            pushed: Vec::new(),
            resolving: Vec::new(),
            files: Vec::new(),
        }
    }

    fn interfaces(&mut self, named: &[Interface], resolve: &mut Resolve) -> Result<Vec<Found>> {
        let mut found: Vec<Found> = Vec::new();
        for interface in named {
            let next = self.interface(interface, resolve)?;
            if found.iter().any(|other| other.module == next.module) {
                let module = &next.module;
                return Err(Error::new(
                    interface.id.span(),
                    format!(
                        "two interfaces are called `{module}`; give one of them another name: `\"{}\" as other_{module}`",
                        next.id
                    ),
                ));
            }
            found.push(next);
        }
        Ok(found)
    }

    fn interface(&mut self, named: &Interface, resolve: &mut Resolve) -> Result<Found> {
        let text = named.id.value();
        let wrong = |message: String| Error::new(named.id.span(), message);
        let (package, interface, version) = split(&text).ok_or_else(|| {
            wrong(format!("{text:?} names no interface; one is named like `\"stay:room/rooms\"` or `\"stay:room/rooms@0.1.0\"`"))
        })?;
        let source = self.source(package, version).map_err(&wrong)?;
        let id = self.push(source, resolve).map_err(wrong)?;
        let package = &resolve.packages[id];
        let Some(&interface_id) = package.interfaces.get(interface) else {
            let known = package.interfaces.keys().map(String::as_str);
            let what = format!("interface in the package {}", package.name);
            return Err(wrong(unknown(&what, interface, known)));
        };
        let id = resolve.id_of(interface_id).unwrap_or_else(|| text.clone());
        let (functions, errors) = functions(resolve, interface_id, &id).map_err(wrong)?;
        Ok(Found {
            interface: interface_id,
            path: Vec::new(),
            module: match &named.module {
                Some(module) => module.clone(),
                None => Ident::new(&to_rust_ident(interface), named.id.span()),
            },
            id,
            functions,
            errors,
        })
    }

    /// The place of a package.
    fn source(&self, name: &str, version: Option<&str>) -> std::result::Result<usize, String> {
        let mut places = (0..self.found.len()).filter(|place| {
            let source = &self.found[*place];
            source.name == name && (version.is_none() || version == source.version.as_deref())
        });
        let Some(place) = places.next() else {
            let searched: Vec<_> = self
                .searched
                .iter()
                .map(|folder| folder.display().to_string())
                .collect();
            if searched.is_empty() {
                return Err(format!(
                    "the package {name} was not found: there is no folder `wit` beside this package's Cargo.toml, nor above it, up to the app's innkeeper.toml"
                ));
            }
            let known = self.found.iter().map(|source| match &source.version {
                Some(version) => format!("{}@{version}", source.name),
                None => source.name.clone(),
            });
            return Err(format!(
                "the package {name}{} was not found in {}; there are: {}",
                version
                    .map(|version| format!("@{version}"))
                    .unwrap_or_default(),
                searched.join(" and "),
                known.collect::<Vec<_>>().join(", ")
            ));
        };
        let other = places.find(|other| self.found[*other].version != self.found[place].version);
        if let (Some(other), None) = (other, version) {
            let shown = |place: usize| self.found[place].version.clone().unwrap_or_default();
            return Err(format!(
                "there are several versions of the package {name}: say which, as in `@{}` or `@{}`",
                shown(place),
                shown(other)
            ));
        }
        Ok(place)
    }

    /// Resolves a package, and before it those whose types it uses.
    fn push(
        &mut self,
        place: usize,
        resolve: &mut Resolve,
    ) -> std::result::Result<PackageId, String> {
        let directory = self.found[place].directory.clone();
        if let Some((_, id)) = self.pushed.iter().find(|(pushed, _)| *pushed == directory) {
            return Ok(*id);
        }
        if let Some(first) = self.resolving.iter().position(|other| *other == place) {
            let circle = self.resolving[first..].iter().chain([&place]);
            let names = circle.map(|place| self.found[*place].name.as_str());
            return Err(format!(
                "packages use each other in a circle: {}",
                names.collect::<Vec<_>>().join(" uses ")
            ));
        }
        self.resolving.push(place);
        let group = UnresolvedPackageGroup::parse_dir(&directory)
            .map_err(|error| format!("{}: {error:#}", directory.display()))?;
        for used in group.main.foreign_deps.keys() {
            let version = used.version.as_ref().map(ToString::to_string);
            let name = format!("{}:{}", used.namespace, used.name);
            if name != format!("{}:{}", group.main.name.namespace, group.main.name.name) {
                let used = self.source(&name, version.as_deref())?;
                self.push(used, resolve)?;
            }
        }
        self.resolving.pop();
        self.files.extend(wit_files(&directory));
        let id = resolve
            .push_group(group)
            .map_err(|error| format!("{}: {error}", directory.display()))?;
        self.pushed.push((directory, id));
        Ok(id)
    }
}

/// The modules that wit-bindgen puts an interface into.
fn path(resolve: &Resolve, interface: InterfaceId) -> Vec<String> {
    let interface = &resolve.interfaces[interface];
    let package = interface.package.into_iter().flat_map(|id| {
        let namespace = &resolve.packages[id].name.namespace;
        [to_rust_ident(namespace), name_package_module(resolve, id)]
    });
    let name = interface.name.iter().map(|name| to_rust_ident(name));
    package.chain(name).collect()
}

/// `stay:room/rooms@0.1.0`, taken apart.
fn split(text: &str) -> Option<(&str, &str, Option<&str>)> {
    let (text, version) = match text.split_once('@') {
        Some((text, version)) => (text, Some(version)),
        None => (text, None),
    };
    let (package, interface) = text.split_once('/')?;
    let (namespace, name) = package.split_once(':')?;
    let named = [namespace, name, interface].iter().all(|part| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    named.then_some((package, interface, version))
}

/// The folders with packages in them, below a folder and with it.
fn collect(folder: &Path, found: &mut Vec<Source>) {
    let package = wit_files(folder).into_iter().find_map(|file| {
        let text = std::fs::read_to_string(file).ok()?;
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("package "))?;
        let (name, _) = line.split_once(';')?;
        Some(match name.trim().split_once('@') {
            Some((name, version)) => (name.to_owned(), Some(version.to_owned())),
            None => (name.trim().to_owned(), None),
        })
    });
    if let Some((name, version)) = package {
        found.push(Source {
            directory: folder.into(),
            name,
            version,
        });
    }
    let mut folders = entries(folder);
    folders.retain(|path| path.is_dir());
    folders.iter().for_each(|folder| collect(folder, found));
}

fn wit_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = entries(folder);
    files.retain(|path| path.extension().is_some_and(|extension| extension == "wit"));
    files
}

/// Sorted, so that what is made does not depend on the file system.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    entries.sort();
    entries
}

/// The functions of an interface, and the types of their errors.
fn functions(
    resolve: &Resolve,
    interface: InterfaceId,
    id: &str,
) -> std::result::Result<(Vec<Function>, Vec<String>), String> {
    let (mut functions, mut errors) = (Vec::new(), Vec::new());
    for function in resolve.interfaces[interface].functions.values() {
        let error = error_of(resolve, function).ok_or_else(|| {
            format!(
                "`{}` of {id} must return `result<_, E>`, where `E` is a variant with the case `unavailable(string)`: \
                 the host answers with that when the context cannot be reached",
                function.name
            )
        })?;
        if !is_deadline_told_by_a_text(resolve, error) {
            return Err(format!(
                "`deadline-exceeded` of the error of `{}` of {id} must be `deadline-exceeded(string)`: \
                 the host answers with that when the time of a call is up",
                function.name
            ));
        }
        let definition = &resolve.types[error];
        if let Some(name) = &definition.name {
            let name = upper_camel_case(name);
            if !errors.contains(&name) && is_of(resolve, error, interface) {
                errors.push(name);
            }
        }
        functions.push(Function {
            name: function.name.clone(),
            ident: to_rust_ident(&function.name),
            parameters: function.params.len(),
        });
    }
    Ok((functions, errors))
}

fn is_of(resolve: &Resolve, id: TypeId, interface: InterfaceId) -> bool {
    resolve.interfaces[interface]
        .types
        .values()
        .any(|known| *known == id)
        && !matches!(resolve.types[id].kind, TypeDefKind::Type(_))
}

/// The error of a function that answers as those of contexts do.
fn error_of(resolve: &Resolve, function: &wit_parser::Function) -> Option<TypeId> {
    let Some(Type::Id(result)) = function.result else {
        return None;
    };
    let TypeDefKind::Result(result) = &resolve.types[result].kind else {
        return None;
    };
    let Some(Type::Id(error)) = result.err else {
        return None;
    };
    let unavailable =
        |case: &&wit_parser::Case| case.name == "unavailable" && case.ty == Some(Type::String);
    cases_of(resolve, error)?.iter().find(unavailable)?;
    Some(error)
}

/// The cases of a variant, whatever it is called here.
fn cases_of(resolve: &Resolve, mut variant: TypeId) -> Option<&[wit_parser::Case]> {
    while let TypeDefKind::Type(Type::Id(aliased)) = resolve.types[variant].kind {
        variant = aliased;
    }
    match &resolve.types[variant].kind {
        TypeDefKind::Variant(variant) => Some(&variant.cases),
        _ => None,
    }
}

/// Whether the case that tells of a deadline, if there is one, is as the host answers with it.
fn is_deadline_told_by_a_text(resolve: &Resolve, error: TypeId) -> bool {
    let mut cases = cases_of(resolve, error).unwrap_or_default().iter();
    let told = cases.find(|case| case.name == "deadline-exceeded");
    told.is_none_or(|case| case.ty == Some(Type::String))
}

/// As the bindings name a type.
fn upper_camel_case(name: &str) -> String {
    name.split('-')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| {
                first
                    .to_uppercase()
                    .chain(letters.flat_map(char::to_lowercase))
                    .collect()
            })
        })
        .collect()
}
