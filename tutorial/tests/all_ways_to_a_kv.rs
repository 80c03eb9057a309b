//! One contract, every way to keep it. A further transport or codec is a further line.

mod contract;

use contract::{contract_suite, in_memory, local, over_tcp};

contract_suite! {
    a_local_object: local(),
    in_memory_with_bincode: in_memory(),
    over_tcp_with_bincode: over_tcp(),
}
