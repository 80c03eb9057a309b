//! Lesson 06: a stream is not messages.

use std::process::ExitCode;

use bytes::BytesMut;
use kv::{Kv, KvClient, KvServer, Store};
use server::{Router, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use transport::frame::{Decoder, Flags, Frame, Header, Kind};
use transport::{Limits, Status};
use tutorial::lesson::{Lesson, no_network};
use tutorial::page::{BOLD, Page, hex};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(6) };
    let mut page = lesson.begin(
        &[
            "TCP carries a stream of bytes. What was written at once may be read in pieces, and what was \
             written in pieces may be read at once.",
            "Only the length in the header tells where a message ends.",
            "A reader never makes room for a length that it was only told.",
        ],
        "A program writes three frames to a TCP connection, each with a `write` of its own. The other side \
         calls `read` with a large buffer. How many frames does one `read` return?",
    );
    let given = run(&mut page).await;
    lesson.end(
        page,
        given,
        "In transport/src/frame/decode.rs, `decode`, remove the three lines that return None while \
         src.len() < size. Now it believes that a frame is whole when its header is. Run this again: \
         it ends with a panic, as it should, because it reads bytes that have not come.",
    )
}

async fn run(page: &mut Page) -> Result<(), Status> {
    page.heading("three writes, one read");
    let (mut near, mut far) = connected().await.map_err(no_network)?;
    let frames: Vec<_> = [&b"one"[..], b"two", b"three"].iter().map(|text| frame(text)).collect();
    for frame in &frames {
        near.write_all(frame).await.map_err(no_network)?;
        page.line(format_args!("    write {:2} bytes  {}", frame.len(), hex(frame)));
    }
    let mut bytes = BytesMut::with_capacity(1024);
    far.readable().await.map_err(no_network)?;
    let mut reads = 0;
    while bytes.len() < frames.iter().map(Vec::len).sum() {
        let read = far.read_buf(&mut bytes).await.map_err(no_network)?;
        reads += 1;
        page.line(format_args!("    {BOLD}read  {read:2} bytes{BOLD:#}"));
    }
    page.blank();
    page.say(&format!(
        "{reads} read for 3 writes on this machine, in this run. Nobody promised that: it could as well be \
         two, or five, cut anywhere. The decoder finds the frames in any case:",
    ));
    decoded(page, &mut bytes)?;

    page.heading("one frame, byte by byte");
    let frame = frame(b"slow");
    let mut decoder = Decoder::new(Limits::default(), 0);
    let mut arrived = BytesMut::new();
    for (at, byte) in frame.iter().enumerate() {
        near.write_all(&[*byte]).await.map_err(no_network)?;
        far.read_buf(&mut arrived).await.map_err(no_network)?;
        let found = decoder.decode(&mut arrived).map_err(|error| error.status())?;
        let says = match (found, at + 1) {
            (Some(_), _) => "a frame",
            (None, n) if n < Header::SIZE => "a header is not complete",
            (None, _) => "the header is here, the payload is not",
        };
        page.line(format_args!("    byte {:2}: {byte:02x}  {says}", at + 1));
    }
    page.blank();
    page.say(
        "Not complete is no error: the decoder takes nothing, and waits. (transport/src/frame/decode.rs)",
    );

    page.heading("a length that is only claimed");
    let header = [0x02, 0, 0xff, 0xff, 0, 0, 0, 1];
    page.say("A header claims 65535 bytes. It is refused with nothing allocated and nothing awaited:");
    page.blank();
    page.line(format_args!("    {}", hex(&header)));
    if let Err(error) = Decoder::new(Limits::default(), 0).decode(&mut BytesMut::from(&header[..])) {
        page.point("→", &error.to_string());
    }

    page.heading("the swap: one line");
    page.say("The same client code, first in memory, then over TCP. The address is all that changes.");
    page.blank();
    let mut server = Server::new(Router::new().with(KvServer::new(Store::new())));
    for address in ["memory:lesson-06", "tcp://127.0.0.1:0"] {
        let bound = server.listen(address).await?;
        let kv = KvClient::connect(&bound.to_string()).await?;
        let hits = kv.increment("hits", 1).await?;
        page.line(format_args!("    KvClient::connect({:?})", bound.to_string()));
        page.line(format_args!("      kv.increment(\"hits\", 1) = {BOLD}{hits}{BOLD:#}"));
    }
    page.blank();
    page.say("One server, one store, two transports. In two terminals it is two programs:");
    page.blank();
    page.table(&[
        ("cargo run --bin kv_server", "the first terminal"),
        ("cargo run --bin kv -- incr hits", "the second; again and again"),
    ]);
    Ok(())
}

/// Two ends of a TCP connection on this machine.
async fn connected() -> std::io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr()?), listener.accept());
    let near = near?;
    near.set_nodelay(true)?;
    Ok((near, far?.0))
}

/// A frame with `text` for a message.
fn frame(text: &[u8]) -> Vec<u8> {
    let header =
        Header { kind: Kind::Message, flags: Flags::NONE, code: 0, length: text.len() as u16, call: 1 };
    [&header.encode()[..], text].concat()
}

fn decoded(page: &mut Page, bytes: &mut BytesMut) -> Result<(), Status> {
    let mut decoder = Decoder::new(Limits::default(), 0);
    page.blank();
    while let Some(frame) = decoder.decode(bytes).map_err(|error| error.status())? {
        if let Frame::Message { piece, .. } = frame {
            page.line(format_args!("    MESSAGE {BOLD}{:?}{BOLD:#}", String::from_utf8_lossy(&piece.bytes)));
        }
    }
    Ok(())
}
