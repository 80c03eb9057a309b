//! What a contract says of bytes: which fields messages have, and which messages methods take and return.
//! For the lens on protobuf, whose bytes have numbers where the contract has names.

use std::collections::BTreeMap;
use std::path::Path;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use crate::by_hand::protobuf::WireType;

/// Where the contract of the example service is.
pub const KV: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../stub/kv/proto/kv.proto");

/// Where the contract of gRPC's interoperability tests is.
pub const INTEROP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../interop/proto/grpc/testing/test.proto");

/// What one or more `.proto` files say.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    messages: BTreeMap<String, DescriptorProto>,
    enums: BTreeMap<String, EnumDescriptorProto>,
    /// The names of request and reply, by the method's path.
    methods: BTreeMap<String, (String, String)>,
}

impl Schema {
    /// The contract of the example service.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn kv() -> Result<Self, stub_build::Error> {
        Self::read(KV)
    }

    /// What the `.proto` file at this path says, and all that it imports.
    ///
    /// # Errors
    /// What is wrong with one of them, or that it is not there.
    pub fn read(proto: impl AsRef<Path>) -> Result<Self, stub_build::Error> {
        Self::default().and(proto)
    }

    /// What this one says, and the `.proto` file at this path.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn and(mut self, proto: impl AsRef<Path>) -> Result<Self, stub_build::Error> {
        // Imports are named from the folder of the file, or from one above it.
        let proto = proto.as_ref();
        let read = |folder: &Path| stub_build::Builder::new().include(folder).descriptors(proto);
        let mut above = proto.ancestors().skip(2).take(IMPORT_FOLDERS);
        let files = stub_build::Builder::new()
            .descriptors(proto)
            .or_else(|error| above.find_map(|folder| read(folder).ok()).ok_or(error))?;
        self.add(&files);
        Ok(self)
    }

    /// What these descriptors say.
    pub fn new(files: &FileDescriptorSet) -> Self {
        let mut schema = Self::default();
        schema.add(files);
        schema
    }

    fn add(&mut self, files: &FileDescriptorSet) {
        for file in &files.file {
            for message in &file.message_type {
                self.add_message(file.package(), message);
            }
            for it in &file.enum_type {
                self.enums.insert(full_name(file.package(), it.name()), it.clone());
            }
            for service in &file.service {
                let service_name = full_name(file.package(), service.name());
                for method in &service.method {
                    let messages = [method.input_type(), method.output_type()];
                    let [request, reply] = messages.map(|name| name.trim_start_matches('.').to_owned());
                    self.methods.insert(format!("/{service_name}/{}", method.name()), (request, reply));
                }
            }
        }
    }

    /// The message of this full name: `kv.PutRequest`.
    pub fn message(&self, name: &str) -> Option<MessageType<'_>> {
        self.messages.get(name).map(|message| MessageType { schema: self, message })
    }

    /// What the method at this path takes, and what it returns: `/kv.Kv/Put`.
    pub fn method(&self, path: &str) -> Option<(MessageType<'_>, MessageType<'_>)> {
        let (request, reply) = self.methods.get(path)?;
        Some((self.message(request)?, self.message(reply)?))
    }

    /// The paths of all methods, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.methods.keys().map(String::as_str)
    }

    fn add_message(&mut self, outer: &str, message: &DescriptorProto) {
        let name = full_name(outer, message.name());
        message.nested_type.iter().for_each(|inner| self.add_message(&name, inner));
        for it in &message.enum_type {
            self.enums.insert(full_name(&name, it.name()), it.clone());
        }
        self.messages.insert(name, message.clone());
    }
}

/// A message, as the contract has it.
#[derive(Clone, Copy, Debug)]
pub struct MessageType<'a> {
    schema: &'a Schema,
    message: &'a DescriptorProto,
}

impl<'a> MessageType<'a> {
    /// Its name, without what it stands in.
    pub fn name(self) -> &'a str {
        self.message.name()
    }

    /// Its fields, in the order of the contract.
    pub fn fields(self) -> impl Iterator<Item = FieldType<'a>> {
        self.message.field.iter().map(move |field| FieldType { schema: self.schema, field })
    }

    /// The field with this number.
    pub fn field(self, number: u64) -> Option<FieldType<'a>> {
        let mut fields = self.message.field.iter();
        let field = fields.find(|field| u64::try_from(field.number()) == Ok(number))?;
        Some(FieldType { schema: self.schema, field })
    }
}

/// A field, as the contract has it.
#[derive(Clone, Copy, Debug)]
pub struct FieldType<'a> {
    schema: &'a Schema,
    field: &'a FieldDescriptorProto,
}

impl<'a> FieldType<'a> {
    /// Its name.
    pub fn name(self) -> &'a str {
        self.field.name()
    }

    /// What its type is called in a `.proto` file, without the package: `string`, `Change`.
    pub fn type_name(self) -> String {
        match self.of() {
            Type::Message | Type::Enum | Type::Group => {
                self.field.type_name().rsplit('.').next().unwrap_or_default().to_owned()
            }
            of => of.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
        }
    }

    /// What kind of type it has.
    pub fn of(self) -> Type {
        self.field.r#type()
    }

    /// How one value of it is written.
    pub fn wire_type(self) -> WireType {
        match self.of() {
            Type::Double | Type::Fixed64 | Type::Sfixed64 => WireType::I64,
            Type::Float | Type::Fixed32 | Type::Sfixed32 => WireType::I32,
            Type::String | Type::Bytes | Type::Message => WireType::Len,
            Type::Group => WireType::SGroup,
            Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64 => WireType::Varint,
            Type::Sint32 | Type::Sint64 | Type::Bool | Type::Enum => WireType::Varint,
        }
    }

    /// Whether the contract says `optional`.
    pub fn is_optional(self) -> bool {
        self.field.proto3_optional()
    }

    /// Whether the contract says `repeated`.
    pub fn is_list(self) -> bool {
        self.field.label() == Label::Repeated
    }

    /// Whether several values of it can stand behind one tag. A reader takes a list of numbers packed and
    /// not packed, whatever the contract says.
    pub fn can_be_packed(self) -> bool {
        self.is_list() && matches!(self.wire_type(), WireType::Varint | WireType::I32 | WireType::I64)
    }

    /// The message that it is, if it is one.
    pub fn message(self) -> Option<MessageType<'a>> {
        self.schema.message(self.field.type_name().trim_start_matches('.'))
    }

    /// What the number stands for, if it is an enum that has it.
    pub fn value_name(self, number: i32) -> Option<&'a str> {
        let it = self.schema.enums.get(self.field.type_name().trim_start_matches('.'))?;
        it.value.iter().find(|value| value.number() == number).map(|value| value.name())
    }
}

/// How far up the folder can be from which imports are named.
const IMPORT_FOLDERS: usize = 3;

fn full_name(outer: &str, name: &str) -> String {
    if outer.is_empty() { name.to_owned() } else { format!("{outer}.{name}") }
}

#[cfg(test)]
mod tests {
    use prost_types::{EnumValueDescriptorProto, FileDescriptorProto};

    use super::*;

    impl Schema {
        /// A message `t.All` with a field for each type, named after it, at the number that the type has in
        /// descriptor.proto; field 20 is a list of `sint32`.
        pub(crate) fn all_types() -> Self {
            let field = |number: i32, name: &str, of: Type, label: Label| FieldDescriptorProto {
                name: Some(name.to_owned()),
                number: Some(number),
                r#type: Some(of.into()),
                label: Some(label.into()),
                type_name: match of {
                    Type::Message => Some(".t.All".to_owned()),
                    Type::Enum => Some(".t.All.Color".to_owned()),
                    _ => None,
                },
                ..Default::default()
            };
            let of = |number: i32| Type::try_from(number).expect("a type");
            let one =
                (1..=18).map(|number| field(number, of(number).as_str_name(), of(number), Label::Optional));
            let red = EnumValueDescriptorProto {
                name: Some("RED".to_owned()),
                number: Some(1),
                ..Default::default()
            };
            let color = EnumDescriptorProto {
                name: Some("Color".to_owned()),
                value: vec![red],
                ..Default::default()
            };
            let all = DescriptorProto {
                name: Some("All".to_owned()),
                field: one.chain([field(20, "list", Type::Sint32, Label::Repeated)]).collect(),
                enum_type: vec![color],
                ..Default::default()
            };
            let package = Some("t".to_owned());
            let file = FileDescriptorProto { package, message_type: vec![all], ..Default::default() };
            Self::new(&FileDescriptorSet { file: vec![file] })
        }
    }

    #[test]
    fn a_contract_knows_what_its_methods_take_and_return() {
        let schema = Schema::kv().expect("the contract of the example service can be read");
        let names = |path| schema.method(path).map(|(request, reply)| (request.name(), reply.name()));
        assert_eq!(names("/kv.Kv/Sync"), Some(("Change", "Change")));
        assert_eq!(names("/kv.Kv/Nothing"), None);
        assert_eq!(schema.paths().count(), 7);
    }
}
