//! Messages that are compressed, which is up to both ends as it is in gRPC.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use transport::web::Web;
use transport::{IncomingCall, Limits, Received};

use crate::ends::{VERSIONS, answering, call, call_with, frame, message, trailers, uncalled};
use crate::support::{echo, service};

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_compressed_request_is_read() {
    for version in VERSIONS {
        for (name, compressed) in [("gzip", gzip(b"hello")), ("deflate", deflate(b"hello"))] {
            let service = service(|mut call: IncomingCall| async move {
                assert_eq!(call.receive.receive().await, Received::Message("hello".into()));
                assert!(call.receive.was_compressed());
                call.send.send_last("read".into()).await.unwrap();
            });
            let request = call_with(&[("grpc-encoding", name)], frame(1, compressed));
            let answer = version.ask(service, Web::new(), request).await;
            assert_eq!(answer.body, [message("read"), trailers("grpc-status: 0\r\n")].concat());
            assert_eq!(answer.header("grpc-encoding"), None, "it has not asked for that");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_of_a_call_with_an_encoding_may_be_as_it_is() {
    for version in VERSIONS {
        for encoding in ["gzip", "identity"] {
            let request = call_with(&[("grpc-encoding", encoding)], message("hello"));
            let answer = version.ask(service(echo), Web::new(), request).await;
            assert_eq!(answer.body, [message("hello"), trailers("grpc-status: 0\r\n")].concat());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_compressed_message_without_an_encoding_is_internal() {
    for version in VERSIONS {
        for headers in [&[][..], &[("grpc-encoding", "identity")]] {
            let request = call_with(headers, frame(1, gzip(b"hello")));
            let answer = version.ask(uncalled(), Web::new(), request).await;
            assert_eq!(answer.status_alone().1, "13");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_encoding_is_unimplemented_and_the_known_ones_are_said() {
    for version in VERSIONS {
        let request = call_with(&[("grpc-encoding", "br")], frame(1, "hello"));
        let answer = version.ask(uncalled(), Web::new(), request).await;
        assert_eq!(answer.status_alone().1, "12");
        assert_eq!(answer.header("grpc-accept-encoding"), Some("identity,gzip,deflate"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_compressed_as_it_says_is_internal() {
    for version in VERSIONS {
        let request = call_with(&[("grpc-encoding", "gzip")], frame(1, "hello"));
        assert_eq!(version.ask(uncalled(), Web::new(), request).await.status_alone().1, "13");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bomb_is_resource_exhausted() {
    for version in VERSIONS {
        let limits = Limits { message: 20_000, ..Limits::default() };
        let mut client = version.client_limited(uncalled(), Web::new(), limits).await;
        let request = call_with(&[("grpc-encoding", "gzip")], frame(1, gzip(&vec![0; 1 << 20])));
        assert_eq!(client.ask(request).await.status_alone().1, "8");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_compressed_where_handler_and_client_want_it() {
    let compressing = |wants: bool| {
        answering(move |mut send| async move {
            send.compress(wants);
            send.send_last("hello".into()).await.unwrap();
        })
    };
    for version in VERSIONS {
        let with = |accepted| call_with(&[("grpc-accept-encoding", accepted)], message(""));
        let inflated = |body: &Bytes| {
            let (flag, body) = body.split_first().unwrap();
            let (length, body) = body.split_first_chunk().unwrap();
            let (message, behind) = body.split_at(u32::from_be_bytes(*length) as usize);
            assert_eq!((*flag, behind), (1, &trailers("grpc-status: 0\r\n")[..]));
            message.to_vec()
        };
        let mut text = String::new();
        let answer = version.ask(compressing(true), Web::new(), with("identity, gzip")).await;
        assert_eq!(answer.header("grpc-encoding"), Some("gzip"));
        GzDecoder::new(&*inflated(&answer.body)).read_to_string(&mut text).unwrap();
        let answer = version.ask(compressing(true), Web::new(), with("deflate")).await;
        assert_eq!(answer.header("grpc-encoding"), Some("deflate"));
        ZlibDecoder::new(&*inflated(&answer.body)).read_to_string(&mut text).unwrap();
        assert_eq!(text, "hellohello");
        for (wants, request) in [(false, with("gzip")), (true, with("br")), (true, call(message("")))] {
            let answer = version.ask(compressing(wants), Web::new(), request).await;
            assert_eq!(answer.header("grpc-encoding"), None);
            assert_eq!(answer.body, [message("hello"), trailers("grpc-status: 0\r\n")].concat());
        }
    }
}
