//! Lesson 01: an interface is a contract. A local object keeps it.

mod contract;

use contract::{contract_suite, local};

contract_suite! {
    a_local_object: local(),
}
