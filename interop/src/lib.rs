//! The interoperability tests of gRPC, on this project: the test service and its client.

pub mod proto;
