//! The secrets of a connection, for who wants to look into it.

use std::io;
use std::sync::{Arc, Mutex};

use crate::certificates::Authority;
use crate::ends::serve;

/// A file in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        assert!(text.ends_with('\n'), "{text}");
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

#[tokio::test]
async fn both_ends_log_the_same_secrets_a_line_each() {
    let authority = Authority::new("ours");
    let (of_server, of_client) = (Log::default(), Log::default());
    let server = serve("https", &authority.server().key_log(of_server.clone())).await;
    server.call(&authority.client().key_log(of_client.clone())).await.unwrap();
    let lines = of_client.lines();
    for label in [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    ] {
        let line = lines.iter().find(|line| line.starts_with(label)).unwrap();
        let [_, random, secret] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_eq!(random.len(), 64, "{line}");
        assert!(secret.len() >= 64, "{line}");
        assert!(
            [random, secret].iter().all(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit())),
            "{line}"
        );
    }
    assert_eq!(of_server.lines(), lines);
}

#[tokio::test]
async fn a_log_that_takes_nothing_stops_no_connection() {
    struct Full;

    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let authority = Authority::new("ours");
    let server = serve("https", &authority.server().key_log(Full)).await;
    server.call(&authority.client().key_log(Full)).await.unwrap();
}
