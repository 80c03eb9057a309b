//! Finds names that mean one thing only.
//!
//! What is written stands in one module with the messages, and a message may be called `Status` or
//! `Result`. What is called so elsewhere is written with its whole path there.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToUpperCamelCase;
use prost_types::{DescriptorProto, FileDescriptorProto};

/// The names of one module.
pub(crate) struct Names {
    taken: BTreeSet<String>,
    /// What is imported, by the module that it is in.
    uses: BTreeMap<&'static str, BTreeSet<&'static str>>,
}

impl Names {
    /// The names in the module of a package that is in these files.
    pub(crate) fn of(files: &[&FileDescriptorProto]) -> Self {
        let mut taken = BTreeSet::new();
        for file in files {
            all_types(&file.message_type, &mut taken);
            taken.extend(file.enum_type.iter().map(|it| it.name().to_upper_camel_case()));
            for service in &file.service {
                let name = service.name().to_upper_camel_case();
                taken.extend([format!("{name}Server"), format!("{name}Client"), name]);
            }
        }
        Self { taken, uses: BTreeMap::new() }
    }

    pub(crate) fn is_taken(&self, name: &str) -> bool {
        self.taken.contains(name)
    }

    /// What `path` is called here. It is imported if it has to be.
    pub(crate) fn name(&mut self, path: &'static str) -> &'static str {
        let (module, name) = path.rsplit_once("::").unwrap_or(("", path));
        if self.is_taken(name) {
            return path;
        }
        if !PRELUDE.contains(&path) {
            self.uses.entry(module).or_default().insert(name);
        }
        name
    }

    /// The lines that import.
    pub(crate) fn uses(&self) -> String {
        let lines = |own: bool| {
            let of_this_kind = self.uses.iter().filter(move |(module, _)| module.starts_with("::std") != own);
            let mut lines: Vec<_> = of_this_kind.map(|(module, names)| line(module, names)).collect();
            lines.sort();
            lines.concat()
        };
        let (std, own) = (lines(false), lines(true));
        if std.is_empty() || own.is_empty() { std + &own } else { format!("{std}\n{own}") }
    }
}

fn all_types(messages: &[DescriptorProto], taken: &mut BTreeSet<String>) {
    for message in messages {
        taken.insert(message.name().to_upper_camel_case());
        taken.extend(message.enum_type.iter().map(|it| it.name().to_upper_camel_case()));
        taken.extend(message.oneof_decl.iter().map(|it| it.name().to_upper_camel_case()));
        all_types(&message.nested_type, taken);
    }
}

fn line(module: &str, names: &BTreeSet<&str>) -> String {
    let names: Vec<_> = names.iter().copied().collect();
    if let [name] = names[..] {
        return format!("use {module}::{name};\n");
    }
    let text = format!("use {module}::{{{}}};\n", names.join(", "));
    if text.len() <= crate::service::WIDTH {
        return text;
    }
    let mut lines = vec![String::from("   ")];
    for name in names {
        if lines[lines.len() - 1].len() + name.len() + 2 > crate::service::WIDTH {
            lines.push(String::from("   "));
        }
        lines.last_mut().into_iter().for_each(|line| *line += &format!(" {name},"));
    }
    format!("use {module}::{{\n{}\n}};\n", lines.join("\n"))
}

/// What needs no import.
const PRELUDE: [&str; 12] = [
    "::core::option::Option",
    "::std::boxed::Box",
    "::std::convert::From",
    "::std::convert::Into",
    "::std::future::Future",
    "::std::marker::Send",
    "::std::marker::Sync",
    "::std::result::Result",
    "::std::result::Result::Err",
    "::std::result::Result::Ok",
    "::std::string::String",
    "::std::vec::Vec",
];
