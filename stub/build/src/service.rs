//! Writes trait, client stub and server stub of a service.

use heck::{ToShoutySnakeCase, ToSnakeCase};
use prost_build::{Comments, Method, Service};
use prost_types::{FileDescriptorProto, MethodDescriptorProto};

use crate::Error;
use crate::contract::{Contract, full_name};
use crate::messages::ident;
use crate::names::Names;

/// How long a line may be.
pub(crate) const WIDTH: usize = 110;

/// Finds what cannot be written.
pub(crate) fn check(contract: &Contract) -> Result<(), Error> {
    let messages: Vec<_> = contract.messages().map(|(name, _)| name).collect();
    for file in &contract.files {
        for (number, service) in (0..).zip(&file.service) {
            for suffix in ["Server", "Client"] {
                let name = format!("{}{suffix}", service.name());
                if messages.contains(&full_name(file.package(), &name)) {
                    let text = format!(
                        "service {} has a {name}, and there is a message of this name",
                        service.name()
                    );
                    return Err(error_at(contract, file, &[6, number], text, "Rename one of the two."));
                }
            }
            for (method_number, method) in (0..).zip(&service.method) {
                if let Some(message) = foreign_message(method) {
                    let text = format!("{} cannot be a message of a method", &message[1..]);
                    let advice = "Put it into a message of your own, as a field. Of google.protobuf only Empty can \
                                  stand here.";
                    return Err(error_at(contract, file, &[6, number, 2, method_number], text, advice));
                }
            }
        }
    }
    Ok(())
}

/// What a method takes or returns that belongs to the crate prost-types, so that its codecs cannot be said
/// here.
fn foreign_message(method: &MethodDescriptorProto) -> Option<&str> {
    let is_foreign = |name: &&str| name.starts_with(".google.protobuf.") && *name != ".google.protobuf.Empty";
    [method.input_type(), method.output_type()].into_iter().find(is_foreign)
}

/// An error at the item whose path through the numbers of `descriptor.proto` is `path`.
fn error_at(
    contract: &Contract,
    file: &FileDescriptorProto,
    path: &[i32],
    message: String,
    advice: &str,
) -> Error {
    let error = Error::new(message, advice);
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let span =
        locations.into_iter().find(|location| location.path == path).map(|location| &location.span[..]);
    let number = |number: i32| usize::try_from(number).unwrap_or_default();
    match span {
        Some(&[line, start, end]) => {
            error.at(contract.path_of(file), number(line), number(start), number(end))
        }
        Some(&[line, start, ..]) => error.at(contract.path_of(file), number(line), number(start), 0),
        _ => error,
    }
}

/// The descriptions of the methods, the trait and both stubs.
pub(crate) fn write(service: &Service, names: &mut Names) -> String {
    let parts = [
        contract(service, names),
        descriptions(service, names),
        client_stub(service, names),
        server_stub(service, names),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// How many messages go each way.
#[derive(Clone, Copy)]
enum Shape {
    Unary,
    ClientStreaming,
    ServerStreaming,
    Bidirectional,
}

fn shape(method: &Method) -> Shape {
    match (method.client_streaming, method.server_streaming) {
        (false, false) => Shape::Unary,
        (true, false) => Shape::ClientStreaming,
        (false, true) => Shape::ServerStreaming,
        (true, true) => Shape::Bidirectional,
    }
}

fn contract(service: &Service, names: &mut Names) -> String {
    let (send, sync) = (names.name("::std::marker::Send"), names.name("::std::marker::Sync"));
    let mut text = comment(&service.comments, 0);
    text += "///\n/// A method that is not implemented answers UNIMPLEMENTED.\n";
    let head = format!("pub trait {}: {send} + {sync} + 'static {{", service.name);
    if service.methods.is_empty() {
        return format!("{text}{head}}}\n");
    }
    text += &format!("{head}\n");
    for (number, method) in service.methods.iter().enumerate() {
        let arguments = arguments(method, names);
        let ignored = match &arguments[..] {
            [(name, of)] if of == "()" => format!("let () = {name};"),
            [(name, _)] => format!("let _ = {name};"),
            all => format!("let _ = ({});", all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")),
        };
        let mut parameters = vec!["&self".to_owned()];
        parameters.extend(arguments.iter().map(|(name, of)| format!("{name}: {of}")));
        let output = match shape(method) {
            Shape::Unary | Shape::ClientStreaming => method.output_type.as_str(),
            Shape::ServerStreaming | Shape::Bidirectional => "()",
        };
        let (future, result) = (names.name("::std::future::Future"), result(output, names));
        let output = format!("impl {future}<Output = {result}> + {send}");
        let unimplemented = names.name("::server::dispatch::unimplemented");
        text += if number == 0 { "" } else { "\n" };
        text += &comment(&method.comments, 1);
        text += &signature("fn", &method.name, &parameters, &output);
        text += &format!("        {ignored}\n");
        text += &format!("        async {{ Err({unimplemented}(\"{}\")) }}\n    }}\n", method.proto_name);
    }
    text + "}\n"
}

fn descriptions(service: &Service, names: &mut Names) -> String {
    let mut text = String::new();
    for method in &service.methods {
        let described = names.name("::stub::Method");
        let (request, reply) = (&method.input_type, &method.output_type);
        let (there, back) =
            (messages(request, method.client_streaming), messages(reply, method.server_streaming));
        let path = path(service, method);
        let value = match shape(method) {
            Shape::Unary => format!("{described}::unary(\"{path}\")"),
            shape => {
                let variant = match shape {
                    Shape::Unary => "Unary",
                    Shape::ClientStreaming => "ClientStreaming",
                    Shape::ServerStreaming => "ServerStreaming",
                    Shape::Bidirectional => "Bidirectional",
                };
                format!("{described}::new(\"{path}\", {}::{variant})", names.name("::stub::Shape"))
            }
        };
        text += &format!("/// `{}`: {there} there, {back} back.\n", method.proto_name);
        let name = format!("pub static {}: {described}<{request}, {reply}> =", description(service, method));
        let line = format!("{name} {value};\n");
        text += &if line.len() > WIDTH + 1 { format!("{name}\n    {value};\n") } else { line };
    }
    text
}

fn client_stub(service: &Service, names: &mut Names) -> String {
    let name = &service.name;
    let (arc, into) = (names.name("::std::sync::Arc"), result("Self", names));
    let (caller, options) = (names.name("::client::Caller"), names.name("::client::CallOptions"));
    let connection = names.name("::transport::Connection");
    let mut text = format!(
        "\
/// The client stub: a [`{name}`] that is far away.
///
/// Cheap to clone; any number of calls may run at once.
#[derive(Clone, Debug)]
pub struct {name}Client {{
    caller: {caller},
}}

impl {name}Client {{
    /// Connects to the server at `address`: `memory`, `tcp://host:port`, `http://host:port`.
    ///
    /// # Errors
    /// Those of [`Caller::connect`](::client::Caller::connect).
    pub async fn connect(address: &str) -> {into} {{
        Ok(Self {{ caller: {caller}::connect(address).await? }})
    }}

    /// A stub whose calls go through `connection`.
    pub fn new(connection: {arc}<dyn {connection}>) -> Self {{
        Self {{ caller: {caller}::new(connection) }}
    }}

    /// The same stub, whose calls have `options`.
    pub fn with(&self, options: {options}) -> Self {{
        Self {{ caller: self.caller.with(options) }}
    }}

    /// What makes the calls.
    pub fn caller(&self) -> &{caller} {{
        &self.caller
    }}
"
    );
    for method in &service.methods {
        let (request, reply) = (&method.input_type, &method.output_type);
        let mut stream = |name, of: &str| format!("{}<{of}>", names.name(name));
        let (function, output) = match shape(method) {
            Shape::Unary => ("unary", reply.clone()),
            Shape::ServerStreaming => ("server_streaming", stream("::stub::Receiver", reply)),
            shape => {
                let both = [stream("::stub::Sender", request), stream("::stub::Receiver", reply)].join(", ");
                let is_bidirectional = matches!(shape, Shape::Bidirectional);
                (if is_bidirectional { "bidirectional" } else { "client_streaming" }, format!("({both})"))
            }
        };
        let (mut parameters, mut arguments) =
            (vec!["&self".to_owned()], format!("&{}", description(service, method)));
        if !method.client_streaming {
            parameters.push(format!("request: &{request}"));
            arguments += ", request";
        }
        let name = if OWN.contains(&method.name.as_str()) {
            format!("{}_", method.name)
        } else {
            method.name.clone()
        };
        text += "\n";
        text += &comment(&method.comments, 1);
        text += &signature("pub async fn", &name, &parameters, &result(&output, names));
        text += &format!("        self.caller.{function}({arguments}).await\n    }}\n");
    }
    let from = names.name("::std::convert::From");
    text + &format!(
        "\
}}

/// A stub whose calls are made by `caller`: that of another service, say, on the same connection.
impl {from}<{caller}> for {name}Client {{
    fn from(caller: {caller}) -> Self {{
        Self {{ caller }}
    }}
}}
"
    )
}

fn server_stub(service: &Service, names: &mut Names) -> String {
    let name = &service.name;
    let (object, letter) = (object(service), letter(service, names));
    let (arc, boxed) = (names.name("::std::sync::Arc"), names.name("::std::boxed::Box"));
    let (into, named) = (names.name("::std::convert::Into"), names.name("::stub::NamedService"));
    let (call, serving) = (names.name("::transport::IncomingCall"), names.name("::transport::Serving"));
    let served = names.name("::transport::Service");
    let unknown = names.name("::server::dispatch::unknown_method");
    let full = full_name(&service.package, &service.proto_name);
    let mut arms = String::new();
    for method in &service.methods {
        let dispatch = names.name(match shape(method) {
            Shape::Unary => "::server::dispatch::unary",
            Shape::ClientStreaming => "::server::dispatch::client_streaming",
            Shape::ServerStreaming => "::server::dispatch::server_streaming",
            Shape::Bidirectional => "::server::dispatch::bidirectional",
        });
        let arguments = arguments(method, names);
        let parameters: Vec<_> = arguments.iter().map(|(name, of)| format!("{name}: {of}")).collect();
        let arguments: Vec<_> = arguments.iter().map(|(name, _)| *name).collect();
        let path = path(service, method);
        let (parameters, arguments) = (parameters.join(", "), arguments.join(", "));
        let closure = format!("async move |{parameters}|");
        let body = format!("{object}.{}({arguments}).await", method.name);
        let line = format!("            \"{path}\" => {boxed}::pin({dispatch}(call, {closure} {{\n");
        arms += &if line.len() <= WIDTH + 1 {
            format!("{line}                {body}\n            }})),\n")
        } else {
            let head = format!("            \"{path}\" => {boxed}::pin({dispatch}(\n");
            let call = format!("{head}                call,\n                {closure} {{\n");
            format!("{call}                    {body}\n                }},\n            )),\n")
        };
    }
    // Without methods there is nobody to call.
    let clone = if arms.is_empty() {
        String::new()
    } else {
        format!("        let {object} = self.{object}.clone();\n")
    };
    let body = if arms.is_empty() {
        format!("        {unknown}(call);\n        {boxed}::pin(::std::future::ready(()))\n")
    } else {
        format!(
            "{clone}        match call.head.path.as_str() {{
{arms}            _ => {{
                {unknown}(call);
                {boxed}::pin(::std::future::ready(()))
            }}
        }}\n"
        )
    };
    format!(
        "\
/// The server stub: finds the method that a call names, and calls it on a [`{name}`] that is here.
#[derive(Debug)]
pub struct {name}Server<{letter}> {{
    {object}: {arc}<{letter}>,
}}

impl<{letter}: {name}> {name}Server<{letter}> {{
    /// A server stub that calls `{object}`.
    pub fn new({object}: impl {into}<{arc}<{letter}>>) -> Self {{
        Self {{ {object}: {object}.into() }}
    }}
}}

impl<{letter}: {name}> {named} for {name}Server<{letter}> {{
    const NAME: &'static str = \"{}\";
}}

impl<{letter}: {name}> {served} for {name}Server<{letter}> {{
    fn serve(&self, call: {call}) -> {serving} {{
{body}    }}
}}
",
        &full[1..]
    )
}

/// What a method of the trait is given, by name and type.
fn arguments(method: &Method, names: &mut Names) -> Vec<(&'static str, String)> {
    let (request, reply) = (&method.input_type, &method.output_type);
    let mut arguments = vec![if method.client_streaming {
        ("requests", format!("{}<{request}>", names.name("::stub::Receiver")))
    } else {
        ("request", request.clone())
    }];
    if method.server_streaming {
        arguments.push(("replies", format!("{}<{reply}>", names.name("::stub::Sender"))));
    }
    arguments
}

fn result(ok: &str, names: &mut Names) -> String {
    let (result, status) = (names.name("::std::result::Result"), names.name("::transport::Status"));
    format!("{result}<{ok}, {status}>")
}

/// The head of a method, with its opening brace.
fn signature(kind: &str, name: &str, parameters: &[String], output: &str) -> String {
    let line = format!("    {kind} {name}({}) -> {output} {{\n", parameters.join(", "));
    if line.len() <= WIDTH + 1 {
        return line;
    }
    let parameters: String = parameters.iter().map(|parameter| format!("        {parameter},\n")).collect();
    format!("    {kind} {name}(\n{parameters}    ) -> {output} {{\n")
}

fn comment(comments: &Comments, indent: u8) -> String {
    let mut text = String::new();
    comments.append_with_indent(indent, &mut text);
    text
}

/// `one [`GetRequest`]`, `any number of [`Change`]`.
fn messages(of: &str, are_many: bool) -> String {
    let of = if of == "()" { "`()`".to_owned() } else { format!("[`{of}`]") };
    if are_many { format!("any number of {of}") } else { format!("one {of}") }
}

fn path(service: &Service, method: &Method) -> String {
    format!("/{}/{}", &full_name(&service.package, &service.proto_name)[1..], method.proto_name)
}

/// What the description of a method is called. The service is in it, since a module may have several.
fn description(service: &Service, method: &Method) -> String {
    format!("{}_{}", service.proto_name.to_shouty_snake_case(), method.proto_name.to_shouty_snake_case())
}

/// What the object is called that a server stub calls.
fn object(service: &Service) -> String {
    let name = service.proto_name.to_snake_case();
    if IN_SERVE.contains(&name.as_str()) { "service".to_owned() } else { ident(&name) }
}

/// What the type of this object is called.
fn letter(service: &Service, names: &Names) -> String {
    let letter = &service.name[..1];
    if names.is_taken(letter) { "Implementation".to_owned() } else { letter.to_owned() }
}

/// The methods that every client stub has.
const OWN: [&str; 5] = ["caller", "clone", "connect", "new", "with"];

/// The names that stand in `serve`.
const IN_SERVE: [&str; 9] = [
    "bidirectional",
    "call",
    "client_streaming",
    "replies",
    "request",
    "requests",
    "server_streaming",
    "unary",
    "unknown_method",
];
