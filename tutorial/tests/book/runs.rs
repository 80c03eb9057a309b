//! What the programs print, each run once.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use regex::Regex;
use tutorial::lesson::{LESSONS, Lesson};

/// What each lesson has printed. Its pictures are in [`pictures`].
static LESSONS_RUN: LazyLock<BTreeMap<u8, String>> = LazyLock::new(|| {
    let _ = std::fs::remove_dir_all(pictures());
    LESSONS.into_iter().map(|lesson| (lesson.number, run(lesson))).collect()
});

/// What is another one in each run, and what stands for it when two runs are compared. Only values of one run
/// are here: ports of this machine, the time that is left of a deadline, how far a window has grown; of TLS all that is
/// random or made of it; the time of day, which has more or fewer bytes in Huffman code; and what is measured.
const CHANGING: [(&str, &str); 18] = [
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"grpc-timeout: \d{5,8}([nu])\b", "grpc-timeout: TIME$1"),
    // The same two as bytes, with their names.
    (r#"(?m)^ +[0-9a-f ]+  value +"127.0.0.1:PORT"\n +[0-9a-f ]+$"#, "BYTES OF THE PORT"),
    (r#"(?m)^ +[0-9a-f]{2} +length +\d, Huffman code\n +[0-9a-f ]+  value +"\d+n"$"#, "BYTES OF THE TIME"),
    (r"(?m)^(    \d\d? +\d+ +\d+ +)\d+$", "${1}GROWN"),
    (r"(all arrived: \d+, \d+,) \d+", "$1 GROWN"),
    (
        r"(?m)^(  .{13})[0-9a-f ]{23}(  (?:random|session|public key|ciphertext|auth tag)  .*)(?:\n {15}[0-9a-f]{2}[0-9a-f ]*$)*",
        "${1}RANDOM BYTES$2",
    ),
    (r"[0-9a-f]{16}…", "SECRET…"),
    (r"(?m)^    (key|iv) +[0-9a-f ]+", "    $1 BYTES "),
    (r"(HEADERS 1,) 3[6-9] (bytes of fields)", "$1 DATED $2"),
    (r"date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "date: NOW"),
    (r"(?m)^(  .{13})[0-9a-f ]{23}  date  .*(?:\n {15}[0-9a-f]{2}[0-9a-f ]*$)*", "${1}BYTES OF NOW"),
    // What is measured, and on what.
    (r" +[\d.,]+ (calls/s|µs)", " N $1"),
    (r"(?m) +[\d.,]+ times$", " N times"),
    (r"(?m)^    machine     .*$", "    machine     THIS"),
    // A first call has the beginning of a connection with it, with a port and perhaps a certificate.
    (r"(?m)^(    (?:our frames|gRPC|gRPC-Web|JSON API) .*?) +\d+ \+ \d+( +\d+ \+ \d+)$", "$1 FIRST$2"),
    (r"[\d,]+ bytes until the first answer", "N bytes until the first answer"),
    (r"it is \d{4}-\d\d-\d\d \d\d:\d\d UTC", "it is NOW"),
];

/// What this command prints.
pub(crate) fn of(command: &str) -> Result<&'static str, String> {
    let number = command.strip_prefix("cargo lesson ").and_then(|number| number.parse().ok());
    let output = number.and_then(|number: u8| LESSONS_RUN.get(&number));
    output.map(String::as_str).ok_or_else(|| format!("no program is run by {command:?}"))
}

/// Where the lessons have drawn, once they have run.
pub(crate) fn drawn() -> PathBuf {
    LazyLock::force(&LESSONS_RUN);
    pictures()
}

/// What stands under a heading of the output.
pub(crate) fn section(output: &str, heading: &str) -> Result<String, String> {
    let is_heading = |line: &&str| line.starts_with("── ") && line.ends_with('─');
    let begins = format!("── {heading} ─");
    let mut lines = output.lines().skip_while(|line| !line.starts_with(&begins));
    lines.next().ok_or_else(|| format!("there is no heading {heading:?} in what it prints"))?;
    let text: Vec<&str> = lines.take_while(|line| !is_heading(line)).collect();
    Ok(text.join("\n").trim_matches('\n').to_owned())
}

/// The text without what is another one in each run.
pub(crate) fn lasting(text: &str) -> String {
    CHANGING.iter().fold(text.to_owned(), |text, (pattern, word)| {
        Regex::new(pattern).unwrap().replace_all(&text, *word).into_owned()
    })
}

/// The lines of `session` that begin with `$`, each with what it prints when a server listens at `address`.
pub(crate) fn session(address: &str, session: &str) -> String {
    session_with(address, &[], session, str::to_owned)
}

/// The same with a server that gets `arguments` too, and calls of which `own` makes what can be made here.
pub(crate) fn session_with(
    address: &str,
    arguments: &[&str],
    session: &str,
    own: impl Fn(&str) -> String,
) -> String {
    let (transport, place) = address.split_once("://").unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_kv_server"))
        .args(["--listen", &format!("{transport}://127.0.0.1:0")])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let (_, listens) = line.trim().split_once("://").unwrap();
    let mut printed = String::new();
    for line in session.lines().filter(|line| line.starts_with('$')) {
        let call = line.strip_prefix("$ cargo run -q --bin kv -- ").unwrap();
        assert!(call.contains(&format!("://{place} ")), "{line}");
        let call = own(&call.replace(place, listens));
        let output = Command::new(env!("CARGO_BIN_EXE_kv")).args(call.split(' ')).output().unwrap();
        printed += &format!("{line}\n");
        printed += &String::from_utf8(output.stdout).unwrap();
        printed += &String::from_utf8(output.stderr).unwrap();
    }
    server.kill().unwrap();
    server.wait().unwrap();
    printed
}

fn run(lesson: Lesson) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_lesson")).with_file_name(lesson.program);
    let output = Command::new(program)
        .arg("--pictures")
        .arg(pictures())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "lesson {} ends with {}: {error}", lesson.number, output.status);
    String::from_utf8(output.stdout).unwrap()
}

fn pictures() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures")
}

#[test]
fn no_lesson_prints_more_than_80_columns() {
    for (lesson, printed) in &*LESSONS_RUN {
        let wide: Vec<_> = printed.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "lesson {lesson}: {wide:#?}");
    }
}

#[test]
fn a_section_goes_to_the_next_heading() {
    let output = "── one ───\n\na\n\nb\n\n── two: x ──\n\n    c\n\n";
    assert_eq!(section(output, "one").unwrap(), "a\n\nb");
    assert_eq!(section(output, "two: x").unwrap(), "    c");
    assert!(section(output, "three").is_err());
}

#[test]
fn only_what_changes_is_taken_out() {
    assert_eq!(lasting("to 127.0.0.1:4711, 43 bytes"), "to 127.0.0.1:PORT, 43 bytes");
    assert_eq!(lasting("grpc-timeout: 49991805n, 5S"), "grpc-timeout: TIMEn, 5S");
    assert_eq!(lasting("grpc-timeout: 600000m"), "grpc-timeout: 600000m");
    let sealed =
        "  sealed       17 e8                    ciphertext       2 bytes\n               05\n  data";
    assert_eq!(lasting(sealed), "  sealed       RANDOM BYTES  ciphertext       2 bytes\n  data");
}
