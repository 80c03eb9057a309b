//! Lesson 13: HPACK: headers that shrink.

use std::process::ExitCode;

use bytes::BytesMut;
use http2::hpack::{Decoder, Encoder, FieldList};
use http2::{Field, Fields};
use transport::{Code, Status};
use tutorial::lens;
use tutorial::lens::hpack::Table;
use tutorial::lesson::Lesson;
use tutorial::page::{BOLD, DIM, Page, count, hex};

fn main() -> ExitCode {
    let lesson = const { Lesson::numbered(13) };
    let mut page = lesson.begin(
        &[
            "Both ends keep the header fields that were sent in a table. A field that is in the table is sent \
             as its index, mostly one byte.",
            "Each direction has a table of its own. Its two ends stay the same because the same blocks change \
             them in the same order.",
            "So every block is decoded, also that of a request which is refused; and a block that cannot be \
             decoded costs the connection.",
            "A few bytes can unfold to many, so a decoder counts what it unfolds, and stops.",
        ],
        "A call has six header fields. The client makes the same call a second time: how few bytes can \
         its fields take, and what must the server have remembered? And a server that refuses a call because \
         it is too busy: may it skip the call's fields unread?",
    );
    let given = run(&mut page);
    lesson.end(
        page,
        given,
        "In transport/http2/src/hpack/decoder.rs, `field`, remove `self.table.insert(field.clone());`: now the \
         decoder reads literals and forgets them. Run this again. The first block is read as before. Of the second, \
         83 and 86 are in the static table; then c1 says index 65, and the dynamic table is empty. On a \
         connection that is COMPRESSION_ERROR and the end of all its calls, for nobody can tell what the other \
         end has in its table. The lesson stops there, and the test below fails. Lesson 12 shows the GOAWAY.",
    )
}

fn run(page: &mut Page) -> Result<(), Status> {
    let mut direction = Direction::new();
    first_call(page, &mut direction)?;
    second_call(page, &mut direction)?;
    number(page);
    letters(page)?;
    one_table_for_both(page)?;
    skipped(page)?;
    bomb(page);

    page.heading("and the questions");
    page.say(
        "Six bytes: one index a field. The server must have remembered four fields, in their order; two are in \
         the table that everybody has. And it may not skip a field block, whatever it thinks of the request: \
         the next one would be read by a table that is not the sender's.",
    );
    Ok(())
}

/// One direction of a connection: who encodes, who decodes, and the lens that looks on.
struct Direction {
    encoder: Encoder,
    decoder: Decoder,
    table: Table,
}

impl Direction {
    fn new() -> Self {
        Self { encoder: Encoder::new(), decoder: decoder(), table: Table::new() }
    }

    /// Sends fields: the block, and what the lens sees in it.
    fn send(&mut self, fields: &Fields) -> Result<(BytesMut, Vec<lens::Span>), Status> {
        let block = encode(&mut self.encoder, fields);
        let spans = lens::hpack::block(&block, &mut self.table);
        let read = match self.decoder.decode(&block) {
            Ok(FieldList::Fields(read)) => read,
            Ok(FieldList::TooLarge) => return Err(lost("too large")),
            Err(error) => return Err(lost(format!("the block {} is refused: {error}", hex(&block)))),
        };
        if read == *fields { Ok((block, spans)) } else { Err(lost("other fields were read than were sent")) }
    }
}

fn first_call(page: &mut Page, direction: &mut Direction) -> Result<(), Status> {
    page.heading("a field block");
    page.say(
        "HEADERS of HTTP/2 holds a field block. These are the fields of a call as gRPC makes it, and the block \
         that HPACK (RFC 7541) makes of them:",
    );
    page.blank();
    let request = get();
    for field in request.iter() {
        page.line(format_args!("    {}", shown(field)));
    }
    page.blank();
    let (block, spans) = direction.send(&request)?;
    page.picture("13-first", "Six fields, the first time");
    page.spans(&block, &spans);
    page.blank();
    let as_text: usize = request.iter().map(|field| field.name.len() + field.value.len() + 4).sum();
    page.say(&format!(
        "As lines of text, as in HTTP/1.1, they would take {}; here they take {}. The first bits of each field \
         say how it is written:",
        count(as_text, "byte"),
        block.len(),
    ));
    page.blank();
    page.table(&[
        ("1.......", "indexed: name and value are in a table, at this index (§6.1)"),
        ("01......", "literal with incremental indexing: both ends keep it (§6.2.1)"),
        ("001.....", "dynamic table size update (§6.3)"),
        ("0001....", "literal never indexed: a secret, which nobody keeps (§6.2.3)"),
        ("0000....", "literal without indexing: not kept (§6.2.2)"),
    ]);
    page.blank();
    page.say(
        "A literal has its name by index, or as text if it is a new one, and its value as text; text may be in \
         Huffman code. Indices 1 to 61 are common fields that everybody has from the RFC (appendix A, the static \
         table). From 62 on they are those that were sent before, the newest first: the dynamic table. After \
         this block it is:",
    );
    page.blank();
    show_table(page, &direction.table);
    page.blank();
    page.say("A field counts its letters and 32. (transport/http2/src/hpack/table.rs)");
    Ok(())
}

fn second_call(page: &mut Page, direction: &mut Direction) -> Result<(), Status> {
    page.heading("the same call again");
    let (block, spans) = direction.send(&get())?;
    show_bits(page, &block, &spans);
    page.blank();
    page.say(&format!(
        "{}, one a field, and the table is as it was. In each the first bit is 1, and the other seven are the \
         index. (transport/http2/src/hpack/encoder.rs, `field`)",
        count(block.len(), "byte"),
    ));

    page.heading("another call");
    page.say("put(\"greeting\", \"hello\") has another path, and is otherwise the same:");
    page.blank();
    let (block, spans) = direction.send(&put())?;
    page.picture("13-other", "Six fields, one of them new");
    page.spans(&block, &spans);
    page.blank();
    show_table(page, &direction.table);
    page.blank();
    page.say(
        "The new path is 62 now, and all that were there before have moved by one. The fields behind it in the \
         same block are counted so already. When the table is full, the oldest fields leave.",
    );

    page.heading("a secret");
    page.say(
        "A password does not belong in a table: who can send guesses over the same connection would see by the \
         length when one is right (§7.1). It is sent as a literal that is never indexed, by no program on its way:",
    );
    page.blank();
    let secret = Field { sensitive: true, ..Field::new("authorization", "hunter2") };
    let (block, spans) = direction.send(&vec![secret].into())?;
    page.picture("13-secret", "A field that nobody keeps");
    page.spans(&block, &spans);
    Ok(())
}

fn number(page: &mut Page) {
    page.heading("a number that begins inside a byte");
    page.say(
        "Behind the first bits stand seven, six, five or four of a number. What fits stands there; else they are \
         all ones, and the rest follows, seven bits a byte, the lowest first. The eighth bit says that it goes \
         on. (§5.1; transport/http2/src/hpack/integer.rs, `encode`) The RFC's example, in appendix C.1.2, is 1337 \
         in five bits; here as a new size for the table:",
    );
    page.blank();
    let mut encoder = Encoder::new();
    encoder.allow_table_size(1337);
    let block = encode(&mut encoder, &Fields::from(Vec::new()));
    let mut sum = Vec::new();
    for (at, byte) in block.iter().enumerate() {
        let (bits, what) = if at == 0 {
            sum.push((byte & 31).to_string());
            (format!("{:03b} {:05b}", byte >> 5, byte & 31), "a new table size; all ones, so more follows")
        } else {
            let factor = 1 << (7 * (at - 1));
            sum.push(if at == 1 { (byte & 127).to_string() } else { format!("{} × {factor}", byte & 127) });
            let what = if byte & 128 != 0 { "seven bits, and more follows" } else { "seven bits, the last" };
            (format!("{:b} {:07b}", byte >> 7, byte & 127), what)
        };
        page.line(format_args!("    {BOLD}{byte:02x}{BOLD:#}  {bits}  {:>8}  {DIM}{what}{DIM:#}", sum[at]));
    }
    let spans = lens::hpack::block(&block, &mut Table::new());
    let value = lens::leaves(&spans).last().map(|span| span.value.clone());
    page.blank();
    page.line(format_args!("    {} = {BOLD}{}{BOLD:#}", sum.join(" + "), value.unwrap_or_default()));
}

fn letters(page: &mut Page) -> Result<(), Status> {
    page.heading("letters of five bits");
    let word = "trailers";
    let block = encode(&mut Encoder::new(), &Fields::new([("te", word)]));
    let spans = lens::hpack::block(&block, &mut Table::new());
    let value = lens::leaves(&spans).last().ok_or_else(|| lost("no value"))?;
    let coded = &block[value.range.clone()];
    page.say(&format!(
        "In Huffman code each letter has its own number of bits, the more common the fewer: 5 for some, 30 for \
         others. (§5.2, appendix B; transport/http2/src/hpack/huffman.rs) {word:?} has {} letters and takes {}: {}",
        word.len(),
        count(coded.len(), "byte"),
        hex(coded),
    ));
    page.blank();
    let letters = lens::hpack::huffman(coded);
    for lens::hpack::Letter { letter, bits } in &letters {
        let letter = letter.map_or("end".to_owned(), |letter| letter.to_string());
        page.line(format_args!("    {letter:4} {BOLD}{bits}{BOLD:#}"));
    }
    page.blank();
    page.say(
        "Nothing stands between them: no letter's code is the beginning of another one's, so it is clear where \
         each ends. What is left of the last byte is filled with ones.",
    );
    Ok(())
}

fn one_table_for_both(page: &mut Page) -> Result<(), Status> {
    page.heading("the trap: one table for both directions");
    page.say(
        "Fields go both ways, and so there are two tables at each end: one for what it sends, one for what it \
         gets. Whoever keeps one for both may not notice: with any other program the first call goes well. \
         Here a server reads with one table what the client sends, and puts its own answers into the same one. \
         The second call is the same as the first:",
    );
    page.blank();
    let (mut client, mut server, mut shared) = (Encoder::new(), Encoder::new(), decoder());
    let response = Fields::new([(":status", "200"), ("content-type", "application/grpc")]);
    let trailers = Fields::new([("grpc-status", "0")]);
    read(&mut shared, &encode(&mut client, &get()))?;
    for fields in [&response, &trailers] {
        // The same as if its encoder had put them there: a block changes a table in the same way at both ends.
        read(&mut shared, &encode(&mut server, fields))?;
    }
    let block = encode(&mut client, &get());
    show_misread(page, &block, &get(), &read(&mut shared, &block)?);
    page.blank();
    page.say(
        "The answer to the first call has put two fields into the table, and each index means a field two places \
         off. Nothing is wrong with the block: there is no error, there are other fields. And as long as answers \
         bring nothing new, all is well. (transport/http2/src/connection/mod.rs: `decoder` and \
         `encoder`, each with a table)",
    );
    Ok(())
}

fn skipped(page: &mut Page) -> Result<(), Status> {
    page.heading("a block that nobody wants");
    page.say(
        "A server that has too many streams refuses one with RST_STREAM, REFUSED_STREAM. It does not want the \
         request; this one saves itself the work of decoding it. The client calls get, then put, which is \
         refused, then put again:",
    );
    page.blank();
    let (mut client, mut careful, mut careless) = (Encoder::new(), decoder(), decoder());
    let blocks = [get(), put(), put()].map(|fields| encode(&mut client, &fields));
    let [first, refused, last] = &blocks;
    for block in [first, refused] {
        read(&mut careful, block)?;
    }
    read(&mut careless, first)?;
    show_misread(page, last, &read(&mut careful, last)?, &read(&mut careless, last)?);
    page.blank();
    page.say(
        "The refused block had put its path into the client's table. In the table of the server that skipped it, \
         it is missing, and a put is read as a get. (Here it would be noticed: a field with a colon stands behind \
         one without, RFC 9113 §8.3. That is luck.) So every block is decoded, whatever becomes of it. \
         (transport/http2/src/connection/message.rs, `end_block`)",
    );
    Ok(())
}

fn bomb(page: &mut Page) {
    page.heading("a bomb");
    let field = Field::new("x", "z".repeat(4000));
    let fields: Fields = vec![field; 4000].into();
    let block = encode(&mut Encoder::new(), &fields);
    page.say(&format!(
        "One large field is put into the table, and then named again and again, a byte each time. This block \
         has {} and says {} of fields. A decoder that builds what it is told runs out of memory; this one \
         counts, and stops:",
        count(block.len(), "byte"),
        count(fields.size(), "byte"),
    ));
    page.blank();
    match decoder().decode(&block) {
        Ok(_) => page.point("→", "accepted"),
        Err(error) => page.point("→", &format!("{error} ({:?})", error)),
    }
    page.blank();
    page.say(
        "A list that is a little too large is another matter: it is read to its end, so that the tables agree, \
         and its request alone is refused. (transport/http2/src/hpack/decoder.rs, `decode`)",
    );
}

/// The fields of a call as gRPC makes it.
fn call(path: &'static str) -> Fields {
    Fields::new([
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "kv.test"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ])
}

fn get() -> Fields {
    call("/kv.Kv/Get")
}

fn put() -> Fields {
    call("/kv.Kv/Put")
}

fn decoder() -> Decoder {
    Decoder::new(16 << 10, 100)
}

fn encode(encoder: &mut Encoder, fields: &Fields) -> BytesMut {
    let mut block = BytesMut::new();
    encoder.encode(fields, &mut block);
    block
}

fn read(decoder: &mut Decoder, block: &[u8]) -> Result<Fields, Status> {
    match decoder.decode(block) {
        Ok(FieldList::Fields(fields)) => Ok(fields),
        Ok(FieldList::TooLarge) => Err(lost("too large")),
        Err(error) => Err(lost(format!("the block {} is refused: {error}", hex(block)))),
    }
}

/// Bytes that are an index each, with their bits.
fn show_bits(page: &mut Page, block: &[u8], spans: &[lens::Span]) {
    for span in lens::leaves(spans) {
        for byte in &block[span.range.clone()] {
            page.line(format_args!(
                "    {BOLD}{byte:02x}{BOLD:#}  {:b} {:07b}  {:11}  {}",
                byte >> 7,
                byte & 127,
                span.name,
                span.value
            ));
        }
    }
}

fn show_table(page: &mut Page, table: &Table) {
    for (index, field) in table.rows() {
        page.line(format_args!("    {BOLD}{index}{BOLD:#}  {:34} {:3} bytes", shown(field), field.size()));
    }
    page.line(format_args!("        {:34} {:3} bytes of {}", "", table.size(), table.max_size()));
}

/// What each byte of a block was sent as, and what was read.
fn show_misread(page: &mut Page, block: &[u8], sent: &Fields, read: &Fields) {
    page.line(format_args!("    {BOLD}byte  {:32}  what is read{BOLD:#}", "what was sent"));
    for ((byte, sent), read) in block.iter().zip(sent.iter()).zip(read.iter()) {
        let style = if sent == read { DIM } else { BOLD };
        page.line(format_args!("    {byte:02x}    {:32}  {style}{}{style:#}", shown(sent), shown(read)));
    }
}

fn shown(field: &Field) -> String {
    format!("{}: {}", String::from_utf8_lossy(&field.name), String::from_utf8_lossy(&field.value))
}

fn lost(what: impl std::fmt::Display) -> Status {
    Status::new(Code::Internal, what.to_string())
}
