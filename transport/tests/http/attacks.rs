//! What attacks on a server cost, and whom they do not: each limit holds, the peer is told why, memory
//! stays bounded, and another connection is served all the while.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http2::connection::PREFACE;
use http2::frame::{
    Continuation, Data, Frame, GoAway, Head, Headers, Kind, Ping, RstStream, Setting, Settings, WindowUpdate,
};
use http2::hpack::Encoder;
use http2::{Connection, ErrorCode, Event, Field, Fields, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use transport::Status;
use transport::http::{Application, serve_over};

use crate::application::{Echo, bytes, collecting_client, echo_server, fetch, post};

/// Who attacks, by hand.
struct Attacker {
    io: DuplexStream,
    encoder: Encoder,
    input: BytesMut,
    outcome: JoinHandle<Result<(), Status>>,
}

impl Attacker {
    async fn write(&mut self, bytes: &[u8]) -> bool {
        // Time passes by itself here, once nobody can do anything.
        matches!(timeout(Duration::from_secs(1), self.io.write_all(bytes)).await, Ok(Ok(())))
    }

    /// Writes the same bytes again and again, until the server takes no more. How often it took them.
    async fn flood(&mut self, bytes: &[u8]) -> usize {
        let many = 100;
        let written = bytes.repeat(many);
        let mut times = 0;
        while times < FLOOD && self.write(&written).await {
            times += many;
        }
        times
    }

    fn headers(&mut self, stream: u32, fields: &Fields, end_stream: bool) -> Vec<u8> {
        let mut block = BytesMut::new();
        self.encoder.encode(fields, &mut block);
        encoded(|dst| {
            Headers::encode_block(stream, end_stream, 16_384, dst, |dst| dst.extend_from_slice(&block))
        })
    }

    /// Reads until the server resets a stream.
    async fn is_sent_a_reset(&mut self) -> RstStream {
        loop {
            while let Some(frame) = Frame::decode(&mut self.input, 1 << 24).unwrap() {
                if let Frame::RstStream(reset) = frame {
                    return reset;
                }
            }
            assert!(self.io.read_buf(&mut self.input).await.unwrap() > 0, "the connection goes on");
        }
    }

    /// Reads until the server has closed the connection; the code and the words with which it said why.
    async fn is_sent_away(&mut self) -> (ErrorCode, String) {
        let mut last = None;
        loop {
            while let Some(frame) = Frame::decode(&mut self.input, 1 << 24).unwrap() {
                if let Frame::GoAway(GoAway { code, debug_data, .. }) = frame {
                    last = Some((code, String::from_utf8(debug_data.to_vec()).unwrap()));
                }
            }
            let read = timeout(Duration::from_secs(60), self.io.read_buf(&mut self.input)).await;
            if matches!(read.expect("the connection is closed"), Ok(0) | Err(_)) {
                return last.expect("the server says why");
            }
        }
    }
}

/// Attacks a server that echoes, while another client is served by one with the same limits. How many
/// bytes were allocated at most, all together.
fn under_attack(attack: impl AsyncFnOnce(&mut Attacker)) -> u64 {
    under_attack_of(Limits::default(), Echo::default, attack)
}

fn under_attack_of<A: Application>(
    limits: Limits,
    application: impl Fn() -> A,
    attack: impl AsyncFnOnce(&mut Attacker),
) -> u64 {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let measured = allocation_counter::measure(|| {
        runtime.block_on(async {
            let (near, far) = duplex(64 << 10);
            let outcome =
                tokio::spawn(serve_over(far, limits.clone(), application(), std::future::pending()));
            let mut attacker =
                Attacker { io: near, encoder: Encoder::new(), input: BytesMut::new(), outcome };
            attacker.write(PREFACE).await;
            attacker.write(&encoded(|dst| Settings::default().encode(dst))).await;
            attacker.write(&encoded(|dst| Settings { ack: true, settings: vec![] }.encode(dst))).await;

            let client = collecting_client(echo_server(limits), Limits::default());
            let serve_another = async {
                for _ in 0..20 {
                    let answer = fetch(&client, post([]), bytes(100), None).await.unwrap();
                    assert_eq!(answer.data, bytes(100));
                    tokio::task::yield_now().await;
                }
            };
            tokio::join!(attack(&mut attacker), serve_another);
        });
    });
    measured.bytes_max
}

/// Takes requests, and never ends.
struct Stuck;

impl Application for Stuck {
    fn handle(&mut self, _connection: &mut Connection, _event: Event) {}

    fn closed(&mut self, _why: &Status) {}
}

fn encoded(encode: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    encode(&mut bytes);
    bytes.to_vec()
}

fn rst_stream(stream: u32) -> Vec<u8> {
    encoded(|dst| RstStream { stream, code: ErrorCode::CANCEL }.encode(dst))
}

/// How often a flood repeats what it does.
const FLOOD: usize = 100_000;

/// What a connection that is attacked may cost, in bytes; the tests themselves need some of it.
const MEMORY: u64 = 2 << 20;

const CALM: ErrorCode = ErrorCode::ENHANCE_YOUR_CALM;

#[test]
fn cve_2023_44487_streams_opened_and_reset_at_once() {
    let cost = under_attack(async |attacker| {
        for n in 0..10_000 {
            let mut pair = attacker.headers(2 * n + 1, &post([]), true);
            pair.extend(rst_stream(2 * n + 1));
            if !attacker.write(&pair).await {
                break;
            }
        }
        assert_eq!(attacker.is_sent_away().await, (CALM, "too many streams are reset".to_owned()));
    });
    assert!(cost < MEMORY, "{cost}");
}

#[test]
fn cve_2023_44487_a_handler_that_still_runs_counts_although_its_stream_was_reset() {
    under_attack_of(
        Limits::default(),
        || Stuck,
        async |attacker| {
            for n in 0..150 {
                let mut pair = attacker.headers(2 * n + 1, &post([]), true);
                pair.extend(rst_stream(2 * n + 1));
                attacker.write(&pair).await;
            }
            for n in 150..201 {
                let open = attacker.headers(2 * n + 1, &post([]), true);
                attacker.write(&open).await;
            }
            let the_201st = RstStream { stream: 401, code: ErrorCode::REFUSED_STREAM };
            assert_eq!(attacker.is_sent_a_reset().await, the_201st);
        },
    );
}

#[test]
fn cve_2025_8671_a_server_that_is_made_to_reset_streams() {
    let cost = under_attack(async |attacker| {
        for n in 0..10_000 {
            let mut pair = attacker.headers(2 * n + 1, &post([]), false);
            // An increment of 0 is an error of the stream.
            pair.extend(encoded(|dst| WindowUpdate { stream: 2 * n + 1, increment: 0 }.encode(dst)));
            if !attacker.write(&pair).await {
                break;
            }
        }
        assert_eq!(attacker.is_sent_away().await, (CALM, "too many streams are reset".to_owned()));
    });
    assert!(cost < MEMORY, "{cost}");
}

#[test]
fn cve_2024_27316_field_blocks_that_do_not_end() {
    for size in [0, 1, 16_384] {
        let cost = under_attack(async |attacker| {
            let begin = Headers { stream: 1, fragment: Bytes::new(), end_stream: true, end_headers: false };
            attacker.write(&encoded(|dst| begin.encode(dst))).await;
            let fragment = Bytes::from(vec![0x40; size]);
            let go_on = Continuation { stream: 1, fragment, end_headers: false };
            attacker.flood(&encoded(|dst| go_on.encode(dst))).await;
            assert_eq!(attacker.is_sent_away().await, (CALM, "a field block that does not end".to_owned()));
        });
        assert!(cost < 4 * MEMORY, "{cost}");
    }
}

#[test]
fn an_hpack_bomb() {
    let cost = under_attack(async |attacker| {
        let mut large = attacker.headers(1, &post([Field::new("bomb", "x".repeat(3000))]), true);
        // The newest field of the table, 10,000 times: 30 MB in 10 KB.
        let fragment = Bytes::from(vec![0x80 | 62; 10_000]);
        let bomb = Headers { stream: 3, fragment, end_stream: true, end_headers: true };
        large.extend(encoded(|dst| bomb.encode(dst)));
        attacker.write(&large).await;
        let (code, why) = attacker.is_sent_away().await;
        assert_eq!((code, &why[..]), (CALM, "a field list more than four times as large as allowed"));
    });
    assert!(cost < MEMORY, "{cost}");
}

#[test]
fn thousands_of_crumbs_of_a_cookie() {
    let cost = under_attack(async |attacker| {
        let crumbs = (0..2000).map(|_| Field::new("cookie", "a"));
        let request = attacker.headers(1, &post(crumbs), true);
        attacker.write(&request).await;
        assert_eq!(attacker.is_sent_away().await.0, CALM);
    });
    assert!(cost < MEMORY, "{cost}");
}

#[test]
fn cve_2019_9518_empty_data_frames() {
    let cost = under_attack(async |attacker| {
        let open = attacker.headers(1, &post([]), false);
        attacker.write(&open).await;
        let empty = Data { stream: 1, data: Bytes::new(), end_stream: false, padding: 0 };
        attacker.flood(&encoded(|dst| empty.encode(dst))).await;
        assert_eq!(attacker.is_sent_away().await, (CALM, "too many empty DATA frames".to_owned()));
    });
    assert!(cost < MEMORY, "{cost}");
}

#[test]
fn tiny_data_frames_that_nobody_reads() {
    let limits = Limits { unread_frames: 1000, ..Limits::default() };
    let cost = under_attack_of(
        limits,
        || Stuck,
        async |attacker| {
            let open = attacker.headers(1, &post([]), false);
            attacker.write(&open).await;
            let tiny = Data { stream: 1, data: Bytes::from_static(b"x"), end_stream: false, padding: 0 };
            let frame = encoded(|dst| tiny.encode(dst));
            attacker.write(&frame.repeat(1001)).await;
            assert_eq!(attacker.is_sent_a_reset().await, RstStream { stream: 1, code: CALM });
        },
    );
    assert!(cost < MEMORY, "{cost}");
}

#[test]
fn cve_2019_9512_pings_by_a_peer_that_does_not_read() {
    let cost = under_attack(async |attacker| {
        attacker.flood(&encoded(|dst| Ping { ack: false, data: [0; 8] }.encode(dst))).await;
        assert_eq!(attacker.is_sent_away().await, (CALM, "too_many_pings".to_owned()));
    });
    assert!(cost < MEMORY, "{cost}");
}

#[test]
fn cve_2019_9515_settings_again_and_again() {
    let cost = under_attack(async |attacker| {
        let settings = vec![Setting::InitialWindowSize(1), Setting::InitialWindowSize(65_535)];
        attacker.flood(&encoded(|dst| Settings { ack: false, settings }.encode(dst))).await;
        assert_eq!(attacker.is_sent_away().await, (CALM, "too many SETTINGS frames".to_owned()));
    });
    assert!(cost < MEMORY, "{cost}");
}

#[test]
fn answers_that_wait_for_a_peer_that_does_not_read_them() {
    let limits =
        Limits { settings: http2::Rate { burst: 1_000_000, per_second: 1_000_000 }, ..Limits::default() };
    let cost = under_attack_of(limits, Echo::default, async |attacker| {
        attacker.flood(&encoded(|dst| Settings::default().encode(dst))).await;
        let why = "too many answers wait for a peer that does not read them";
        assert_eq!(attacker.is_sent_away().await, (CALM, why.to_owned()));
    });
    assert!(cost < MEMORY, "{cost}");
}

#[test]
fn cve_2019_9517_requests_whose_answers_the_peer_does_not_read() {
    let limits = Limits { streams: 100_000, ..Limits::default() };
    let cost = under_attack_of(limits, Echo::default, async |attacker| {
        let mut taken = 0;
        for n in 0..100_000 {
            let large = Field::new("large", "x".repeat(1000));
            let request = attacker.headers(2 * n + 1, &post([large]), true);
            if !attacker.write(&request).await {
                break;
            }
            taken = n;
        }
        assert!(taken < 100_000, "all were taken although no answer was read");
        let outcome = (&mut attacker.outcome).await.unwrap().unwrap_err();
        assert!(outcome.message().contains("the peer has taken no byte for 30s"), "{outcome}");
    });
    assert!(cost < 4 * MEMORY, "{cost}");
}

#[test]
fn a_frame_that_only_claims_to_be_large() {
    let cost = under_attack(async |attacker| {
        let claim = Head { length: (1 << 24) - 1, kind: Kind::DATA, flags: 0, stream: 1 };
        attacker.write(&encoded(|dst| claim.encode(dst))).await;
        assert_eq!(attacker.is_sent_away().await.0, ErrorCode::FRAME_SIZE_ERROR);
    });
    assert!(cost < MEMORY, "{cost}");
}

#[test]
fn more_data_than_the_window_of_the_connection_allows() {
    let limits = Limits { stream_window: 1 << 24, connection_window: 65_535, ..Limits::default() };
    let cost = under_attack_of(
        limits,
        || Stuck,
        async |attacker| {
            let open = attacker.headers(1, &post([]), false);
            attacker.write(&open).await;
            let data = Data { stream: 1, data: bytes(16_384), end_stream: false, padding: 0 };
            attacker.flood(&encoded(|dst| data.encode(dst))).await;
            assert_eq!(attacker.is_sent_away().await.0, ErrorCode::FLOW_CONTROL_ERROR);
        },
    );
    assert!(cost < 4 * MEMORY, "{cost}");
}

#[test]
fn more_data_than_the_window_of_a_stream_allows() {
    let cost = under_attack_of(
        Limits::default(),
        || Stuck,
        async |attacker| {
            let open = attacker.headers(1, &post([]), false);
            attacker.write(&open).await;
            let data = Data { stream: 1, data: bytes(16_384), end_stream: false, padding: 0 };
            for _ in 0..1000 {
                attacker.write(&encoded(|dst| data.encode(dst))).await;
            }
            let reset = RstStream { stream: 1, code: ErrorCode::FLOW_CONTROL_ERROR };
            assert_eq!(attacker.is_sent_a_reset().await, reset);
        },
    );
    assert!(cost < 4 * MEMORY, "{cost}");
}

#[test]
fn silence_where_the_preface_is_due() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (_near, far) = duplex(1024);
        let served = serve_over(far, Limits::default(), Echo::default(), std::future::pending()).await;
        let why = served.unwrap_err();
        assert!(why.message().contains("the peer's SETTINGS did not come in time"), "{why}");
    });
}

#[test]
fn a_connection_that_is_kept_open_for_nothing() {
    under_attack(async |attacker| {
        let begun = tokio::time::Instant::now();
        assert_eq!(attacker.is_sent_away_after_a_long_time().await, ErrorCode::NO_ERROR);
        assert!(begun.elapsed() >= Limits::default().idle);
    });
}

impl Attacker {
    /// Reads, however long that takes, until the server has closed the connection.
    async fn is_sent_away_after_a_long_time(&mut self) -> ErrorCode {
        let mut code = None;
        while self.io.read_buf(&mut self.input).await.is_ok_and(|read| read > 0) {
            while let Some(frame) = Frame::decode(&mut self.input, 1 << 24).unwrap() {
                if let Frame::GoAway(away) = frame {
                    code = Some(away.code);
                }
            }
        }
        code.expect("the server says why")
    }
}
