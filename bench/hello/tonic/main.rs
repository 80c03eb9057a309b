//! The smallest service and one call to it.

use proto::greeter_client::GreeterClient;
use proto::greeter_server::{Greeter, GreeterServer};
use proto::{GreetReply, GreetRequest};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

mod proto {
    tonic::include_proto!("hello");
}

struct Polite;

#[tonic::async_trait]
impl Greeter for Polite {
    async fn greet(&self, request: Request<GreetRequest>) -> Result<Response<GreetReply>, Status> {
        Ok(Response::new(GreetReply { text: format!("Hello, {}", request.into_inner().name) }))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?;
    let address = incoming.local_addr()?;
    tokio::spawn(Server::builder().add_service(GreeterServer::new(Polite)).serve_with_incoming(incoming));
    let mut greeter = GreeterClient::connect(format!("http://{address}")).await?;
    println!("{}", greeter.greet(GreetRequest { name: "world".into() }).await?.into_inner().text);
    Ok(())
}
