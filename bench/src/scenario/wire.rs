//! The bytes of a call.

use std::net::SocketAddr;

use tokio::runtime::Runtime;

use super::Run;
use crate::contender::{Client, Contender, Drive, Failure, Sizes};
use crate::figures::{Case, Metric};
use crate::process::ServerProcess;
use crate::relay::{Passed, Relay};
use crate::samples::Samples;

pub(super) fn measure(run: &Run) -> Result<Vec<Case>, Failure> {
    let title = "bytes of a warm unary call, 32 B";
    let entries = run.in_turns(title, &Contender::RPC, 1, |contender, server| {
        let passed = contender.drive(Counted { address: server.address, calls: CALLS })?;
        let of = |bytes: fn(&Passed) -> u64| passed.iter().map(|it| bytes(it) as f64).collect::<Samples>();
        let median = |samples: &Samples| samples.median().unwrap_or_default();
        let both = of(|it| it.requests + it.replies);
        Ok(vec![
            (Metric::RequestBytes, median(&of(|it| it.requests))),
            (Metric::ReplyBytes, median(&of(|it| it.replies))),
            (Metric::CallBytes, median(&both)),
            (Metric::MeanBytes, both.all().iter().sum::<f64>() / both.all().len() as f64),
        ])
    })?;
    Ok(vec![Case {
        key: "wire".into(),
        title: title.into(),
        main: Metric::CallBytes,
        columns: vec![Metric::RequestBytes, Metric::ReplyBytes, Metric::CallBytes, Metric::MeanBytes],
        peers: vec![Contender::Tonic],
        entries,
        notes: vec![format!(
            "Medians of {CALLS} calls, one after the other, counted by a relay; in the mean are also window \
             updates and signs of life. N and M are 34 bytes in protobuf, 33 in bincode."
        )],
    }])
}

/// The bytes of a request and of a reply, on a connection that is warm.
pub(super) fn bytes_of_a_call(run: &Run, contender: Contender) -> Result<(usize, usize), Failure> {
    let server = ServerProcess::start(&run.program, contender, run.cores.server)?;
    let passed = contender.drive(Counted { address: server.address, calls: 100 })?;
    let median = |bytes: fn(&Passed) -> u64| {
        let samples: Samples = passed.iter().map(|it| bytes(it) as f64).collect();
        samples.median().unwrap_or_default() as usize
    };
    Ok((median(|it| it.requests), median(|it| it.replies)))
}

/// The bytes of each of these calls.
struct Counted {
    address: SocketAddr,
    calls: usize,
}

impl Drive for Counted {
    type Output = Result<Vec<Passed>, Failure>;

    fn run<C: Client>(self, runtime: &Runtime) -> Self::Output {
        runtime.block_on(async {
            let relay = Relay::start(self.address).await?;
            let mut client = C::connect(relay.address, Sizes::of(SIZE)).await?;
            let request = C::request(SIZE);
            for _ in 0..WARM_UP {
                client.echo(&request).await?;
            }
            let mut each = Vec::with_capacity(self.calls);
            let mut before = relay.passed();
            for _ in 0..self.calls {
                client.echo(&request).await?;
                let now = relay.passed();
                each.push(Passed {
                    requests: now.requests - before.requests,
                    replies: now.replies - before.replies,
                });
                before = now;
            }
            Ok(each)
        })
    }
}

const SIZE: usize = 32;
const CALLS: usize = 1_000;
const WARM_UP: usize = 100;
