//! Lesson 06: a stream is not messages. Over TCP, the same contract; and what the stream does to frames.

#![allow(clippy::unwrap_used)]

mod contract;
mod exercise;

use contract::{TCP, contract_suite, served_on};

contract_suite! {
    a_remote_kv_over_tcp: served_on(TCP, "bincode"),
}

exercise::specification! { stream:
    a_frame_that_is_there_is_taken
    two_frames_that_arrive_at_once_are_two_frames
    one_byte_at_a_time_there_is_a_frame_with_its_last_byte_and_not_before
    of_a_frame_and_a_half_the_half_is_kept
    a_frame_without_a_payload_is_a_frame
    a_claimed_length_over_the_limit_is_refused_before_its_bytes_come
    a_claimed_length_takes_no_memory_until_its_bytes_come
}
