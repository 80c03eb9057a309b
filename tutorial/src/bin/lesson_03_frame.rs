//! Lesson 03: a standard message: kind, method, length, call.

use std::process::ExitCode;

use bytes::BytesMut;
use transport::frame::{Decoder, Flags, Header, Hello, Kind};
use transport::{Limits, Status};
use tutorial::lens;
use tutorial::lesson::Lesson;
use tutorial::page::{BOLD, Page, hex};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(3) };
    let mut page = lesson.begin(
        &[
            "The bytes of a message do not say what they are for. A header in front of them does: what kind \
             of message, which method, how long, which call.",
            "The header has a fixed size and a fixed order, most significant byte first, on every machine.",
            "The first bytes of a connection say which protocol this is, and which version. What does not \
             match is refused at once, and the reason is told.",
        ],
        "Eight bytes are enough for kind, method, length and call. In which order would you put them? A \
         reader has eight bytes in hand and must decide how many more to wait for: where should it look?",
    );
    let given = run(&mut page);
    lesson.end(
        page,
        given,
        "In transport/src/frame/header.rs, `encode`, write the length with `to_le_bytes`, and in `decode` \
         read it with `from_le_bytes`. Both sides agree, and every call still works. Only the lens, which \
         keeps to the specification, shows 3840 bytes now; and the test below fails. A header is a promise to \
         programs that do not share your code.",
    )
}

fn run(page: &mut Page) -> Result<(), Status> {
    page.heading("the header of a call");
    let message = b"\x08greeting\x05hello";
    let header = Header {
        kind: Kind::Call,
        flags: Flags::BODY | Flags::END,
        code: 1,
        length: message.len() as u16,
        call: 7,
    };
    page.say(
        "A call whose method has number 1, with the message of the lesson before, and nothing to follow. \
         (transport/src/frame/header.rs)",
    );
    page.blank();
    let frame = [&header.encode()[..], message].concat();
    page.picture("03-call", "A call: header and message");
    page.spans(&frame, &lens::frame::frame(&frame).spans);
    page.blank();
    page.say(
        "The low four bits of the first byte are the kind: 1 is CALL, 2 MESSAGE, 4 END. The high four are \
         flags: 1 HEAD (a head block comes first), 2 BODY (a message follows), 4 MORE (it goes on in the next \
         frame), 8 END (the sender has no more to say). a is 8 and 2: so a1 is a CALL with BODY and END.",
    );
    page.blank();
    page.say(
        "Where does number 1 come from? The first call of a method has a head block with the method's path, \
         /kv.Kv/Put, and the client gives it a number. Later calls on the same connection send only the \
         number, as here. (transport/src/frame/block.rs)",
    );
    page.blank();
    page.say(
        "Kind and flags come first, because they decide what the rest means. The length counts what follows \
         the header, so a reader that has eight bytes knows how many it needs. The call's number returns in \
         every frame of the answer: by that alone the answer finds its caller.",
    );

    page.heading("and of its answer");
    let answer = Header { kind: Kind::Message, flags: Flags::END, code: 0, length: 0, call: 7 }.encode();
    page.picture("03-answer", "Its answer: a header alone");
    page.spans(&answer, &lens::frame::frame(&answer).spans);
    page.blank();
    page.say(
        "PutReply has no fields, so its message has no bytes. END says that the call went well: a status of \
         OK, without a frame of its own.",
    );

    page.heading("before the first frame");
    page.say("Each side begins with 16 bytes that say what it speaks. (transport/src/frame/hello.rs)");
    page.blank();
    let hello = Hello::new(&Limits::default()).encode();
    page.picture("03-hello", "The first bytes of a connection");
    page.spans(&hello, &lens::frame::hello(&hello));
    page.blank();
    page.say(
        "The window is how many bytes the other side may send on one call before it has to wait until some \
         of them have been read. A frame carries at most 40960 bytes; a longer message is cut into pieces.",
    );

    page.heading("what is refused");
    let mut other_version = hello;
    other_version[3] = 2;
    refuse(page, "another version", &other_version, Hello::decode(other_version).err());
    let http = *b"GET / HTTP/1.1\r\n";
    refuse(page, "another protocol", &http, Hello::decode(http).err());
    let unknown_kind = [0x0f, 0, 0, 0, 0, 0, 0, 7];
    refuse(page, "an unknown kind", &unknown_kind, decode(&unknown_kind));
    let too_long = [0x02, 0, 0xff, 0xff, 0, 0, 0, 7];
    refuse(page, "a length over the limit", &too_long, decode(&too_long));
    page.say("The last one is refused before a single byte of its payload has come.");
    Ok(())
}

fn decode(bytes: &[u8]) -> Option<transport::frame::FrameError> {
    Decoder::new(Limits::default(), 0).decode(&mut BytesMut::from(bytes)).err()
}

fn refuse(page: &mut Page, what: &str, bytes: &[u8], error: Option<impl std::error::Error>) {
    page.line(format_args!("    {BOLD}{what}{BOLD:#}"));
    page.line(format_args!("    {}", hex(bytes)));
    let error = error.map_or_else(|| "accepted".to_owned(), |error| error.to_string());
    page.point("→", &error);
    page.blank();
}
