//! The servers under a load generator that other people wrote, `h2load` of nghttp2.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::{Figures, Run};
use crate::contender::{Contender, Failure};
use crate::cpu;
use crate::figures::{Case, Metric};
use crate::process::ServerProcess;

pub(super) fn measure(run: &Run) -> Result<Vec<Case>, Failure> {
    let mut case = Case {
        key: "h2load".into(),
        title: "unary, 32 B, from h2load: 1 connection, 100 calls in flight".into(),
        main: Metric::ServerCpu,
        columns: vec![Metric::ServerCpu, Metric::Calls],
        peers: vec![Contender::Tonic],
        entries: Vec::new(),
        notes: vec!["server: time on a processor for each call, in µs.".into()],
    };
    if Command::new("h2load").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        case.notes = vec!["not measured here: h2load is not installed".into()];
        return Ok(vec![case]);
    }
    let body = Body::write()?;
    let calls = if run.quick { 2_000 } else { 50_000 };
    let contenders = [Contender::Http, Contender::Tonic];
    case.entries = run.in_turns("h2load", &contenders, run.rounds, |_, server| load(server, &body, calls))?;
    Ok(vec![case])
}

fn load(server: &ServerProcess, body: &Body, calls: u64) -> Result<Figures, Failure> {
    let before = cpu::of(server.id());
    let output = Command::new("h2load")
        .args(["-c", "1", "-m", "100", "-n", &calls.to_string(), "-d"])
        .arg(&body.0)
        .args(["-H", "content-type: application/grpc", "-H", "te: trailers"])
        .arg(format!("http://{}/bench.Bench/Echo", server.address))
        .output()?;
    let after = cpu::of(server.id());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = summary(&text).filter(|it| it.succeeded == calls && it.data == calls * MESSAGE.len() as u64);
    let Some(said) = said else { return Err(Failure(format!("h2load says:\n{text}"))) };
    let mut figures = vec![(Metric::Calls, said.each_second)];
    if let (Some(before), Some(after)) = (before, after) {
        figures.push((Metric::ServerCpu, (after - before).as_secs_f64() * 1e6 / calls as f64));
    }
    Ok(figures)
}

#[derive(Debug, PartialEq)]
struct Summary {
    each_second: f64,
    succeeded: u64,
    /// Bytes of all bodies together.
    data: u64,
}

/// What it prints at its end.
fn summary(text: &str) -> Option<Summary> {
    let line = |beginning: &str| text.lines().find(|line| line.starts_with(beginning));
    let before =
        |line: &str, word: &str| line.split(word).next()?.split_whitespace().last().map(str::to_owned);
    let data = line("traffic:")?.rsplit_once('(')?.1.split_once(')')?.0;
    Some(Summary {
        each_second: before(line("finished in")?, "req/s")?.parse().ok()?,
        succeeded: before(line("requests:")?, "succeeded")?.parse().ok()?,
        data: data.parse().ok()?,
    })
}

/// A file with the body of a request, for as long as it is needed.
struct Body(PathBuf);

impl Body {
    fn write() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("bench-body-{}", std::process::id()));
        let body = Self(path);
        std::fs::File::create(&body.0)?.write_all(&MESSAGE)?;
        Ok(body)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // Whatever is left lies in the folder for what may be deleted.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Not compressed, 34 bytes: field 1 with 32 bytes of data.
const MESSAGE: [u8; 39] = {
    let mut message = [7; 39];
    let head = [0, 0, 0, 0, 34, 0x0a, 32];
    let mut at = 0;
    while at < head.len() {
        message[at] = head[at];
        at += 1;
    }
    message
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_h2load_prints_is_understood() {
        let text = "starting benchmark...\n\nfinished in 1.21s, 41322.31 req/s, 3.20MB/s\n\
                    requests: 50000 total, 50000 started, 50000 done, 50000 succeeded, 0 failed, 0 errored, \
                    0 timeout\nstatus codes: 50000 2xx, 0 3xx, 0 4xx, 0 5xx\n\
                    traffic: 3.87MB (4055120) total, 343.75KB (352000) headers (space savings 92.16%), \
                    1.86MB (1950000) data\n";
        let expected = Summary { each_second: 41_322.31, succeeded: 50_000, data: 1_950_000 };
        assert_eq!(summary(text), Some(expected));
        assert_eq!(summary("h2load: command line is wrong"), None);
    }
}
