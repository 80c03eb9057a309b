//! Large messages, both ways.

use super::Run;
use crate::contender::{Contender, Failure};
use crate::figures::{Case, Metric};
use crate::load::Messages;

pub(super) fn measure(run: &Run) -> Result<Vec<Case>, Failure> {
    [
        ("bulk-down", "messages of 64 KiB to the client", false),
        ("bulk-up", "messages of 64 KiB to the server", true),
    ]
    .into_iter()
    .map(|(key, title, up)| {
        let contenders = [Contender::Http, Contender::Tcp, Contender::Tonic, Contender::Bare];
        let entries = run.in_turns(title, &contenders, run.rounds, |contender, server| {
            let messages = Messages { under: run.under(server), size: SIZE, up };
            Ok(contender.drive(messages)?.of_messages(SIZE))
        })?;
        Ok(Case {
            key: key.into(),
            title: title.into(),
            main: Metric::Megabytes,
            columns: vec![Metric::Megabytes, Metric::ClientCpu, Metric::ServerCpu],
            peers: vec![Contender::Tonic, Contender::Bare],
            entries,
            notes: vec![
                "client, server: time on a processor for each message, in µs. bare TCP writes 64 KiB at \
                     once."
                    .into(),
            ],
        })
    })
    .collect()
}

const SIZE: usize = 64 << 10;
