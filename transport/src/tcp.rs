//! The transport `tcp`: [our own frames](crate::frame) over a stream of bytes.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::driver::Driver;
use crate::frame::Hello;
use crate::framed::{FAREWELL, Framed};
use crate::host::{ClientEnd, now};
use crate::{Code, Connection, Limits, Service, Status};

/// Connects to a server at `host` and `port`.
///
/// # Errors
/// UNAVAILABLE when nothing listens there or the peer does not answer in time, and INTERNAL when
/// it speaks something else.
pub async fn connect(host: &str, port: u16, limits: &Limits) -> Result<Arc<dyn Connection>, Status> {
    connect_over(connect_stream(host, port, limits).await?, limits).await
}

/// Connects, and says nothing yet.
pub(crate) async fn connect_stream(host: &str, port: u16, limits: &Limits) -> Result<TcpStream, Status> {
    let stream = match timeout(limits.handshake, TcpStream::connect((host, port))).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(cannot_connect(host, port, &error)),
        Err(_) => return Err(no_answer(limits.handshake)),
    };
    // Writes are gathered here; nothing is won when the kernel waits for more.
    stream.set_nodelay(true).map_err(|error| cannot_connect(host, port, &error))?;
    Ok(stream)
}

/// Makes a connection of any stream of bytes: the client's end of it. Its task runs by itself, until
/// the connection is dropped and its calls are over.
///
/// # Errors
/// As [`connect`].
pub async fn connect_over<Io>(mut io: Io, limits: &Limits) -> Result<Arc<dyn Connection>, Status>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    // A client serves no calls, and says so.
    let peer = handshake(&mut io, Hello { calls: 0, ..Hello::new(limits) }, limits).await?;
    let framed = Arc::new(Framed::client(limits.clone(), peer, now()));
    let driver = Driver::new(io, framed.clone(), limits.write);
    tokio::spawn(driver.run(std::future::pending()));
    Ok(Arc::new(ClientEnd(framed)))
}

/// Serves the calls that come on any stream of bytes, until the connection ends. When `drain` is
/// ready, no further calls are accepted, and the connection ends after those that are open.
///
/// # Errors
/// Why the connection ended, unless it ended in good order.
pub async fn serve_over<Io>(
    mut io: Io,
    limits: &Limits,
    service: Arc<dyn Service>,
    drain: impl Future<Output = ()> + Send,
) -> Result<(), Status>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin,
{
    let mut drain = pin!(drain);
    let hellos = handshake(&mut io, Hello::new(limits), limits);
    let Some((peer, drained)) = greet(pin!(hellos), drain.as_mut()).await else { return Ok(()) };
    let peer = peer?;
    let drain = async move {
        if !drained {
            drain.await;
        }
    };
    let framed = Arc::new(Framed::server(limits.clone(), peer, service, now()));
    Driver::new(io, framed, limits.write).run(drain).await
}

/// Listens on a TCP port.
#[derive(Debug)]
pub struct Listener {
    inner: TcpListener,
    limits: Limits,
}

impl Listener {
    /// Listens on `port` of `host`; on a free port for port 0.
    ///
    /// # Errors
    /// UNAVAILABLE when that is not possible, because another program listens there, say.
    pub async fn bind(host: &str, port: u16, limits: &Limits) -> Result<Self, Status> {
        let cannot = |error: io::Error| {
            let text = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    format!("{} is taken already; choose another port", at(host, port))
                }
                _ => format!("cannot listen on {}: {error}", at(host, port)),
            };
            Status::new(Code::Unavailable, text)
        };
        let inner = TcpListener::bind((host, port)).await.map_err(cannot)?;
        Ok(Self { inner, limits: limits.clone() })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn local_addr(&self) -> io::Result<std::net::SocketAddr> {
        self.inner.local_addr()
    }

    /// The limits of every connection.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The next connection, and where it comes from.
    ///
    /// # Errors
    /// When the operating system refuses; for lack of file descriptors, say. Later it may not.
    pub async fn accept(&mut self) -> io::Result<(TcpStream, std::net::SocketAddr)> {
        let (stream, peer) = self.inner.accept().await?;
        // A connection that is broken already shows that when it is used.
        let _ = stream.set_nodelay(true);
        Ok((stream, peer))
    }
}

/// What a server's `greeting` comes to, and whether `drain` was ready before. None: the server is draining, and the peer,
/// which may have called already, had its time.
pub(crate) async fn greet<T>(
    mut greeting: Pin<&mut impl Future<Output = T>>,
    drain: Pin<&mut impl Future<Output = ()>>,
) -> Option<(T, bool)> {
    tokio::select! {
        biased;
        greeted = greeting.as_mut() => Some((greeted, false)),
        () = drain => Some((timeout(FAREWELL, greeting).await.ok()?, true)),
    }
}

/// Says hello, and waits for the peer's.
async fn handshake<Io>(io: &mut Io, own: Hello, limits: &Limits) -> Result<Hello, Status>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let hellos = async {
        io.write_all(&own.encode()).await?;
        io.flush().await?;
        let mut bytes = [0; Hello::SIZE];
        let mut have = 0;
        // A peer that speaks something else may say less than a hello and wait.
        while have < Hello::SIZE && has_magic(&bytes[..have]) {
            match io.read(&mut bytes[have..]).await? {
                0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
                n => have += n,
            }
        }
        Ok(bytes)
    };
    let bytes = match timeout(limits.handshake, hellos).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => {
            let text = format!("the peer left before it said hello: {error}");
            return Err(Status::new(Code::Unavailable, text));
        }
        Err(_) => return Err(no_answer(limits.handshake)),
    };
    if let Some(text) = other_has_tls(&bytes, "tls+tcp://") {
        return Err(Status::new(Code::Unavailable, text));
    }
    Hello::decode(bytes).map_err(|error| Status::new(Code::Internal, format!("frame layer, {error}")))
}

/// Whether the first bytes of a peer may become a hello.
fn has_magic(bytes: &[u8]) -> bool {
    let length = bytes.len().min(3);
    bytes[..length] == b"RPC"[..length]
}

/// What is to be said to who speaks without TLS, if `bytes`, the first of a peer, are a record of TLS (RFC 8446 §5.1).
pub(crate) fn other_has_tls(bytes: &[u8], scheme: &str) -> Option<String> {
    const ALERT: u8 = 21;
    const HANDSHAKE: u8 = 22;
    match bytes {
        [ALERT, 3, ..] => Some(format!("the server speaks TLS here: connect with {scheme}")),
        [HANDSHAKE, 3, ..] => Some(format!("the client speaks TLS, and this is not {scheme}")),
        _ => None,
    }
}

fn cannot_connect(host: &str, port: u16, error: &io::Error) -> Status {
    let text = match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("nothing is listening on {}", at(host, port)),
        _ => format!("cannot connect to {}: {error}", at(host, port)),
    };
    Status::new(Code::Unavailable, text)
}

/// Host and port as they are written.
pub(crate) fn at(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn no_answer(waited: Duration) -> Status {
    let text = format!("the peer did not say hello within {waited:?}: it hangs, or speaks something else");
    Status::new(Code::Unavailable, text)
}
