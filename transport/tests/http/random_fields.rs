//! Random field lists: through our encoder to the decoder of `h2`, through its encoder back to our
//! decoder. And through the tables of both, which change with every list.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use http2::{Field, Limits};
use proptest::prelude::*;
use tokio::io::duplex;

use crate::application::{collecting_client, fetch, post};

/// Names and values as HTTP allows them, some of which come again and again.
fn fields() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let name = prop_oneof!["[a-z][a-z0-9!#$%&'*+.^_`|~-]{0,20}", "x-[ab]", Just("accept".to_owned())];
    let byte = prop_oneof![9 => 0x21..0x7f_u8, 1 => 0x80..=0xff_u8];
    let value = prop_oneof![
        prop::collection::vec(byte.clone(), 0..40),
        prop::collection::vec(byte, 100..300),
        Just(b"the same again".to_vec()),
    ];
    let known = ["te", "host", "connection", "upgrade", "keep-alive", "content-length", "cookie"];
    let name = name.prop_filter("has a meaning of its own", move |name| !known.contains(&&name[..]));
    prop::collection::vec((name, value), 0..12)
}

/// What `h2` makes of a list: grouped by name, in the order in which each name came first.
fn grouped(fields: &[(String, Vec<u8>)]) -> Vec<(String, Vec<Vec<u8>>)> {
    let mut groups: Vec<(String, Vec<Vec<u8>>)> = Vec::new();
    for (name, value) in fields {
        match groups.iter_mut().find(|(known, _)| known == name) {
            Some((_, values)) => values.push(value.clone()),
            None => groups.push((name.clone(), vec![value.clone()])),
        }
    }
    groups.sort();
    groups
}

async fn pass_through(lists: Vec<Vec<(String, Vec<u8>)>>, table: Option<u32>) {
    let (near, far) = duplex(64 << 10);
    let expected = lists.clone();
    let server = tokio::spawn(async move {
        let mut builder = h2::server::Builder::new();
        builder.max_header_list_size(1 << 20);
        let mut connection = builder.handshake::<_, Bytes>(far).await.unwrap();
        for expected in &expected {
            let (request, mut respond) = connection.accept().await.unwrap().unwrap();
            let came: Vec<_> = request
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
                .collect();
            assert_eq!(grouped(&came), grouped(expected));
            let mut response = http::Response::new(());
            for (name, value) in expected {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                response.headers_mut().append(name, HeaderValue::from_bytes(value).unwrap());
            }
            respond.send_response(response, true).unwrap();
        }
        while connection.accept().await.is_some() {}
    });
    let limits = Limits { header_table_size: table.unwrap_or(4096) as usize, ..Limits::default() };
    let client = collecting_client(near, limits);
    for list in &lists {
        let request = post(list.iter().map(|(name, value)| Field::new(name.clone(), value.clone())));
        let response = fetch(&client, request, Bytes::new(), None).await.unwrap();
        let came: Vec<_> = response
            .regular()
            .iter()
            .map(|field| (String::from_utf8(field.name.to_vec()).unwrap(), field.value.to_vec()))
            .collect();
        assert_eq!(grouped(&came), grouped(list));
    }
    drop(client);
    server.await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn fields_are_the_same_there_and_back(
        lists in prop::collection::vec(fields(), 1..12),
        table in prop::option::of(0..8000_u32),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(pass_through(lists, table));
    }
}
