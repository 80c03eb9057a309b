//! Lesson 02: arguments become bytes.

use std::process::ExitCode;

use bytes::Bytes;
use kv::message::{IncrementRequest, PutRequest};
use stub::codec::{Bincode, Codec};
use transport::Status;
use tutorial::lens;
use tutorial::lens::bincode::Field;
use tutorial::lesson::Lesson;
use tutorial::page::{BOLD, Page, hex};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(2) };
    let mut page = lesson.begin(
        &[
            "A codec turns a message into bytes and back. Both sides must use the same one.",
            "bincode writes the fields one after the other: no names, no types. The bytes mean something \
             only to who knows the message.",
            "Bytes from elsewhere may be anything. A decoder says what is wrong and at which byte; it never \
             trusts a length.",
        ],
        "PutRequest { key: \"greeting\", value: \"hello\" } has 13 letters. How many bytes does it take? \
         And IncrementRequest { key: \"hits\", by: -1 }, when `by` is an i64?",
    );
    let given = run(&mut page);
    lesson.end(
        page,
        given,
        "In stub/kv/proto/kv.proto, swap the two fields of PutRequest, each with its number, and run this \
         again. Every byte moves, and nothing complains. A client that was built before now puts its values \
         under the wrong keys, and nobody is told. Protobuf, another codec, sends the numbers for this \
         reason.",
    )
}

fn run(page: &mut Page) -> Result<(), Status> {
    page.heading("values beside bytes");
    let put = PutRequest { key: "greeting".to_owned(), value: "hello".to_owned() };
    page.say("The arguments of put(\"greeting\", \"hello\") are a message. (stub/kv/proto/kv.proto)");
    page.blank();
    let bytes = encode(&put)?;
    let fields = [Field::Text("key"), Field::Text("value")];
    page.picture("02-put", "put(\"greeting\", \"hello\") in bincode");
    page.spans(&bytes, &lens::bincode::message(&bytes, &fields));
    page.blank();
    page.say(&format!("13 letters and two lengths: {} bytes.", bytes.len()));

    page.heading("a number takes as many bytes as it needs");
    page.say(
        "Small numbers are common, so they are one byte. A signed number is first folded, so that small \
         negative ones are small too: 0, -1, 1, -2 become 0, 1, 2, 3. A folded number above 250 (126 \
         becomes 252) begins with fb, fc or fd: 2, 4 or 8 bytes follow, least significant first.",
    );
    page.blank();
    for by in [3, -1, 125, 126, 1_000_000, i64::MAX] {
        let bytes = encode(&IncrementRequest { key: "n".to_owned(), by })?;
        page.line(format_args!("    by: {by:<20} {BOLD}{}{BOLD:#}", hex(&bytes[2..])));
    }

    page.heading("bytes that are no message");
    page.say(
        "Somebody may send anything. Each of these is refused, and the byte is named. Bytes are counted from \
         0; where bytes are missing, it is the place where the field begins that is not complete.",
    );
    page.blank();
    let whole = encode(&put)?;
    refuse(page, "cut short", &whole[..12]);
    refuse(page, "too long", &[&whole[..], b"!!"].concat());
    refuse(page, "not UTF-8", b"\x02k\xff\x01v");
    refuse(page, "a key of 2^62 bytes", b"\xfd\x00\x00\x00\x00\x00\x00\x00\x40");
    page.say(
        "The last one claims a key of four million million million bytes. Nothing is allocated for it: only \
         what has really come counts. (stub/src/codec/bincode.rs, `decode`)",
    );
    Ok(())
}

fn encode<T>(message: &T) -> Result<Bytes, Status>
where
    Bincode: Codec<T>,
{
    let mut bytes = Vec::new();
    Bincode.encode(message, &mut bytes)?;
    Ok(bytes.into())
}

fn refuse(page: &mut Page, what: &str, bytes: &[u8]) {
    let decoded: Result<PutRequest, Status> = Bincode.decode(Bytes::copy_from_slice(bytes));
    page.line(format_args!("    {BOLD}{what}{BOLD:#}: {}", hex(bytes)));
    match decoded {
        Ok(message) => page.point("→", &format!("accepted as {message:?}")),
        Err(status) => page.point("→", &status.to_string()),
    }
    page.blank();
}
