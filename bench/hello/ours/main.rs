//! The smallest service and one call to it.

use proto::{GreetReply, GreetRequest, Greeter, GreeterClient, GreeterServer};
use server::{Router, Server};
use transport::Status;

mod proto {
    include!(concat!(env!("OUT_DIR"), "/hello.rs"));
}

struct Polite;

impl Greeter for Polite {
    async fn greet(&self, request: GreetRequest) -> Result<GreetReply, Status> {
        Ok(GreetReply { text: format!("Hello, {}", request.name) })
    }
}

#[tokio::main]
async fn main() -> Result<(), Status> {
    let mut server = Server::new(Router::new().with(GreeterServer::new(Polite)));
    let address = server.listen("http://127.0.0.1:0").await?;
    let greeter = GreeterClient::connect(&address.to_string()).await?;
    println!("{}", greeter.greet(&GreetRequest { name: "world".into() }).await?.text);
    Ok(())
}
