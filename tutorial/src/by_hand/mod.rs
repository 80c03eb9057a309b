//! Formats written by hand, to see that nothing is behind them but their rules.

pub mod grpc;
pub mod protobuf;
pub mod web;
