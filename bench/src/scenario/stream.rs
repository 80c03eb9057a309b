//! Many small messages in one call.

use super::Run;
use crate::contender::{Contender, Failure};
use crate::figures::{Case, Metric};
use crate::load::Messages;

pub(super) fn measure(run: &Run) -> Result<Vec<Case>, Failure> {
    let title = "server streaming, messages of 32 B";
    let entries = run.in_turns(title, &Contender::STREAMING, run.rounds, |contender, server| {
        let messages = Messages { under: run.under(server), size: SIZE, up: false };
        Ok(contender.drive(messages)?.of_messages(SIZE))
    })?;
    Ok(vec![Case {
        key: "stream".into(),
        title: title.into(),
        main: Metric::Messages,
        columns: vec![Metric::Messages, Metric::ClientCpu, Metric::ServerCpu],
        peers: vec![Contender::Tonic],
        entries,
        notes: vec![
            "client, server: time on a processor for each message, in µs. tonic gets its messages from an \
             iterator, which is the fastest way; its examples put a channel and a task before it."
                .into(),
        ],
    }])
}

const SIZE: usize = 32;
