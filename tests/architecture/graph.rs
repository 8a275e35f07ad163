//! Which file of `src/` uses which, read from the `use` items and the paths of the code.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use syn::visit::{self, Visit};
use syn::{Attribute, File, Item, ItemMod, UseTree};

/// A module by its path without `crate`.
pub type Module = Vec<String>;

pub struct Graph {
    pub uses: BTreeMap<Module, BTreeSet<Module>>,
    /// Where each type is defined, by its name.
    pub types: BTreeMap<String, Vec<Module>>,
}

/// Files of tests are left out, and so is what only tests compile.
pub fn read(src: &Path, sources: &BTreeMap<std::path::PathBuf, String>) -> Graph {
    let files: BTreeMap<Module, File> = sources
        .iter()
        .filter(|(path, _)| !is_test(path))
        .map(|(path, text)| (module_of(src, path), syn::parse_file(text).unwrap()))
        .collect();
    let modules: BTreeSet<Module> = files.keys().cloned().collect();
    let mut graph = Graph { uses: BTreeMap::new(), types: BTreeMap::new() };
    for (module, file) in &files {
        let mut reader =
            Reader { at: module.clone(), module, modules: &modules, uses: BTreeSet::new() };
        reader.visit_file(file);
        graph.uses.insert(module.clone(), reader.uses);
        for name in file.items.iter().filter_map(type_name) {
            graph.types.entry(name).or_default().push(module.clone());
        }
    }
    graph
}

fn is_test(path: &Path) -> bool {
    let name = |part: &std::ffi::OsStr| {
        let part = part.to_string_lossy();
        part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs")
    };
    path.iter().any(name)
}

fn module_of(src: &Path, path: &Path) -> Module {
    let relative = path.strip_prefix(src).unwrap().with_extension("");
    let mut parts: Module = relative.iter().map(|p| p.to_string_lossy().into_owned()).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib")) {
        parts.pop();
    }
    parts
}

#[expect(clippy::wildcard_enum_match_arm, reason = "other items define no type")]
fn type_name(item: &Item) -> Option<String> {
    let (attributes, name) = match item {
        Item::Struct(it) => (&it.attrs, &it.ident),
        Item::Enum(it) => (&it.attrs, &it.ident),
        Item::Type(it) => (&it.attrs, &it.ident),
        Item::Trait(it) => (&it.attrs, &it.ident),
        Item::Union(it) => (&it.attrs, &it.ident),
        _ => return None,
    };
    (!is_for_tests(attributes)).then(|| name.to_string())
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

struct Reader<'a> {
    /// The module of the file, or one written out inside it.
    at: Module,
    module: &'a Module,
    modules: &'a BTreeSet<Module>,
    uses: BTreeSet<Module>,
}

impl Reader<'_> {
    fn note(&mut self, path: &[String]) {
        let Some(target) = self.file_of(path) else { return };
        let nested = target.starts_with(self.module) || self.module.starts_with(&target);
        if !nested {
            self.uses.insert(target);
        }
    }

    /// The file that an absolute or relative path of this crate leads into.
    fn file_of(&self, path: &[String]) -> Option<Module> {
        let mut at: Module = match path.first()?.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => self.at.clone(),
            _ => return None,
        };
        for part in path {
            match part.as_str() {
                "crate" | "self" => {}
                "super" => drop(at.pop()),
                other => at.push(other.to_owned()),
            }
        }
        while !at.is_empty() && !self.modules.contains(&at) {
            at.pop();
        }
        (!at.is_empty()).then_some(at)
    }

    fn note_tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.note_tree(&with(&path.ident), &path.tree),
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.note_tree(before, tree));
            }
            UseTree::Name(name) => self.note(&with(&name.ident)),
            UseTree::Rename(name) => self.note(&with(&name.ident)),
            UseTree::Glob(_) => self.note(before),
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_for_tests(&item.attrs) {
            self.note_tree(&[], &item.tree);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_for_tests(&item.attrs) {
            self.at.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.at.pop();
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|it| it.ident.to_string()).collect();
        self.note(&names);
        visit::visit_path(self, path);
    }
}

/// Every set of files that use each other, directly or by way of others.
pub fn circles(uses: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<BTreeSet<Module>> {
    let reached: BTreeMap<&Module, BTreeSet<&Module>> =
        uses.keys().map(|module| (module, reach(uses, module))).collect();
    let mut found: BTreeSet<BTreeSet<Module>> = BTreeSet::new();
    for (module, others) in &reached {
        if others.contains(module) {
            let back = |other: &&&Module| reached.get(*other).is_some_and(|it| it.contains(module));
            found.insert(others.iter().filter(back).map(|other| (*other).clone()).collect());
        }
    }
    found.into_iter().collect()
}

fn reach<'a>(uses: &'a BTreeMap<Module, BTreeSet<Module>>, from: &Module) -> BTreeSet<&'a Module> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&Module> = uses.get(from).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if seen.insert(next) {
            open.extend(uses.get(next).into_iter().flatten());
        }
    }
    seen
}
