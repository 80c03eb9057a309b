//! Lesson 11: protobuf is tags and varints.

use std::process::ExitCode;

use bytes::Bytes;
use kv::proto::{Change, DeleteReply, GetReply, GetRequest, IncrementRequest, PutRequest};
use prost_types::DescriptorProto;
use stub::codec::{Bincode, Codec, Json, Protobuf};
use transport::{Code, Status};
use tutorial::by_hand::protobuf::{Value, WireType, Writer, fields, put_varint, zigzag};
use tutorial::lens::bincode::Field;
use tutorial::lens::schema::{self, Schema};
use tutorial::lesson::Lesson;
use tutorial::page::{BOLD, DIM, Page, count, hex};
use tutorial::{by_hand, lens};

fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(11) };
    let mut page = lesson.begin(
        &[
            "A message is its fields, one behind the other. Each is a tag, which says the field's number and how \
             its value is written, and the value.",
            "A number is a varint: seven bits a byte, as many bytes as it needs. A negative one needs all ten, \
             unless its type folds it first.",
            "What has its default is not sent. `optional` is for those who have to tell nothing from empty.",
            "A reader skips fields that it does not know. So old and new programs understand each other, as long \
             as no number ever changes its meaning.",
        ],
        "PutRequest { key: \"greeting\", value: \"hello\" } takes 15 bytes in bincode, which sends lengths and \
         letters and nothing else. How many in protobuf? And IncrementRequest { key: \"hits\", by: -1 }, where \
         bincode takes one byte for the number? What does a program do with a field that was invented after it \
         was built?",
    );
    let given = run(&mut page);
    lesson.end(
        page,
        given,
        "In stub/kv/proto/kv.proto, in IncrementRequest, change `int64 by` to `sint64 by`, and run this again. In \
         Rust it is an i64 as before, so all compiles, and where -1 took ten bytes it takes one. But the tag is \
         the same as before: nothing in the bytes tells which of the two it is. A client that was built before \
         sends 3 as 03, and this server reads -2. The test below does not let it pass. A number of a field stands \
         for its type too, for ever.",
    )
}

fn run(page: &mut Page) -> Result<(), Status> {
    let contract = Schema::kv().map_err(lost)?;
    three_codecs(page, &contract)?;
    tags(page, &contract)?;
    varints(page);
    negative(page)?;
    not_sent(page, &contract)?;
    old_and_new(page, &contract)?;
    order(page, &contract)?;
    inside(page)?;
    no_message(page)?;

    page.heading("and the questions");
    let put = encode(Protobuf, &put())?;
    let by = encode(Protobuf, &IncrementRequest { key: "hits".to_owned(), by: -1 })?;
    page.say(&format!(
        "{} for the put: a tag more for each field, which is what it costs that fields have numbers instead of \
         places. {} for the increment, ten of them for the -1. And a field that was invented later is skipped, \
         because its tag says how long it is, whatever it means.",
        count(put.len(), "byte"),
        by.len(),
    ));
    Ok(())
}

fn three_codecs(page: &mut Page, contract: &Schema) -> Result<(), Status> {
    page.heading("the same value, three times");
    page.say("PutRequest { key: \"greeting\", value: \"hello\" } in bincode, as in lesson 2:");
    page.blank();
    let bytes = encode(Bincode, &put())?;
    page.spans(&bytes, &lens::bincode::message(&bytes, &[Field::Text("key"), Field::Text("value")]));
    page.blank();
    page.say("In protobuf, the default of gRPC:");
    page.blank();
    let bytes = encode(Protobuf, &put())?;
    page.picture("11-put", "put(\"greeting\", \"hello\") in protobuf");
    show(page, &bytes, contract, "PutRequest");
    page.blank();
    page.say("And in JSON, where names and punctuation are sent too:");
    page.blank();
    page.code(&String::from_utf8_lossy(&encode(Json, &put())?));
    page.blank();
    page.say("How many bytes each takes, counted in this run:");
    page.blank();
    page.line(format_args!("    {BOLD}{:52} bincode  proto  JSON{BOLD:#}", ""));
    let increment = |by| IncrementRequest { key: "hits".to_owned(), by };
    sizes(page, &put())?;
    sizes(page, &increment(3))?;
    sizes(page, &increment(-1))?;
    sizes(page, &increment(1_000_000))?;
    sizes(page, &DeleteReply { existed: true })?;
    sizes(page, &DeleteReply { existed: false })?;
    sizes(page, &GetReply { value: String::new() })?;
    page.blank();
    page.say("What follows explains each number in the middle column.");
    Ok(())
}

fn tags(page: &mut Page, contract: &Schema) -> Result<(), Status> {
    page.heading("a tag");
    page.say(
        "Each field begins with a tag: the number that the field has in the contract, shifted by three bits, and \
         in these three bits the wire type. It does not say what the value means, only how it is written, and so \
         where it ends. (protobuf.dev/programming-guides/encoding; older texts call a tag a key.)",
    );
    page.blank();
    let increment = IncrementRequest { key: "hits".to_owned(), by: 3 };
    let messages =
        [("PutRequest", encode(Protobuf, &put())?), ("IncrementRequest", encode(Protobuf, &increment)?)];
    for (name, bytes) in messages {
        page.line(format_args!("    {BOLD}{name}{BOLD:#}"));
        let spans = lens::protobuf::message(&bytes, contract.message(&format!("kv.{name}")));
        for span in lens::leaves(&spans).filter(|span| span.name == "tag") {
            let byte = bytes[span.range.start];
            page.line(format_args!(
                "    {BOLD}{byte:02x}{BOLD:#}  {:05b} {:03b}   {}",
                byte >> 3,
                byte & 7,
                span.value
            ));
        }
    }
    page.blank();
    let rows: [(WireType, &str); 4] = [
        (WireType::Varint, "a varint: int, uint and sint of 32 and 64 bits, bool, an enum"),
        (WireType::I64, "eight bytes, the lowest first: fixed64, sfixed64, double"),
        (WireType::Len, "length and bytes: string, bytes, a message, a packed list"),
        (WireType::I32, "four bytes, the lowest first: fixed32, sfixed32, float"),
    ];
    for (wire_type, what) in rows {
        let number = wire_type as u8;
        page.line(format_args!("    {BOLD}{number:03b}{BOLD:#}  {:6}  {what}", wire_type.name()));
    }
    page.blank();
    page.say(
        "Two more, 3 and 4, are the ends of groups, which are deprecated; 6 and 7 are free. A tag is a varint \
         itself: fields 1 to 15 have one byte, so they are for what is sent often. (A field can have a number up \
         to 2^29 - 1.)",
    );
    Ok(())
}

fn varints(page: &mut Page) {
    page.heading("a varint");
    page.say(
        "Seven bits a byte, the lowest first; the eighth says that more follow. (tutorial/src/by_hand/protobuf.rs, \
         `put_varint`) 300:",
    );
    page.blank();
    let mut bytes = Vec::new();
    put_varint(300, &mut bytes);
    let mut sum = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        let bits = byte & 0x7f;
        sum.push(if at == 0 { bits.to_string() } else { format!("{bits} × {}", 1_u64 << (7 * at)) });
        let what = if byte & 0x80 != 0 { "seven bits, and more follow" } else { "seven bits, the last" };
        page.line(format_args!(
            "    {BOLD}{byte:02x}{BOLD:#}  {:b} {bits:07b}  {:>8}  {DIM}{what}{DIM:#}",
            byte >> 7,
            sum[at]
        ));
    }
    page.blank();
    page.line(format_args!("    {} = {BOLD}300{BOLD:#}", sum.join(" + ")));
    page.blank();
    page.say("And others. Lengths are varints too:");
    page.blank();
    for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
        let mut bytes = Vec::new();
        put_varint(value, &mut bytes);
        page.line(format_args!("    {value:<22} {BOLD}{}{BOLD:#}", hex(&bytes)));
    }
    page.blank();
    page.say(
        "64 bits are nine times seven and one more: ten bytes at most. A reader that went on as long as the \
         eighth bit is set could be kept busy for ever.",
    );
}

fn negative(page: &mut Page) -> Result<(), Status> {
    page.heading("-1 takes ten bytes");
    page.say(
        "A negative int64 is sent as the 64 bits that it has in memory, of which the highest is set: always ten \
         bytes. An int32 is too, so that it can be read as an int64. The types sint32 and sint64 are folded \
         first, as bincode does it: 0, -1, 1, -2 become 0, 1, 2, 3 (zigzag). On the left the field `by`, as the \
         contract has it; on the right what it would be as a sint64:",
    );
    page.blank();
    page.line(format_args!("    {BOLD}{:>8}  {:34} sint64{BOLD:#}", "by", "int64"));
    for by in [1, -1, -2, 64, -64, -1_000_000] {
        let int64 = encode(Protobuf, &IncrementRequest { key: String::new(), by })?;
        let sint64 = Writer::new().varint(2, zigzag(by)).finish();
        page.line(format_args!("    {by:>8}  {:34} {}", hex(&int64), hex(&sint64)));
    }
    page.blank();
    page.say(
        "Each begins with the tag, 10. It is the same one on both sides: who reads a sint64 as an int64 sees \
         another number, and no error. So the type has to be chosen before the first program is built: sint64 \
         where numbers are often negative, int64 where they hardly ever are.",
    );
    Ok(())
}

fn not_sent(page: &mut Page, contract: &Schema) -> Result<(), Status> {
    page.heading("what is not sent");
    page.say(
        "A field that has its default is left out: 0, false, the empty text. Who reads puts the default there. So \
         DeleteReply { existed: false } is no bytes at all. IncrementRequest { key: \"n\", by: 1 } and the same \
         with 0:",
    );
    page.blank();
    for by in [1, 0] {
        let bytes = encode(Protobuf, &IncrementRequest { key: "n".to_owned(), by })?;
        page.line(format_args!("    by: {by}   {BOLD}{}{BOLD:#}", hex(&bytes)));
    }
    page.blank();
    page.say("A writer may send a 0 all the same. A reader does not see the difference:");
    page.blank();
    for bytes in [Writer::new().text(1, "n").finish(), Writer::new().text(1, "n").varint(2, 0).finish()] {
        let read = read::<IncrementRequest>(Protobuf, &bytes);
        page.line(format_args!("    {BOLD}{:16}{BOLD:#} {read}", hex(&bytes)));
    }
    page.blank();
    page.say(
        "Where the difference matters, a field is `optional`. Change has such a one: the new value of a key, or \
         none, when the key was removed. It is sent whenever it is there, also when it is empty:",
    );
    for value in [Some(String::new()), None] {
        let change = Change { key: "n".to_owned(), value };
        page.blank();
        page.line(format_args!("    {BOLD}{change:?}{BOLD:#}"));
        page.blank();
        show(page, &encode(Protobuf, &change)?, contract, "Change");
    }
    Ok(())
}

fn old_and_new(page: &mut Page, contract: &Schema) -> Result<(), Status> {
    page.heading("a new writer and an old reader");
    page.say(
        "Suppose a later contract gives PutRequest a third field, `uint64 expires = 3`. Its programs are new, ours \
         are not. What a new one would send, by hand:",
    );
    page.blank();
    page.code("Writer::new().text(1, \"greeting\").text(2, \"hello\").varint(3, 60).finish()");
    page.blank();
    let new = Writer::new().text(1, "greeting").text(2, "hello").varint(3, 60).finish();
    page.picture("11-unknown", "A message with a field that the reader does not know");
    show(page, &new, contract, "PutRequest");
    page.blank();
    page.say("Our decoder, which has never heard of it:");
    page.blank();
    page.point("→", &read::<PutRequest>(Protobuf, &new));
    page.blank();
    page.say(
        "The wire type says where the field ends, so it can be skipped. (tutorial/src/by_hand/protobuf.rs, `fields`) \
         In bincode nobody could, for nothing says what the bytes are:",
    );
    page.blank();
    let bincode = [&encode(Bincode, &put())?[..], &[60]].concat();
    page.point("→", &read::<PutRequest>(Bincode, &bincode));

    page.heading("an old writer and a new reader");
    page.say("The new program, by hand, reads what ours sends. What is not there keeps its default:");
    page.blank();
    let old = encode(Protobuf, &put())?;
    let (mut key, mut value, mut expires) = (String::new(), String::new(), 0);
    for field in fields(&old) {
        match field.map_err(lost)? {
            (1, Value::Len(bytes)) => key = String::from_utf8_lossy(bytes).into_owned(),
            (2, Value::Len(bytes)) => value = String::from_utf8_lossy(bytes).into_owned(),
            (3, Value::Varint(number)) => expires = number,
            _ => {}
        }
    }
    page.point("→", &format!("key: {key:?}, value: {value:?}, expires: {expires}"));
    page.blank();
    page.say(
        "So fields may come and go. What may not: a number that is used again for something else. A field that is \
         removed leaves its number behind, `reserved 3;` in the contract.",
    );
    Ok(())
}

fn order(page: &mut Page, contract: &Schema) -> Result<(), Status> {
    page.heading("in any order, and the last one wins");
    page.say(
        "Writers mostly send fields by their numbers, but they need not, and readers take any order. If a field \
         comes twice, the last one counts; of a list, all count.",
    );
    page.blank();
    let bytes = Writer::new().text(2, "hello").text(1, "draft").text(1, "greeting").finish();
    page.picture("11-order", "Fields in another order, and one of them twice");
    show(page, &bytes, contract, "PutRequest");
    page.blank();
    page.point("→", &read::<PutRequest>(Protobuf, &bytes));
    page.blank();
    page.say(
        "Therefore two messages one behind the other are one message: the first, overwritten by what the second \
         has. And therefore one value has many encodings: bytes that differ may mean the same. Do not compare \
         them, and do not sign them as if there were only one.",
    );
    Ok(())
}

/// Lists and messages, of which `Kv` has none: taken from descriptors, the messages that contracts are when
/// programs hand them on.
fn inside(page: &mut Page) -> Result<(), Status> {
    page.heading("lists, and messages in messages");
    page.say(
        "A list of numbers is packed: one tag and one length for all. It is the example of the specification, \
         field 6 with 3, 270 and 86942, and the same list with a tag for each, which every reader takes as well:",
    );
    page.blank();
    let list = [3, 270, 86_942];
    let packed = Writer::new().packed(6, list).finish();
    let single = list.into_iter().fold(Writer::new(), |writer, value| writer.varint(6, value)).finish();
    page.line(format_args!("    packed      {BOLD}{}{BOLD:#}", hex(&packed)));
    page.line(format_args!("    not packed  {BOLD}{}{BOLD:#}", hex(&single)));
    page.blank();
    page.say(
        "A message in another one is a length and its bytes, like text. `Kv` has none, but a contract does, since \
         as a value it is a message itself (google/protobuf/descriptor.proto). This is what that of `Kv` says of \
         GetReply. Nobody gave the lens the contract of contracts, so what it cannot know it guesses:",
    );
    page.blank();
    let contract = stub_build::Builder::new().descriptors(schema::KV).map_err(lost)?;
    let mut messages = contract.file.iter().flat_map(|file| &file.message_type);
    let message = messages.find(|message| message.name() == "GetReply");
    let bytes = encode(Protobuf, message.ok_or_else(|| lost("no GetReply in the contract"))?)?;
    page.picture("11-contract", "GetReply, described by a message");
    page.spans(&bytes, &lens::protobuf::message(&bytes, None));
    page.blank();
    page.say(
        "The › marks what stands in another message: the field `value`, with its number in field 3 and its type in \
         field 5, where 9 is string. Text, bytes, a list, a message: all are LEN, and the same bytes may be good for \
         several. (tutorial/src/lens/protobuf/guess.rs, `guessed`)",
    );
    Ok(())
}

fn no_message(page: &mut Page) -> Result<(), Status> {
    page.heading("bytes that are no message");
    page.say(
        "First what the reader by hand says of each, which names the byte; then prost, the library behind our \
         codec. (stub/src/codec/protobuf.rs, `decode`)",
    );
    page.blank();
    let whole = encode(Protobuf, &put())?;
    refuse(page, "cut short", &whole[..14]);
    refuse(page, "a varint of eleven bytes", &[&[0x18][..], &[0xff; 10], &[1]].concat());
    refuse(page, "field 0", &[0x00, 0x01]);
    refuse(page, "a key of 2^62 bytes", b"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x40");
    page.line(format_args!("    {BOLD}101 messages, each in the one before{BOLD:#}"));
    // DescriptorProto has a list of its own kind in field 3.
    let nested = (0..101).fold(Vec::new(), |inner, _| Writer::new().bytes(3, &inner).finish());
    let said = read::<DescriptorProto>(Protobuf, &nested);
    // Behind the names of all the fields on the way.
    page.point("→", &format!("… {}", said.rsplit(": ").next().unwrap_or_default()));
    page.blank();
    page.say(&format!(
        "The last one is not malformed: it is {} in which every rule is kept. But whoever reads messages in \
         messages by functions that call themselves needs some of the stack for each, and a sender could use all \
         of it up for a few bytes a level. So decoders count; ours stops at 100.",
        count(nested.len(), "byte"),
    ));
    Ok(())
}

fn put() -> PutRequest {
    PutRequest { key: "greeting".to_owned(), value: "hello".to_owned() }
}

fn encode<T, C: Codec<T>>(codec: C, message: &T) -> Result<Bytes, Status> {
    let mut bytes = Vec::new();
    codec.encode(message, &mut bytes)?;
    Ok(bytes.into())
}

/// What a decoder makes of bytes.
fn read<T: std::fmt::Debug>(codec: impl Codec<T>, bytes: &[u8]) -> String {
    match codec.decode(Bytes::copy_from_slice(bytes)) {
        Ok(message) => format!("{message:?}"),
        Err(status) => status.to_string(),
    }
}

fn show(page: &mut Page, bytes: &[u8], contract: &Schema, message: &str) {
    page.spans(bytes, &lens::protobuf::message(bytes, contract.message(&format!("kv.{message}"))));
}

fn sizes<T: std::fmt::Debug>(page: &mut Page, message: &T) -> Result<(), Status>
where
    Bincode: Codec<T>,
    Protobuf: Codec<T>,
    Json: Codec<T>,
{
    let sizes =
        [encode(Bincode, message)?.len(), encode(Protobuf, message)?.len(), encode(Json, message)?.len()];
    let [bincode, proto, json] = sizes;
    page.line(format_args!("    {:52} {bincode:7}  {proto:5}  {json:4}", format!("{message:?}")));
    Ok(())
}

fn refuse(page: &mut Page, what: &str, bytes: &[u8]) {
    page.line(format_args!("    {BOLD}{what}{BOLD:#}: {}", hex(bytes)));
    match fields(bytes).find_map(Result::err) {
        Some(by_hand::protobuf::Malformed { at, length, rule }) => {
            page.point("→", &format!("byte {at} of {length}: {rule}"));
        }
        None => page.point("→", "all of it can be read"),
    }
    page.point("→", &read::<GetRequest>(Protobuf, bytes));
    page.blank();
}

fn lost(what: impl std::fmt::Display) -> Status {
    Status::new(Code::Internal, what.to_string())
}
