//! Readers of a stream that are wrong on purpose.

use super::{Frame, RIGHT, StreamCode};
use crate::exercise::Wrong;

pub(super) const WRONG: &[Wrong<StreamCode>] = &[
    Wrong {
        mistake: ONE_READ,
        form: StreamCode {
            next: |arrived| {
                let Some((header, payload)) = arrived.split_first_chunk::<8>() else { return Ok(None) };
                let frame = Frame { call: call(header), payload: payload.to_vec() };
                arrived.clear();
                Ok(Some(frame))
            },
        },
    },
    Wrong {
        mistake: REST_IS_LOST,
        form: StreamCode {
            next: |arrived| {
                let frame = (RIGHT.next)(arrived)?;
                if frame.is_some() {
                    arrived.clear();
                }
                Ok(frame)
            },
        },
    },
    Wrong {
        mistake: HEADER_ALONE,
        form: StreamCode {
            next: |arrived| {
                let Some((header, payload)) = arrived.split_first_chunk::<8>() else { return Ok(None) };
                let (call, length) = (call(header), length(header).min(payload.len()));
                let payload = payload[..length].to_vec();
                arrived.drain(..8 + length);
                Ok(Some(Frame { call, payload }))
            },
        },
    },
    Wrong {
        mistake: HEADER_IS_LOST,
        form: StreamCode {
            next: |arrived| {
                let frame = (RIGHT.next)(arrived)?;
                if frame.is_none() && arrived.len() >= 8 {
                    arrived.drain(..8);
                }
                Ok(frame)
            },
        },
    },
    Wrong {
        mistake: NO_EMPTY_ONE,
        form: StreamCode {
            next: |arrived| match arrived.first_chunk::<8>() {
                Some(header) if length(header) == 0 => Ok(None),
                _ => (RIGHT.next)(arrived),
            },
        },
    },
    Wrong { mistake: WAITS, form: StreamCode { next: |arrived| (RIGHT.next)(arrived).or(Ok(None)) } },
    Wrong {
        mistake: MAKES_ROOM,
        form: StreamCode {
            next: |arrived| {
                let claimed = arrived.first_chunk::<8>().map_or(0, length);
                let frame = (RIGHT.next)(arrived)?;
                arrived.reserve(claimed);
                Ok(frame)
            },
        },
    },
];

pub(super) const ONE_READ: &str = "what one read returns is taken for one frame";
pub(super) const REST_IS_LOST: &str = "what stands behind a frame is thrown away with it";
pub(super) const HEADER_ALONE: &str = "a frame is taken when its header is there, without its payload";
pub(super) const HEADER_IS_LOST: &str = "the header is thrown away while its payload has not come";
pub(super) const NO_EMPTY_ONE: &str = "a frame without a payload is never complete";
pub(super) const WAITS: &str = "it waits for a payload that is not allowed";
pub(super) const MAKES_ROOM: &str = "it makes room for a length that is only claimed";

fn length(header: &[u8; 8]) -> usize {
    usize::from(u16::from_be_bytes([header[2], header[3]]))
}

fn call(header: &[u8; 8]) -> u32 {
    u32::from_be_bytes([header[4], header[5], header[6], header[7]])
}
