//! Writes the messages, and says which codecs they have.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost_build::{Config, Module, Service, ServiceGenerator};
use prost_types::DescriptorProto;
use prost_types::field_descriptor_proto::Type;

use crate::contract::{Contract, full_name};
use crate::names::Names;
use crate::{Codec, Error};

/// Something for each package, by its name.
type ByPackage<T> = BTreeMap<String, T>;

/// The text of the messages of each package, and its services.
pub(crate) fn write(
    contract: &Contract,
    codecs: &[Codec],
) -> Result<(ByPackage<String>, ByPackage<Vec<Service>>), Error> {
    let mut config = Config::new();
    // To serde a Vec<u8> is a list of numbers, written and read one by one; `Bytes` are bytes. And from
    // protobuf they are not copied.
    config.bytes(["."]);
    // By itself prost-build makes a Vec of `BytesValue`; to change one type is to name them all.
    config.compile_well_known_types().extern_path(".google.protobuf", "::prost_types");
    for (name, in_rust) in IN_RUST {
        config.extern_path(name, in_rust);
    }
    if codecs.iter().any(|codec| *codec != Codec::Protobuf) {
        let derive = format!("#[derive({SERDE})]");
        let with_serde = with_serde(contract);
        for (name, message) in contract.messages().filter(|(name, _)| with_serde.contains(name)) {
            config.message_attribute(&name, &derive);
            let mut oneofs = Vec::new();
            all_oneofs(&name, message, &mut oneofs);
            for oneof in oneofs {
                config.type_attribute(oneof, &derive);
            }
        }
    }
    let services = Rc::new(RefCell::new(BTreeMap::new()));
    config.service_generator(Box::new(Collector(services.clone())));
    let files = contract.files.iter().chain(&contract.foreign);
    let requests = files.map(|file| (module(file.package()), file.clone())).collect();
    let wrong = |error: &dyn std::fmt::Display| Error::new(error.to_string(), "Say it in another way.");
    let mut texts = config.generate(requests).map_err(|error| wrong(&error))?;
    let mut written = BTreeMap::new();
    for file in &contract.files {
        let Some(text) = texts.remove(&module(file.package())) else { continue };
        let text = shortened(text, contract, file.package());
        let items = syn::parse_file(&text).map_err(|error| wrong(&error))?.items;
        let items = items.into_iter().map(|item| {
            prettyplease::unparse(&syn::File { shebang: None, attrs: Vec::new(), items: vec![item] })
        });
        written.insert(file.package().to_owned(), one_derive(items.collect::<Vec<_>>().join("\n")));
    }
    Ok((written, services.take()))
}

/// The codecs of each message of `package` that is used by a method.
pub(crate) fn declared(package: &str, contract: &Contract, codecs: &[Codec]) -> Vec<(String, Vec<Codec>)> {
    let methods = contract.files.iter().flat_map(|file| &file.service).flat_map(|service| &service.method);
    let used: BTreeSet<_> = methods.flat_map(|it| [it.input_type(), it.output_type()]).collect();
    let with_serde = with_serde(contract);
    let of_package = contract.files.iter().filter(|file| file.package() == package);
    let mut declared = Vec::new();
    for message in of_package.flat_map(|file| &file.message_type) {
        let outer = full_name(package, message.name());
        let mut inner = Vec::new();
        all_names(&outer, message, &mut inner);
        for name in inner.into_iter().filter(|name| used.contains(name.as_str())) {
            let codecs = if with_serde.contains(&outer) { codecs } else { &[Codec::Protobuf] };
            let path = name.strip_prefix(&full_name(package, "")).unwrap_or(&name);
            declared.push((rust_path(path), codecs.to_vec()));
        }
    }
    declared
}

/// The lines that say so.
pub(crate) fn declarations(declared: &[(String, Vec<Codec>)], names: &mut Names) -> String {
    let line = |(message, codecs): &(String, Vec<Codec>)| {
        let codecs: Vec<_> = codecs.iter().map(|codec| names.name(codec.path())).collect();
        format!("::stub::message!({message}: {});\n", codecs.join(", "))
    };
    declared.iter().map(line).collect()
}

impl Codec {
    fn path(self) -> &'static str {
        match self {
            Self::Protobuf => "::stub::codec::Protobuf",
            Self::Json => "::stub::codec::Json",
            Self::Bincode => "::stub::codec::Bincode",
        }
    }
}

/// Takes the services as prost-build finds them; they are written elsewhere.
struct Collector(Rc<RefCell<ByPackage<Vec<Service>>>>);

impl ServiceGenerator for Collector {
    fn generate(&mut self, service: Service, buf: &mut String) {
        // A package for which nothing is written is one that prost-build forgets.
        buf.push('\n');
        self.0.borrow_mut().entry(service.package.clone()).or_default().push(service);
    }
}

fn module(package: &str) -> Module {
    Module::from_protobuf_package_name(package)
}

/// The messages for which serde has something to derive: those that hold nothing of `prost-types`, and no
/// message that does.
fn with_serde(contract: &Contract) -> BTreeSet<String> {
    let mut left: BTreeMap<String, &DescriptorProto> = contract.messages().collect();
    loop {
        let holds_other = |message: &DescriptorProto| {
            let mut fields = Vec::new();
            all_fields(message, &mut fields);
            fields.iter().any(|of| {
                !IN_RUST.iter().any(|(name, _)| name == of) && !left.keys().any(|name| is_in(of, name))
            })
        };
        let without: Vec<_> =
            left.iter().filter(|(_, message)| holds_other(message)).map(|(name, _)| name.clone()).collect();
        if without.is_empty() {
            return left.into_keys().collect();
        }
        left.retain(|name, _| !without.contains(name));
    }
}

/// The types of all fields that are messages, also of the messages inside.
fn all_fields<'a>(message: &'a DescriptorProto, types: &mut Vec<&'a str>) {
    let messages = message.field.iter().filter(|field| field.r#type() != Type::Enum);
    types.extend(messages.filter_map(|field| field.type_name.as_deref()));
    message.nested_type.iter().for_each(|inner| all_fields(inner, types));
}

fn all_names(name: &str, message: &DescriptorProto, names: &mut Vec<String>) {
    names.push(name.to_owned());
    message.nested_type.iter().for_each(|inner| all_names(&format!("{name}.{}", inner.name()), inner, names));
}

fn all_oneofs(name: &str, message: &DescriptorProto, names: &mut Vec<String>) {
    names.extend(message.oneof_decl.iter().map(|oneof| format!("{name}.{}", oneof.name())));
    message
        .nested_type
        .iter()
        .for_each(|inner| all_oneofs(&format!("{name}.{}", inner.name()), inner, names));
}

/// Whether the message `name` is `outer`, or inside it.
fn is_in(name: &str, outer: &str) -> bool {
    name.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What `Outer.Inner` is in Rust.
fn rust_path(name: &str) -> String {
    let (outer, inner) = name.rsplit_once('.').unwrap_or(("", name));
    let outer =
        outer.split('.').filter(|part| !part.is_empty()).map(|part| ident(&part.to_snake_case()) + "::");
    outer.collect::<String>() + &ident(&inner.to_upper_camel_case())
}

/// `name` such that it is no keyword.
pub(crate) fn ident(name: &str) -> String {
    match name {
        "_" | "super" | "self" | "Self" | "extern" | "crate" => format!("{name}_"),
        _ if syn::parse_str::<syn::Ident>(name).is_err() => format!("r#{name}"),
        _ => name.to_owned(),
    }
}

/// `text` with the everyday types under their everyday names, where these mean nothing else.
fn shortened(text: String, contract: &Contract, package: &str) -> String {
    let files: Vec<_> = contract.files.iter().filter(|file| file.package() == package).collect();
    let names = Names::of(&files);
    let everyday = [
        ("::prost::alloc::string::String", "String"),
        ("::prost::alloc::vec::Vec", "Vec"),
        ("::prost::alloc::boxed::Box", "Box"),
        ("::core::option::Option", "Option"),
    ];
    let free = everyday.into_iter().filter(|(_, name)| !names.is_taken(name));
    free.fold(text, |text, (path, name)| text.replace(path, name))
}

/// `text` with one list of what is derived, where there were two.
fn one_derive(text: String) -> String {
    let indents = (0..DEEPEST).map(|depth| "    ".repeat(depth));
    indents.fold(text, |text, indent| {
        text.replace(&format!("#[derive({SERDE})]\n{indent}#[derive("), &format!("#[derive({SERDE}, "))
    })
}

const SERDE: &str = "::serde::Serialize, ::serde::Deserialize";

/// How deep a message may stand in others and still be made pretty.
const DEEPEST: usize = 10;

/// The types of `google.protobuf` that are everyday types in Rust, and which.
const IN_RUST: [(&str, &str); 10] = [
    (".google.protobuf.Empty", "()"),
    (".google.protobuf.BoolValue", "bool"),
    (".google.protobuf.BytesValue", "::prost::bytes::Bytes"),
    (".google.protobuf.DoubleValue", "f64"),
    (".google.protobuf.FloatValue", "f32"),
    (".google.protobuf.Int32Value", "i32"),
    (".google.protobuf.Int64Value", "i64"),
    (".google.protobuf.StringValue", "::prost::alloc::string::String"),
    (".google.protobuf.UInt32Value", "u32"),
    (".google.protobuf.UInt64Value", "u64"),
];
