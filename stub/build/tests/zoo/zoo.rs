// Written by stub_build from a .proto file. Change that one, and build again.

use ::client::{CallOptions, Caller};
use ::server::dispatch::{
    bidirectional, client_streaming, server_streaming, unary, unimplemented, unknown_method,
};
use ::stub::codec::{Bincode, Protobuf};
use ::stub::{Method, NamedService, Receiver, Sender, Shape};
use ::transport::{Connection, IncomingCall, Service, Serving};

/// Animals, and what becomes of them. See <https://example.com/zoo> for a list\<Animal>.
///
///    this is no code
///
/// A method that is not implemented answers UNIMPLEMENTED.
pub trait Zoo: ::std::marker::Send + Sync + 'static {
    /// How many there are.
    fn count(
        &self,
        request: (),
    ) -> impl ::std::future::Future<Output = ::std::result::Result<Number, ::transport::Status>> + ::std::marker::Send {
        let () = request;
        async { Err(unimplemented("Count")) }
    }

    /// The method `Close`.
    fn close(
        &self,
        request: Number,
    ) -> impl ::std::future::Future<Output = ::std::result::Result<(), ::transport::Status>> + ::std::marker::Send {
        let _ = request;
        async { Err(unimplemented("Close")) }
    }

    /// The method `Move`.
    fn r#move(
        &self,
        request: Animal,
    ) -> impl ::std::future::Future<Output = ::std::result::Result<animal::Place, ::transport::Status>> + ::std::marker::Send {
        let _ = request;
        async { Err(unimplemented("Move")) }
    }

    /// Feeds.
    fn feed(
        &self,
        requests: Receiver<food::Apple>,
        replies: Sender<()>,
    ) -> impl ::std::future::Future<Output = ::std::result::Result<(), ::transport::Status>> + ::std::marker::Send {
        let _ = (requests, replies);
        async { Err(unimplemented("Feed")) }
    }

    /// The method `Visits`.
    fn visits(
        &self,
        request: (),
        replies: Sender<Visit>,
    ) -> impl ::std::future::Future<Output = ::std::result::Result<(), ::transport::Status>> + ::std::marker::Send {
        let _ = (request, replies);
        async { Err(unimplemented("Visits")) }
    }

    /// The method `Connect`.
    fn connect(
        &self,
        requests: Receiver<Result>,
    ) -> impl ::std::future::Future<Output = ::std::result::Result<Status, ::transport::Status>> + ::std::marker::Send {
        let _ = requests;
        async { Err(unimplemented("Connect")) }
    }

    /// The method `Name`.
    fn name(
        &self,
        request: Names,
    ) -> impl ::std::future::Future<Output = ::std::result::Result<String, ::transport::Status>> + ::std::marker::Send {
        let _ = request;
        async { Err(unimplemented("Name")) }
    }

    /// The method `Show`.
    fn show(
        &self,
        request: Album,
    ) -> impl ::std::future::Future<Output = ::std::result::Result<Album, ::transport::Status>> + ::std::marker::Send {
        let _ = request;
        async { Err(unimplemented("Show")) }
    }
}

/// `Count`: one `()` there, one [`Number`] back.
pub static ZOO_COUNT: Method<(), Number> = Method::unary("/zoo.Zoo/Count");
/// `Close`: one [`Number`] there, one `()` back.
pub static ZOO_CLOSE: Method<Number, ()> = Method::unary("/zoo.Zoo/Close");
/// `Move`: one [`Animal`] there, one [`animal::Place`] back.
pub static ZOO_MOVE: Method<Animal, animal::Place> = Method::unary("/zoo.Zoo/Move");
/// `Feed`: any number of [`food::Apple`] there, any number of `()` back.
pub static ZOO_FEED: Method<food::Apple, ()> = Method::new("/zoo.Zoo/Feed", Shape::Bidirectional);
/// `Visits`: one `()` there, any number of [`Visit`] back.
pub static ZOO_VISITS: Method<(), Visit> = Method::new("/zoo.Zoo/Visits", Shape::ServerStreaming);
/// `Connect`: any number of [`Result`] there, one [`Status`] back.
pub static ZOO_CONNECT: Method<Result, Status> = Method::new("/zoo.Zoo/Connect", Shape::ClientStreaming);
/// `Name`: one [`Names`] there, one [`String`] back.
pub static ZOO_NAME: Method<Names, String> = Method::unary("/zoo.Zoo/Name");
/// `Show`: one [`Album`] there, one [`Album`] back.
pub static ZOO_SHOW: Method<Album, Album> = Method::unary("/zoo.Zoo/Show");

/// The client stub: a [`Zoo`] that is far away.
///
/// Cheap to clone; any number of calls may run at once.
#[derive(Clone, Debug)]
pub struct ZooClient {
    caller: Caller,
}

impl ZooClient {
    /// Connects to the server at `address`: `memory`, `tcp://host:port`, `http://host:port`.
    ///
    /// # Errors
    /// Those of [`Caller::connect`](::client::Caller::connect).
    pub async fn connect(address: &str) -> ::std::result::Result<Self, ::transport::Status> {
        Ok(Self { caller: Caller::connect(address).await? })
    }

    /// A stub whose calls go through `connection`.
    pub fn new(connection: ::std::sync::Arc<dyn Connection>) -> Self {
        Self { caller: Caller::new(connection) }
    }

    /// The same stub, whose calls have `options`.
    pub fn with(&self, options: CallOptions) -> Self {
        Self { caller: self.caller.with(options) }
    }

    /// What makes the calls.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// How many there are.
    pub async fn count(&self, request: &()) -> ::std::result::Result<Number, ::transport::Status> {
        self.caller.unary(&ZOO_COUNT, request).await
    }

    /// The method `Close`.
    pub async fn close(&self, request: &Number) -> ::std::result::Result<(), ::transport::Status> {
        self.caller.unary(&ZOO_CLOSE, request).await
    }

    /// The method `Move`.
    pub async fn r#move(
        &self,
        request: &Animal,
    ) -> ::std::result::Result<animal::Place, ::transport::Status> {
        self.caller.unary(&ZOO_MOVE, request).await
    }

    /// Feeds.
    pub async fn feed(
        &self,
    ) -> ::std::result::Result<(Sender<food::Apple>, Receiver<()>), ::transport::Status> {
        self.caller.bidirectional(&ZOO_FEED).await
    }

    /// The method `Visits`.
    pub async fn visits(&self, request: &()) -> ::std::result::Result<Receiver<Visit>, ::transport::Status> {
        self.caller.server_streaming(&ZOO_VISITS, request).await
    }

    /// The method `Connect`.
    pub async fn connect_(
        &self,
    ) -> ::std::result::Result<(Sender<Result>, Receiver<Status>), ::transport::Status> {
        self.caller.client_streaming(&ZOO_CONNECT).await
    }

    /// The method `Name`.
    pub async fn name(&self, request: &Names) -> ::std::result::Result<String, ::transport::Status> {
        self.caller.unary(&ZOO_NAME, request).await
    }

    /// The method `Show`.
    pub async fn show(&self, request: &Album) -> ::std::result::Result<Album, ::transport::Status> {
        self.caller.unary(&ZOO_SHOW, request).await
    }
}

/// A stub whose calls are made by `caller`: that of another service, say, on the same connection.
impl ::std::convert::From<Caller> for ZooClient {
    fn from(caller: Caller) -> Self {
        Self { caller }
    }
}

/// The server stub: finds the method that a call names, and calls it on a [`Zoo`] that is here.
#[derive(Debug)]
pub struct ZooServer<Implementation> {
    zoo: ::std::sync::Arc<Implementation>,
}

impl<Implementation: Zoo> ZooServer<Implementation> {
    /// A server stub that calls `zoo`.
    pub fn new(zoo: impl ::std::convert::Into<::std::sync::Arc<Implementation>>) -> Self {
        Self { zoo: zoo.into() }
    }
}

impl<Implementation: Zoo> NamedService for ZooServer<Implementation> {
    const NAME: &'static str = "zoo.Zoo";
}

impl<Implementation: Zoo> Service for ZooServer<Implementation> {
    fn serve(&self, call: IncomingCall) -> Serving {
        let zoo = self.zoo.clone();
        match call.head.path.as_str() {
            "/zoo.Zoo/Count" => ::std::boxed::Box::pin(unary(call, async move |request: ()| {
                zoo.count(request).await
            })),
            "/zoo.Zoo/Close" => ::std::boxed::Box::pin(unary(call, async move |request: Number| {
                zoo.close(request).await
            })),
            "/zoo.Zoo/Move" => ::std::boxed::Box::pin(unary(call, async move |request: Animal| {
                zoo.r#move(request).await
            })),
            "/zoo.Zoo/Feed" => ::std::boxed::Box::pin(bidirectional(
                call,
                async move |requests: Receiver<food::Apple>, replies: Sender<()>| {
                    zoo.feed(requests, replies).await
                },
            )),
            "/zoo.Zoo/Visits" => ::std::boxed::Box::pin(server_streaming(
                call,
                async move |request: (), replies: Sender<Visit>| {
                    zoo.visits(request, replies).await
                },
            )),
            "/zoo.Zoo/Connect" => ::std::boxed::Box::pin(client_streaming(
                call,
                async move |requests: Receiver<Result>| {
                    zoo.connect(requests).await
                },
            )),
            "/zoo.Zoo/Name" => ::std::boxed::Box::pin(unary(call, async move |request: Names| {
                zoo.name(request).await
            })),
            "/zoo.Zoo/Show" => ::std::boxed::Box::pin(unary(call, async move |request: Album| {
                zoo.show(request).await
            })),
            _ => {
                unknown_method(call);
                ::std::boxed::Box::pin(::std::future::ready(()))
            }
        }
    }
}

/// The same name twice, in another service.
///
/// A method that is not implemented answers UNIMPLEMENTED.
pub trait Call: ::std::marker::Send + Sync + 'static {
    /// The method `Count`.
    fn count(
        &self,
        request: Number,
    ) -> impl ::std::future::Future<Output = ::std::result::Result<Number, ::transport::Status>> + ::std::marker::Send {
        let _ = request;
        async { Err(unimplemented("Count")) }
    }
}

/// `Count`: one [`Number`] there, one [`Number`] back.
pub static CALL_COUNT: Method<Number, Number> = Method::unary("/zoo.Call/Count");

/// The client stub: a [`Call`] that is far away.
///
/// Cheap to clone; any number of calls may run at once.
#[derive(Clone, Debug)]
pub struct CallClient {
    caller: Caller,
}

impl CallClient {
    /// Connects to the server at `address`: `memory`, `tcp://host:port`, `http://host:port`.
    ///
    /// # Errors
    /// Those of [`Caller::connect`](::client::Caller::connect).
    pub async fn connect(address: &str) -> ::std::result::Result<Self, ::transport::Status> {
        Ok(Self { caller: Caller::connect(address).await? })
    }

    /// A stub whose calls go through `connection`.
    pub fn new(connection: ::std::sync::Arc<dyn Connection>) -> Self {
        Self { caller: Caller::new(connection) }
    }

    /// The same stub, whose calls have `options`.
    pub fn with(&self, options: CallOptions) -> Self {
        Self { caller: self.caller.with(options) }
    }

    /// What makes the calls.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The method `Count`.
    pub async fn count(&self, request: &Number) -> ::std::result::Result<Number, ::transport::Status> {
        self.caller.unary(&CALL_COUNT, request).await
    }
}

/// A stub whose calls are made by `caller`: that of another service, say, on the same connection.
impl ::std::convert::From<Caller> for CallClient {
    fn from(caller: Caller) -> Self {
        Self { caller }
    }
}

/// The server stub: finds the method that a call names, and calls it on a [`Call`] that is here.
#[derive(Debug)]
pub struct CallServer<C> {
    service: ::std::sync::Arc<C>,
}

impl<C: Call> CallServer<C> {
    /// A server stub that calls `service`.
    pub fn new(service: impl ::std::convert::Into<::std::sync::Arc<C>>) -> Self {
        Self { service: service.into() }
    }
}

impl<C: Call> NamedService for CallServer<C> {
    const NAME: &'static str = "zoo.Call";
}

impl<C: Call> Service for CallServer<C> {
    fn serve(&self, call: IncomingCall) -> Serving {
        let service = self.service.clone();
        match call.head.path.as_str() {
            "/zoo.Call/Count" => ::std::boxed::Box::pin(unary(call, async move |request: Number| {
                service.count(request).await
            })),
            _ => {
                unknown_method(call);
                ::std::boxed::Box::pin(::std::future::ready(()))
            }
        }
    }
}

/// Has no methods.
///
/// A method that is not implemented answers UNIMPLEMENTED.
pub trait Nobody: ::std::marker::Send + Sync + 'static {}

/// The client stub: a [`Nobody`] that is far away.
///
/// Cheap to clone; any number of calls may run at once.
#[derive(Clone, Debug)]
pub struct NobodyClient {
    caller: Caller,
}

impl NobodyClient {
    /// Connects to the server at `address`: `memory`, `tcp://host:port`, `http://host:port`.
    ///
    /// # Errors
    /// Those of [`Caller::connect`](::client::Caller::connect).
    pub async fn connect(address: &str) -> ::std::result::Result<Self, ::transport::Status> {
        Ok(Self { caller: Caller::connect(address).await? })
    }

    /// A stub whose calls go through `connection`.
    pub fn new(connection: ::std::sync::Arc<dyn Connection>) -> Self {
        Self { caller: Caller::new(connection) }
    }

    /// The same stub, whose calls have `options`.
    pub fn with(&self, options: CallOptions) -> Self {
        Self { caller: self.caller.with(options) }
    }

    /// What makes the calls.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// A stub whose calls are made by `caller`: that of another service, say, on the same connection.
impl ::std::convert::From<Caller> for NobodyClient {
    fn from(caller: Caller) -> Self {
        Self { caller }
    }
}

/// The server stub: finds the method that a call names, and calls it on a [`Nobody`] that is here.
#[derive(Debug)]
pub struct NobodyServer<N> {
    nobody: ::std::sync::Arc<N>,
}

impl<N: Nobody> NobodyServer<N> {
    /// A server stub that calls `nobody`.
    pub fn new(nobody: impl ::std::convert::Into<::std::sync::Arc<N>>) -> Self {
        Self { nobody: nobody.into() }
    }
}

impl<N: Nobody> NamedService for NobodyServer<N> {
    const NAME: &'static str = "zoo.Nobody";
}

impl<N: Nobody> Service for NobodyServer<N> {
    fn serve(&self, call: IncomingCall) -> Serving {
        unknown_method(call);
        ::std::boxed::Box::pin(::std::future::ready(()))
    }
}

/// The message `Number`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Number {
    /// The field `value`.
    #[prost(int64, tag = "1")]
    pub value: i64,
}

/// The message `Animal`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, PartialEq, ::prost::Message)]
pub struct Animal {
    /// The field `name`.
    #[prost(string, tag = "1")]
    pub name: ::prost::alloc::string::String,
    /// The field `kind`.
    #[prost(enumeration = "animal::Kind", tag = "2")]
    pub kind: i32,
    /// The field `weights`.
    #[prost(map = "string, message", tag = "5")]
    pub weights: ::std::collections::HashMap<::prost::alloc::string::String, Number>,
    /// The field `young`.
    #[prost(message, repeated, tag = "6")]
    pub young: ::prost::alloc::vec::Vec<Animal>,
    /// The field `mother`.
    #[prost(message, optional, boxed, tag = "7")]
    pub mother: ::core::option::Option<::prost::alloc::boxed::Box<Animal>>,
    /// The field `picture`.
    #[prost(bytes = "bytes", optional, tag = "8")]
    pub picture: ::core::option::Option<::prost::bytes::Bytes>,
    /// The field `nickname`.
    #[prost(message, optional, tag = "9")]
    pub nickname: ::core::option::Option<::prost::alloc::string::String>,
    /// One of `home`.
    #[prost(oneof = "animal::Home", tags = "3, 4")]
    pub home: ::core::option::Option<animal::Home>,
}

/// Nested message and enum types in `Animal`.
pub mod animal {
    /// Where it is.
    #[derive(::serde::Serialize, ::serde::Deserialize, Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Place {
        /// The field `cage`.
        #[prost(string, tag = "1")]
        pub cage: ::prost::alloc::string::String,
    }
    /// The enum `Kind`.
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        Hash,
        PartialOrd,
        Ord,
        ::prost::Enumeration
    )]
    #[repr(i32)]
    pub enum Kind {
        /// The value `KIND_UNKNOWN`.
        Unknown = 0,
        /// The value `KIND_BEAR`.
        Bear = 1,
    }
    impl Kind {
        /// String value of the enum field names used in the ProtoBuf definition.
        ///
        /// The values are not transformed in any way and thus are considered stable
        /// (if the ProtoBuf definition does not change) and safe for programmatic use.
        pub fn as_str_name(&self) -> &'static str {
            match self {
                Self::Unknown => "KIND_UNKNOWN",
                Self::Bear => "KIND_BEAR",
            }
        }
        /// Creates an enum from field names used in the ProtoBuf definition.
        pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
            match value {
                "KIND_UNKNOWN" => Some(Self::Unknown),
                "KIND_BEAR" => Some(Self::Bear),
                _ => None,
            }
        }
    }
    /// One of `home`.
    #[derive(::serde::Serialize, ::serde::Deserialize, Clone, PartialEq, Eq, Hash, ::prost::Oneof)]
    pub enum Home {
        /// The field `place`.
        #[prost(message, tag = "3")]
        Place(Place),
        /// The field `wild`.
        #[prost(message, tag = "4")]
        Wild(()),
    }
}

/// The message `Visit`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Visit {
    /// The field `at`.
    #[prost(message, optional, tag = "1")]
    pub at: ::core::option::Option<::prost_types::Timestamp>,
}

/// The message `Result`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Result {
    /// The field `visit`.
    #[prost(message, optional, tag = "1")]
    pub visit: ::core::option::Option<Visit>,
}

/// The message `Status`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Status {
    /// The field `option`.
    #[prost(enumeration = "Option", tag = "1")]
    pub option: i32,
}

/// Bytes in every place where they can stand.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, PartialEq, ::prost::Message)]
pub struct Album {
    /// The field `cover`.
    #[prost(bytes = "bytes", tag = "1")]
    pub cover: ::prost::bytes::Bytes,
    /// The field `back`.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub back: ::core::option::Option<::prost::bytes::Bytes>,
    /// The field `pages`.
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub pages: ::prost::alloc::vec::Vec<::prost::bytes::Bytes>,
    /// The field `portraits`.
    #[prost(map = "string, bytes", tag = "4")]
    pub portraits: ::std::collections::HashMap<
        ::prost::alloc::string::String,
        ::prost::bytes::Bytes,
    >,
    /// The field `stamp`.
    #[prost(message, optional, tag = "5")]
    pub stamp: ::core::option::Option<::prost::bytes::Bytes>,
    /// One of `signature`.
    #[prost(oneof = "album::Signature", tags = "6, 7")]
    pub signature: ::core::option::Option<album::Signature>,
}

/// Nested message and enum types in `Album`.
pub mod album {
    /// One of `signature`.
    #[derive(::serde::Serialize, ::serde::Deserialize, Clone, PartialEq, Eq, Hash, ::prost::Oneof)]
    pub enum Signature {
        /// The field `drawn`.
        #[prost(bytes, tag = "6")]
        Drawn(::prost::bytes::Bytes),
        /// The field `typed`.
        #[prost(string, tag = "7")]
        Typed(::prost::alloc::string::String),
    }
}

/// Whose names mean something else in Rust.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, PartialEq, ::prost::Message)]
pub struct Names {
    /// The field `string`.
    #[prost(message, optional, tag = "1")]
    pub string: ::core::option::Option<String>,
    /// The field `vec`.
    #[prost(message, optional, tag = "2")]
    pub vec: ::core::option::Option<Vec>,
    /// The field `boxes`.
    #[prost(message, repeated, tag = "3")]
    pub boxes: ::prost::alloc::vec::Vec<Box>,
    /// The field `type`.
    #[prost(message, optional, tag = "4")]
    pub r#type: ::core::option::Option<Z>,
    /// The field `self`.
    #[prost(message, optional, tag = "5")]
    pub self_: ::core::option::Option<Arc>,
}

/// The message `String`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct String {
    /// The field `value`.
    #[prost(string, tag = "1")]
    pub value: ::prost::alloc::string::String,
}

/// The message `Vec`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Vec {
    /// The field `values`.
    #[prost(string, repeated, tag = "1")]
    pub values: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
}

/// The message `Box`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Box {}

/// The message `Z`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Z {}

/// The message `Arc`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Arc {}

/// The message `Send`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Send {}

/// The message `Future`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Future {}

/// The message `Into`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Into {}

/// The message `From`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct From {}

/// The message `Json`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Json {}

/// The message `Ok`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Ok {}

/// The message `Err`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Err {}

/// The message `Some`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Some {}

/// The message `Clone`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Clone {}

/// The message `Default`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Default {}

/// The message `Iterator`.
#[derive(::serde::Serialize, ::serde::Deserialize, Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Iterator {}

/// The enum `Option`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum Option {
    /// The value `OPTION_NONE`.
    None = 0,
}

impl Option {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::None => "OPTION_NONE",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "OPTION_NONE" => Some(Self::None),
            _ => None,
        }
    }
}

::stub::message!(Number: Protobuf, ::stub::codec::Json, Bincode);
::stub::message!(Animal: Protobuf, ::stub::codec::Json, Bincode);
::stub::message!(animal::Place: Protobuf, ::stub::codec::Json, Bincode);
::stub::message!(Visit: Protobuf);
::stub::message!(Result: Protobuf);
::stub::message!(Status: Protobuf, ::stub::codec::Json, Bincode);
::stub::message!(Album: Protobuf, ::stub::codec::Json, Bincode);
::stub::message!(Names: Protobuf, ::stub::codec::Json, Bincode);
::stub::message!(String: Protobuf, ::stub::codec::Json, Bincode);

#[path = "food.rs"]
pub mod food;
