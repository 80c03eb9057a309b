//! Lesson 12: HTTP/2 is frames on streams.

use std::process::ExitCode;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http2::frame::{Data, Frame, Head, Kind, WindowUpdate};
use http2::{Connection, ErrorCode, Event, Fields, Limits};
use kv::message::{GetReply, GetRequest};
use stub::codec::{Bincode, Codec};
use transport::{Code, Status};
use tutorial::joined::{Happened, Joined, Passed, deliver, written};
use tutorial::lens::Layer;
use tutorial::lesson::Lesson;
use tutorial::page::{BOLD, Page, count, hex};
use tutorial::tap::Way;
use tutorial::{joined, lens};

fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(12) };
    let mut page = lesson.begin(
        &[
            "A connection carries frames. Each begins with the same nine bytes: length, type, flags, stream.",
            "A stream is one request and its answer. Each side ends its own half, with the flag END_STREAM.",
            "A window is how many bytes of data one may still send. Who reads gives more; who does not read \
             stops the sender.",
            "What breaks a rule costs its stream, or the whole connection. Which of the two is part of the rule.",
        ],
        "The frames of lesson 3 say kind, method, length and call in eight bytes. HTTP/2 takes nine, and has no \
         place for the method: where is it? And a client has 50 bytes to send on a stream whose window is 20. \
         What leaves, and what does the rest wait for?",
    );
    let given = run(&mut page);
    lesson.end(
        page,
        given,
        "In transport/http2/src/connection/pump.rs, `send_next`, remove `.min(outgoing.window.available())`: now \
         the client does not care what the stream's window allows. Run this again. All is as before until the \
         window fills: the DATA frame begins with 00 00 32, all 50 bytes, where 00 00 14 was allowed. The server \
         counts too. It answers RST_STREAM with code 3, FLOW_CONTROL_ERROR, the call is lost, and the lesson \
         stops there; the test below fails. A window is a promise, and the receiver checks it.",
    )
}

fn run(page: &mut Page) -> Result<(), Status> {
    let mut joined = Joined::new(Limits::default(), Limits::default());
    hello(page, &mut joined)?;
    two_requests(page, &mut joined)?;
    farewell(page, &mut joined)?;
    window(page)?;
    refused(page)?;

    page.heading("and the questions");
    page.say(
        "The method is a field, :path: its name is sent, and not a number. That would cost its letters in \
         every call, but for HPACK: in the second request the whole path is one byte. Of the 50 bytes 20 leave, \
         and the rest waits for the reader: each byte that was read is a byte of credit.",
    );
    Ok(())
}

fn hello(page: &mut Page, joined: &mut Joined) -> Result<(), Status> {
    joined.settle();
    let passed = joined.passed();
    let (mut out, mut back) = (Vec::new(), Vec::new());
    for frame in &passed {
        if frame.way == Way::Out { &mut out } else { &mut back }.push(&frame.bytes[..]);
    }
    let [preface, our_settings, our_window, our_ack] = out[..] else { return Err(unexpected(&passed)) };
    let [their_settings, their_window, their_ack] = back[..] else { return Err(unexpected(&passed)) };

    page.heading("before the first frame");
    page.say(
        "A client and a server, joined in memory; the bytes are those that would pass a socket. The client \
         begins with the connection preface, 24 bytes that are no frame (RFC 9113 §3.4). A server that \
         speaks HTTP/1.1 alone takes them for a request with an unknown method, and refuses it. \
         (transport/http2/src/connection/mod.rs, PREFACE)",
    );
    page.blank();
    page.picture("12-preface", "The connection preface");
    show(page, preface);

    page.heading("settings, both ways");
    page.say(
        "From here on, all is frames. The first of each side is SETTINGS: what the other side has to keep \
         to. (RFC 9113 §6.5; transport/http2/src/frame/settings.rs) The client's:",
    );
    page.blank();
    page.legend(&[Layer::Header, Layer::Control, Layer::Fields, Layer::Data, Layer::Status]);
    page.picture("12-settings", "What the client asks of the server");
    show(page, our_settings);
    page.blank();
    page.say(
        "The first nine bytes are the same in every frame: the length of what follows them, in 24 bits; the \
         type; eight flags, whose meaning depends on the type; a bit that is ignored and 31 bits of stream. \
         (transport/http2/src/frame/head.rs) No flag is set, and the stream is 0: this concerns the \
         connection. Then six bytes for each setting: two say which, four its value. It wants no pushed \
         answers, and no more than 16 KiB of header fields at once. What it does not name has a value \
         that the RFC fixes. It goes on:",
    );
    page.blank();
    show(page, our_window);
    page.blank();
    page.say(
        "This is about a window, of which more below. Every one begins with 65535 bytes; here the client allows \
         the server so many more before any of them was read. The server's SETTINGS and WINDOW_UPDATE say the \
         like, and how many streams the client may have open at once:",
    );
    page.blank();
    show(page, their_settings);
    show(page, their_window);
    page.blank();
    page.say("Each side says that it has read the other's: SETTINGS again, with the flag ACK.");
    page.blank();
    show(page, our_ack);
    if our_ack == their_ack {
        page.blank();
        page.say("The server's acknowledgment is the same nine bytes.");
    }
    Ok(())
}

fn two_requests(page: &mut Page, joined: &mut Joined) -> Result<(), Status> {
    page.heading("two requests at once");
    page.say(
        "A client opens a stream for each call, with the next odd number: 1, 3, 5. (Even ones would be \
         streams that a server opens; hardly anybody uses that any more.) HEADERS holds the header fields, made \
         small by HPACK, and DATA the message, here in bincode as in lesson 2. get(\"report\") and get(\"motto\") leave together:",
    );
    page.blank();
    for key in ["report", "motto"] {
        let stream = joined.client.open(&request(), false).map_err(lost)?;
        let message = encode(&GetRequest { key: key.to_owned() })?;
        joined.client.send_data(stream, message, true).map_err(lost)?;
    }
    let Happened { at_server, .. } = joined.settle();
    let asked = joined.passed();
    page.picture("12-request", "HEADERS of the first request");
    for frame in &asked {
        show(page, &frame.bytes);
    }
    page.blank();
    let streams: Vec<_> = at_server.iter().filter_map(request_on).collect();
    let [(one, fields), (two, same_fields)] = streams[..] else { return Err(unexpected(&asked)) };
    page.say(&format!(
        "END_HEADERS says that the fields are complete; what does not fit goes on in CONTINUATION frames. What \
         the fields of stream {one} say, once HPACK is undone:",
    ));
    page.blank();
    for field in fields.iter() {
        let (name, value) = (String::from_utf8_lossy(&field.name), String::from_utf8_lossy(&field.value));
        page.line(format_args!("    {name}: {BOLD}{value}{BOLD:#}"));
    }
    page.blank();
    page.say(&format!(
        "Those whose name begins with a colon were the first line of an HTTP/1.1 request. Stream {two} says \
         {}, in far fewer bytes: that is lesson 13. The two requests do not stand one behind the other: \
         their frames do.",
        if same_fields == fields { "the same" } else { "something else" },
    ));

    page.heading("who ends when");
    page.say(
        "The report has 40000 letters, the motto five. The server has both answers at the same time, the \
         long one first. The number behind the type is the stream.",
    );
    page.blank();
    answer(joined, one, &"r".repeat(40_000))?;
    answer(joined, two, "hello")?;
    joined.settle();
    let answered = joined.passed();
    joined::sides(page);
    joined::draw(page, asked.iter().chain(&answered));
    page.blank();
    page.say(
        "A frame may have 16384 bytes of payload unless its receiver allows more, so the long answer is \
         cut into three. Streams send in turn, a frame each, and the short answer passes between: its caller \
         never knows of the other one. (transport/http2/src/connection/pump.rs, `send_next`)",
    );
    page.blank();
    page.say(
        "END_STREAM stands on the last frame that one side sends. It ends that half alone: a client that has \
         asked says no more and still listens. When both halves have ended, the stream is closed, and its \
         number is not used again. (RFC 9113 §5.1; transport/http2/src/stream.rs, `ended_here`) The answer \
         on stream 3, in bytes:",
    );
    page.blank();
    for frame in answered.iter().filter(|frame| frame.stream() == two) {
        show(page, &frame.bytes);
    }
    for stream in [one, two] {
        joined.client.release(stream);
        joined.server.release(stream);
    }
    joined.settle();
    joined.passed();
    Ok(())
}

fn farewell(page: &mut Page, joined: &mut Joined) -> Result<(), Status> {
    page.heading("a call that is given up, and a connection that ends");
    page.say("The client opens another stream, and loses interest. RST_STREAM ends it at once, both halves:");
    page.blank();
    let stream = joined.client.open(&request(), false).map_err(lost)?;
    joined.settle();
    joined.passed();
    joined.client.reset(stream, ErrorCode::CANCEL);
    joined.client.release(stream);
    joined.settle();
    joined.server.release(stream);
    for frame in joined.passed() {
        page.picture("12-reset", "Stream 5 is given up");
        show(page, &frame.bytes);
    }
    page.blank();
    page.say(
        "The other streams notice nothing. GOAWAY is the same for the connection: no further streams. A \
         server says it twice. (transport/http2/src/connection/leave.rs, `drain`)",
    );
    page.blank();
    joined.server.drain();
    joined.settle();
    let passed = joined.passed();
    joined::sides(page);
    joined::draw(page, &passed);
    page.blank();
    page.say(
        "The first names the highest stream there can be, so that a request which is on its way still counts. \
         The PING comes back, so the client has heard. Only then the second names the last stream that \
         was looked at. A request on a later one was never begun and can safely be sent elsewhere.",
    );
    if let Some(last) = passed.last() {
        page.blank();
        page.picture("12-goaway", "The connection takes no further streams");
        show(page, &last.bytes);
    }
    Ok(())
}

fn window(page: &mut Page) -> Result<(), Status> {
    let window = 20;
    // Without a limit, it would grow as it is read.
    let limits = Limits { stream_window: window, largest_stream_window: window, ..Limits::default() };
    let mut joined = Joined::new(Limits::default(), limits);
    joined.settle();
    joined.passed();

    page.heading("a window that fills");
    page.say(&format!(
        "Another connection, whose server has set INITIAL_WINDOW_SIZE to {window}: so many bytes of data may \
         come on each stream before any of them was read. The client has 50 bytes to send.",
    ));
    page.blank();
    let stream = joined.client.open(&request(), false).map_err(lost)?;
    joined.client.send_data(stream, Bytes::from(vec![b'x'; 50]), true).map_err(lost)?;
    joined::sides(page);
    let mut left = i64::from(window);
    let mut unread = 0;
    let mut credit = None;
    for reads in [0, 8, 20, 20] {
        if reads > 0 {
            page.line(format_args!("      the server's program reads {reads} of {unread} bytes"));
            joined.server.read(stream, reads);
            unread -= reads;
        }
        let happened = joined.settle();
        let passed = joined.passed();
        joined::draw(page, &passed);
        unread += data_in(&happened.at_server);
        for frame in &passed {
            left += change_of_window(frame, stream);
            if frame.way == Way::In && credit.is_none() {
                credit = Some(frame.clone());
            }
        }
        if let Some(Event::Reset { code, .. }) = happened.at_client.first() {
            page.blank();
            passed.iter().filter(|frame| frame.stream() == stream).for_each(|frame| show(page, &frame.bytes));
            let why = format!("the server has reset stream {stream}: {code}");
            return Err(Status::new(Code::Internal, why));
        }
        let waiting = count(joined.client.queued(stream), "byte");
        page.line(format_args!("      {BOLD}the window is {left}, {waiting} wait{BOLD:#}"));
        if reads == 0 {
            // Only data counts, so another request can be made (RFC 9113 §6.9).
            joined.client.open(&request(), true).map_err(lost)?;
            joined.settle();
            joined::draw(page, &joined.passed());
        }
    }
    page.blank();
    page.say(
        "The sender stops by itself, in the middle of a message. What it may send again is what was read, not \
         what has come: a program that is slow slows down who sends to it, across the network, and nothing \
         piles up between them. Only DATA counts; HEADERS of another stream pass while the first one waits. \
         (RFC 9113 §6.9; transport/http2/src/flow.rs)",
    );
    if let Some(credit) = credit {
        page.blank();
        page.picture("12-credit", "Credit of 8 bytes for stream 1");
        show(page, &credit.bytes);
    }
    page.blank();
    page.say(
        "The same is counted a second time for all streams together: that is the window of stream 0. DATA \
         takes from both.",
    );
    Ok(())
}

fn refused(page: &mut Page) -> Result<(), Status> {
    page.heading("what is refused, and what it costs");
    page.say(
        "Each time a server with an open stream 1 gets these bytes. An error of a stream costs that stream: \
         RST_STREAM. An error of the connection costs all of it: GOAWAY, and the end. (RFC 9113 §5.4; \
         transport/http2/src/error.rs, Scope)",
    );
    page.blank();
    let raw = |kind, flags, stream, payload: &[u8]| {
        let head = Head { length: payload.len() as u32, kind, flags, stream };
        [&encoded(|dst| head.encode(dst))[..], payload].concat()
    };
    let window_update = |stream| encoded(|dst| WindowUpdate { stream, increment: 0 }.encode(dst));
    let data = |stream| encoded(|dst| Data { stream, ..x() }.encode(dst));
    let end_headers = Head::END_HEADERS | Head::END_STREAM;
    refuse(page, "WINDOW_UPDATE of 0 on stream 1", &window_update(1))?;
    refuse(page, "WINDOW_UPDATE of 0 on the connection", &window_update(0))?;
    refuse(page, "DATA behind END_STREAM", &[data(1), data(1)].concat())?;
    refuse(page, "DATA on stream 0", &data(0))?;
    refuse(page, "DATA on stream 9, which nobody has opened", &data(9))?;
    refuse(page, "HEADERS on an even stream", &raw(Kind::HEADERS, end_headers, 2, b"\x82"))?;
    refuse(page, "HEADERS whose fields are no HPACK", &raw(Kind::HEADERS, end_headers, 3, b"\x80"))?;
    refuse(page, "a head that claims a megabyte", &[0x10, 0, 0, 0, 0, 0, 0, 0, 1])?;
    refuse(page, "a frame of a type that does not exist", &raw(Kind(0x42), 0xff, 1, b"?"))?;
    page.say(
        "The last one is not refused but ignored, whatever its flags: so new types can be invented, and old \
         programs live on. And these are the first bytes of a client that speaks HTTP/1.1:",
    );
    page.blank();
    let http_1 = b"GET / HTTP/1.1\r\n";
    let mut server = Connection::server(Limits::default(), Instant::now());
    verdict(page, "not the preface", http_1, deliver(http_1, &mut server, Instant::now()), &mut server)
}

/// A server with an open stream 1 gets `bytes`.
fn refuse(page: &mut Page, what: &str, bytes: &[u8]) -> Result<(), Status> {
    let mut joined = Joined::new(Limits::default(), Limits::default());
    joined.client.open(&request(), false).map_err(lost)?;
    joined.settle();
    let events = deliver(bytes, &mut joined.server, Instant::now());
    verdict(page, what, bytes, events, &mut joined.server)
}

/// Says what a connection makes of bytes: what has happened, and what it answers.
fn verdict(
    page: &mut Page,
    what: &str,
    bytes: &[u8],
    events: Vec<Event>,
    connection: &mut Connection,
) -> Result<(), Status> {
    page.line(format_args!("    {BOLD}{what}{BOLD:#}"));
    page.line(format_args!("    {}", hex(bytes)));
    let reason = events.iter().find_map(|event| match event {
        Event::Reset { reason, .. } => *reason,
        Event::Closed(error) => Some(error.reason),
        _ => None,
    });
    let answer = written(connection);
    let answer = Passed::all(Way::In, &answer).last().and_then(Passed::frame);
    let told = match (answer, reason) {
        (Some(Frame::RstStream(reset)), Some(reason)) => {
            format!("error of stream {}: RST_STREAM, {}: {reason}", reset.stream, reset.code)
        }
        (Some(Frame::GoAway(away)), Some(reason)) => {
            format!("error of the connection: GOAWAY, {}: {reason}", away.code)
        }
        (None, None) => "nothing happens".to_owned(),
        (answer, _) => return Err(lost(format!("{what} is answered with {answer:?}"))),
    };
    page.point("→", &told);
    page.blank();
    Ok(())
}

/// A frame, or the preface, byte by byte.
fn show(page: &mut Page, frame: &[u8]) {
    page.spans(frame, &lens::http2::frame(frame).spans);
}

/// The request of a call, but for its message.
fn request() -> Fields {
    Fields::new([
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/kv.Kv/Get"),
        (":authority", "kv.test"),
    ])
}

/// The server's answer to get: a value.
fn answer(joined: &mut Joined, stream: u32, value: &str) -> Result<(), Status> {
    let head = Fields::new([(":status", "200")]);
    let message = encode(&GetReply { value: value.to_owned() })?;
    joined.server.send_headers(stream, &head, false).map_err(lost)?;
    joined.server.send_data(stream, message, true).map_err(lost)
}

fn request_on(event: &Event) -> Option<(u32, &Fields)> {
    match event {
        Event::Headers { stream, fields, .. } => Some((*stream, fields)),
        _ => None,
    }
}

fn data_in(events: &[Event]) -> usize {
    let size = |event: &Event| if let Event::Data { data, .. } = event { data.len() } else { 0 };
    events.iter().map(size).sum()
}

/// What a frame takes of the window of a stream, or adds to it.
fn change_of_window(frame: &Passed, stream: u32) -> i64 {
    match frame.frame() {
        Some(Frame::Data(data)) if data.stream == stream => -i64::from(data.flow_controlled_size()),
        Some(Frame::WindowUpdate(update)) if update.stream == stream => update.increment.into(),
        _ => 0,
    }
}

/// DATA with one letter, that ends its stream.
fn x() -> Data {
    Data { stream: 1, data: Bytes::from_static(b"x"), end_stream: true, padding: 0 }
}

fn encoded(encode: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    encode(&mut bytes);
    bytes.to_vec()
}

fn encode<T>(message: &T) -> Result<Bytes, Status>
where
    Bincode: Codec<T>,
{
    let mut bytes = Vec::new();
    Bincode.encode(message, &mut bytes)?;
    Ok(bytes.into())
}

fn unexpected(passed: &[Passed]) -> Status {
    let told: Vec<_> = passed.iter().map(Passed::label).collect();
    lost(format!("the conversation is not the one that was expected: {}", told.join("; ")))
}

fn lost(what: impl std::fmt::Display) -> Status {
    Status::new(Code::Internal, what.to_string())
}
