//! The interoperability tests of gRPC, on this project.
//!
//! Every implementation of gRPC has a client and a server that do what one document says
//! ([interop test descriptions](https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md)),
//! so that any client can be tried on any server. These are ours: [`cases`] has what the client does and
//! checks, a function a case; [`TestServer`] is the service. The programs `interop_client` and
//! `interop_server` take the flags that all of them take.
//!
//! Left out are the cases that need credentials of a cloud, or a proxy.

pub mod cases;
mod failure;
mod payload;
pub mod proto;
mod service;

pub use failure::Failure;
pub use service::TestServer;
