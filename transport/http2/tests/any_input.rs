//! Whatever comes, however it is cut, and whatever the application does meanwhile.

#![allow(clippy::unwrap_used)]

mod fuzz_targets;
mod support;

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use fuzz_targets::driver::{Driver, Setup};
use fuzz_targets::step::{BLOCKS, Step, Target};
use http2::connection::PREFACE;
use http2::frame::{Head, Kind, Setting};
use http2::{Connection, ErrorCode, Event, Limits, Role};
use proptest::prelude::*;
use proptest::sample::Index;
use support::{
    Scripted, data, go_away, ok, ping, post, raw, rst_stream, settings, settings_ack, window_update,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_the_input_is_cut_the_events_and_the_output_are_the_same(
        role in role(),
        said in prop::collection::vec(said(), 0..20),
        cuts in prop::collection::vec(any::<Index>(), 0..12),
    ) {
        let bytes = script(role, &said);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let whole = converse(role, [&bytes[..]]);
        let ends = cuts.iter().copied().chain([bytes.len()]);
        let begins = [0].into_iter().chain(cuts.iter().copied());
        let cut = converse(role, begins.zip(ends).map(|(begin, end)| &bytes[begin..end]));
        prop_assert_eq!(&whole, &cut);
        prop_assert_eq!(&whole, &converse(role, bytes.chunks(1)));
    }

    #[test]
    fn any_frames_and_any_application_leave_a_server_within_its_limits(
        setup in (0..4_u8).prop_map(Setup::from_byte),
        steps in prop::collection::vec(step(Role::Server), 0..80),
    ) {
        drive(Role::Server, setup, steps);
    }

    #[test]
    fn any_frames_and_any_application_leave_a_client_within_its_limits(
        setup in (0..4_u8).prop_map(Setup::from_byte),
        steps in prop::collection::vec(step(Role::Client), 0..80),
    ) {
        drive(Role::Client, setup, steps);
    }

    #[test]
    fn any_bytes_are_taken_or_refused(
        role in role(),
        setup in any::<u8>().prop_map(Setup::from_byte),
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20),
    ) {
        drive(role, setup, pieces.into_iter().map(Step::Bytes));
    }
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Client), Just(Role::Server)]
}

// ---- any steps ----

fn drive(role: Role, setup: Setup, steps: impl IntoIterator<Item = Step>) {
    let mut driver = Driver::new(role, setup);
    steps.into_iter().for_each(|step| driver.take(step));
    driver.finish();
}

fn step(role: Role) -> impl Strategy<Value = Step> {
    let payload = || prop::collection::vec(any::<u8>(), 0..12);
    let size = || prop_oneof![4 => 0..300_usize, 1 => 0..70_000_usize];
    let at = || 0..4_usize;
    let stream = || {
        let any_id = prop_oneof![0..12_u32, any::<u32>().prop_map(|id| id >> 1)];
        prop_oneof![20 => at().prop_map(Target::Known), 1 => any_id.prop_map(Target::Id)]
    };
    let end = || prop::bool::weighted(0.3);
    let data = |(stream, size, end_stream): (_, usize, bool)| {
        let (flags, payload) = (u8::from(end_stream), vec![b'd'; size.min(1 << 14)]);
        Step::Frame { kind: Kind::DATA.0, flags, stream, payload }
    };
    prop_oneof![
        1 => prop_oneof![
            payload().prop_map(Step::Bytes),
            (0..12_u8, any::<u8>(), stream(), payload())
                .prop_map(|(kind, flags, stream, payload)| Step::Frame { kind, flags, stream, payload }),
        ],
        6 => (stream(), size(), end()).prop_map(data),
        8 => (0..3_usize, end()).prop_map(move |(block, end_stream)| match role {
            Role::Client => Step::Open { end_stream },
            Role::Server => Step::Headers { stream: Target::Next, block, end_stream },
        }),
        6 => (stream(), prop_oneof![30 => 0..BLOCKS.len() - 1, 1 => Just(BLOCKS.len() - 1)], end())
            .prop_map(|(stream, block, end_stream)| Step::Headers { stream, block, end_stream }),
        6 => (prop_oneof![2 => stream(), 1 => Just(Target::Id(0))], 1..100_000_u32)
            .prop_map(|(stream, bytes)| Step::Credit { stream, bytes }),
        4 => (at(), prop::bool::weighted(0.2), end())
            .prop_map(|(at, is_informational, end_stream)| Step::Head { at, is_informational, end_stream }),
        6 => (at(), size(), end()).prop_map(|(at, size, end_stream)| Step::Data { at, size, end_stream }),
        2 => at().prop_map(|at| Step::Trailers { at }),
        2 => at().prop_map(|at| Step::AwaitRoom { at }),
        4 => (at(), size()).prop_map(|(at, bytes)| Step::Read { at, bytes }),
        1 => at().prop_map(|at| Step::Reset { at }),
        2 => at().prop_map(|at| Step::Release { at }),
        1 => prop::bool::weighted(0.2).prop_map(|drain| if drain { Step::Drain } else { Step::TakeOutput }),
        4 => Just(Step::TakeOutput),
        2 => (0..3000_u64).prop_map(|millis| Step::Wait { millis }),
        1 => prop::bool::weighted(0.2)
            .prop_map(|late| if late { Step::WaitForTimeout } else { Step::Wait { millis: 1 } }),
    ]
}

// ---- any script ----

/// What a peer says.
#[derive(Clone, Debug)]
enum Said {
    /// A field block, cut into so many pieces.
    Headers {
        stream: u32,
        block: usize,
        end_stream: bool,
        padding: Option<u8>,
        priority: bool,
        pieces: usize,
    },
    Data {
        stream: u32,
        size: usize,
        end_stream: bool,
        padding: Option<u8>,
    },
    Reset {
        stream: u32,
        code: u32,
    },
    Settings(Vec<Setting>),
    SettingsAck,
    Ping {
        ack: bool,
    },
    Credit {
        stream: u32,
        bytes: u32,
    },
    GoAway {
        last: u32,
    },
    Unknown {
        kind: u8,
        stream: u32,
        size: usize,
    },
    /// The same, but for one byte.
    Wrong {
        what: Box<Said>,
        at: Index,
        byte: u8,
    },
}

fn said() -> impl Strategy<Value = Said> {
    let wrong = (right(), any::<Index>(), any::<u8>());
    prop_oneof![
        15 => right(),
        1 => wrong.prop_map(|(what, at, byte)| Said::Wrong { what: Box::new(what), at, byte }),
    ]
}

fn right() -> impl Strategy<Value = Said> {
    let stream = || prop_oneof![6 => prop::sample::select(vec![1_u32, 3, 5, 7, 9, 11]), 1 => 0..13_u32];
    let padding = || prop::option::weighted(0.3, 0..20_u8);
    let end = || prop::bool::weighted(0.3);
    let setting = prop_oneof![
        prop::sample::select(vec![0_u32, 100, 4096]).prop_map(Setting::HeaderTableSize),
        (0..100_000_u32).prop_map(Setting::InitialWindowSize),
        (16_384..32_768_u32).prop_map(Setting::MaxFrameSize),
        (0..5_u32).prop_map(Setting::MaxConcurrentStreams),
    ];
    prop_oneof![
        8 => (stream(), 0..BLOCKS.len(), end(), padding(), any::<bool>(), 1..4_usize).prop_map(
            |(stream, block, end_stream, padding, priority, pieces)| {
                Said::Headers { stream, block, end_stream, padding, priority, pieces }
            }
        ),
        6 => (stream(), 0..1000_usize, end(), padding())
            .prop_map(|(stream, size, end_stream, padding)| Said::Data { stream, size, end_stream, padding }),
        1 => (stream(), 0..15_u32).prop_map(|(stream, code)| Said::Reset { stream, code }),
        1 => prop::collection::vec(setting, 0..3).prop_map(Said::Settings),
        1 => Just(Said::SettingsAck),
        1 => any::<bool>().prop_map(|ack| Said::Ping { ack }),
        2 => (stream(), 0..100_000_u32).prop_map(|(stream, bytes)| Said::Credit { stream, bytes }),
        1 => (0..12_u32).prop_map(|last| Said::GoAway { last }),
        1 => (10..255_u8, stream(), 0..50_usize)
            .prop_map(|(kind, stream, size)| Said::Unknown { kind, stream, size }),
    ]
}

impl Said {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Headers { stream, block, end_stream, padding, priority, pieces } => {
                let block = BLOCKS[*block];
                let (first, rest) = block.split_at(block.len().div_ceil(*pieces));
                let flags = u8::from(*end_stream) | ended(rest.is_empty());
                let mut payload = if *priority { vec![0, 0, 0, 0, 9] } else { Vec::new() };
                payload.extend_from_slice(first);
                let flags = if *priority { flags | Head::PRIORITY } else { flags };
                let mut bytes = padded(Kind::HEADERS, flags, *stream, payload, *padding);
                let mut rest = rest.chunks(block.len().div_ceil(*pieces)).peekable();
                while let Some(piece) = rest.next() {
                    let flags = ended(rest.peek().is_none());
                    bytes.extend(raw(Kind::CONTINUATION, flags, *stream, piece));
                }
                bytes
            }
            Self::Data { stream, size, end_stream, padding: None } => {
                data(*stream, &vec![b'd'; *size], *end_stream)
            }
            Self::Data { stream, size, end_stream, padding } => {
                padded(Kind::DATA, u8::from(*end_stream), *stream, vec![b'd'; *size], *padding)
            }
            Self::Reset { stream, code } => rst_stream(*stream, ErrorCode(*code)),
            Self::Settings(list) => settings(list),
            Self::SettingsAck => settings_ack(),
            Self::Ping { ack } => ping(*b"whatever", *ack),
            Self::Credit { stream, bytes } => window_update(*stream, *bytes),
            Self::GoAway { last } => go_away(*last, ErrorCode::NO_ERROR),
            Self::Unknown { kind, stream, size } => raw(Kind(*kind), 0xff, *stream, &vec![0; *size]),
            Self::Wrong { what, at, byte } => {
                let mut bytes = what.bytes();
                let at = at.index(bytes.len());
                bytes[at] = *byte;
                bytes
            }
        }
    }
}

fn ended(is_end: bool) -> u8 {
    if is_end { Head::END_HEADERS } else { 0 }
}

fn padded(kind: Kind, flags: u8, stream: u32, mut payload: Vec<u8>, padding: Option<u8>) -> Vec<u8> {
    let Some(length) = padding else { return raw(kind, flags, stream, &payload) };
    payload.insert(0, length);
    payload.resize(payload.len() + usize::from(length), 0);
    raw(kind, flags | Head::PADDED, stream, &payload)
}

fn script(role: Role, said: &[Said]) -> Vec<u8> {
    let preface = if role == Role::Server { &PREFACE[..] } else { &[] };
    let greeting = [preface, &settings(&[]), &settings_ack()].concat();
    greeting.into_iter().chain(said.iter().flat_map(Said::bytes)).collect()
}

/// What happens, and what is written, when the input comes in these pieces. The application reads all data,
/// and answers every request.
fn converse<'a>(role: Role, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, BytesMut) {
    let (limits, now) = (Limits { header_list_size: 150, ..Limits::default() }, Instant::now());
    let mut end = Scripted::new(match role {
        Role::Client => Connection::client(limits, now),
        Role::Server => Connection::server(limits, now),
    });
    if role == Role::Client {
        for end_stream in [true, false, false, true] {
            end.connection.open(&post(), end_stream).unwrap();
        }
        end.connection.send_data(3, Bytes::from(vec![b'q'; 70_000]), true).unwrap();
    }
    let mut input = BytesMut::new();
    let mut events = Vec::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        while let Some(event) = end.connection.receive(&mut input, end.now) {
            match &event {
                Event::Headers { stream, .. } if role == Role::Server => {
                    end.connection.send_headers(*stream, &ok(), false).unwrap();
                    end.connection.send_data(*stream, Bytes::from_static(b"answer"), true).unwrap();
                }
                Event::Data { stream, data, .. } => end.connection.read(*stream, data.len()),
                Event::Reset { stream, .. } => end.connection.release(*stream),
                _ => {}
            }
            events.push(event);
        }
    }
    (events, end.sent_bytes())
}
