//! The program `bench` with an allocator that counts. Not for measuring time.

use std::process::ExitCode;

use bench::process::Heap;

fn main() -> ExitCode {
    bench::program::run(Some(count))
}

fn count(run: &mut dyn FnMut()) -> Heap {
    let counted = allocation_counter::measure(run);
    Heap { allocations: counted.count_total, growth: counted.bytes_current }
}
