//! What is an answer: a table, hyper as the judge of whatever proptest thinks up, and any split of the bytes.

use http::{HeaderMap, Method};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::request;
use crate::client::lean::parse::Answer;
use crate::exchange::{ErrorClass, Request};

/// Status, headers and body; `None` for what is no answer.
type Read = Option<(u16, HeaderMap, Vec<u8>)>;

/// What our parser makes of `bytes` in pieces of the given lengths, then closed; and whether the connection is
/// still good.
fn ours(request: &Request, bytes: &[u8], pieces: &[usize]) -> (Result<Read, ErrorClass>, bool) {
    let mut answer = Answer::to(request);
    let mut pieces = pieces.iter().copied().cycle();
    let (mut left, mut excess) = (bytes, false);
    let mut feed = || {
        while !left.is_empty() && !answer.is_done() {
            let (piece, rest) = left.split_at(pieces.next().unwrap_or(usize::MAX).clamp(1, left.len()));
            let taken = answer.feed(piece)?;
            left = rest;
            excess = taken < piece.len();
        }
        if answer.is_done() { Ok(()) } else { answer.close() }
    };
    if let Err(class) = feed() {
        return (Err(class), false);
    }
    let persistent = answer.is_persistent() && !excess && left.is_empty();
    let response = answer.into_response();
    assert_eq!(response.body.len() as u64, response.body_len);
    (Ok(Some((response.status, response.headers, response.body.to_vec()))), persistent)
}

fn whole(bytes: &[u8]) -> (Result<Read, ErrorClass>, bool) {
    ours(&request("http://a/"), bytes, &[])
}

/// What hyper makes of the same.
fn hypers(method: &Method, bytes: &[u8]) -> Read {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_headers(super::super::parse::HEADERS_MAX)
            .handshake(TokioIo::new(near))
            .await
            .unwrap();
        let serve = async {
            let mut head = [0; 1024];
            let _ = far.read(&mut head).await;
            let _ = far.write_all(bytes).await;
            drop(far);
        };
        let ask = async {
            let request = http::Request::builder().method(method).uri("/").header("host", "a");
            let answer = sender.send_request(request.body(Empty::<&[u8]>::new()).unwrap()).await.ok()?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await.ok()?.to_bytes().to_vec();
            Some((head.status.as_u16(), head.headers, body))
        };
        tokio::join!(serve, ask, async { drop(connection.await) }).1
    })
}

#[test]
fn bodies_end_where_rfc_9112_says() {
    let ok = |bytes: &str, body: &str, persistent: bool| {
        let (read, kept) = whole(bytes.as_bytes());
        let read = read.unwrap_or_else(|class| panic!("{class:?} for {bytes:?}")).unwrap();
        assert_eq!((std::str::from_utf8(&read.2).unwrap(), kept), (body, persistent), "{bytes:?}");
    };
    ok("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", "hello", true);
    ok("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "", true);
    ok("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n", "hello", false);
    ok("HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\ncontent-length: 2\r\n\r\nhi", "hi", true);
    ok("HTTP/1.1 200 OK\r\n\r\nto the end", "to the end", false);
    ok("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi", "hi", false);
    ok("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", "hi", false);
    ok("HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 2\r\n\r\nhi", "hi", true);
    ok("HTTP/1.1 204 No Content\r\ncontent-length: 9\r\n\r\n", "", true);
    ok("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", "", true);
    ok("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 \r\nlink: a\r\n\r\nHTTP/1.1 204 \r\n\r\n", "", true);
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\n\r\n";
    ok(&format!("{chunked}2;a=b\r\nhi\r\n00A \t\r\n there you\r\n0\r\n\r\n"), "hi there you", true);
    ok(&format!("{chunked}2\r\nhi\r\n0\r\nx-sum: 1\r\ny: 2\r\n\r\n"), "hi", true);
    ok("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nabc", "abc", false);
    let both = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n0\r\n\r\n";
    ok(both, "", false);
}

#[test]
fn heads_without_bodies_follow_head_requests() {
    let head = Request { method: Method::HEAD, ..request("http://a/") };
    let (read, kept) = ours(&head, b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", &[]);
    assert!(read.unwrap().unwrap().2.is_empty());
    assert!(kept);
}

#[test]
fn what_is_no_answer_has_its_class() {
    let class = |bytes: &[u8]| whole(bytes).0.map(drop).unwrap_err();
    assert_eq!(class(b""), ErrorClass::Reset);
    assert_eq!(class(b"HTTP/1.1 200 OK\r\ncontent-le"), ErrorClass::Reset);
    assert_eq!(class(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell"), ErrorClass::Reset);
    assert_eq!(class(b"HTTP/1.1 100 Continue\r\n\r\n"), ErrorClass::Reset);
    assert_eq!(class(b"HTTP/1.1 000 Continue\r\n\r\n"), ErrorClass::Protocol);
    let chunked =
        |rest: &str| class(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{rest}").as_bytes());
    assert_eq!(chunked("5\r\nhel"), ErrorClass::Reset);
    for bad in [
        "\r\n",
        "g\r\n",
        "5 5\r\n",
        "5\n",
        "2\r\nhixx",
        "0\r\nno trailer\r\n\r\n",
        "11111111111111111\r\n",
        "1;a\nb\r\n",
    ] {
        assert_eq!(chunked(bad), ErrorClass::Protocol, "{bad:?}");
    }
    assert_eq!(chunked(&format!("1;{}", "e".repeat(20_000))), ErrorClass::Protocol);
    assert_eq!(chunked(&format!("0\r\na: {}", "t".repeat(20_000))), ErrorClass::Protocol);
    for bad in [
        "hello",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n",
    ] {
        assert_eq!(class(bad.as_bytes()), ErrorClass::Protocol, "{bad:?}");
    }
    for length in ["-1", "+1", "x", "1, 2", "", "99999999999999999999"] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        assert_eq!(class(head.as_bytes()), ErrorClass::Protocol, "{length:?}");
    }
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(257));
    assert_eq!(class(many.as_bytes()), ErrorClass::Protocol);
    let long = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(64 * 1024));
    assert_eq!(class(long.as_bytes()), ErrorClass::Protocol);
}

#[test]
fn garbage_is_not_waited_for() {
    let mut answer = Answer::to(&request("http://a/"));
    let fed = (0..200).try_for_each(|_| answer.feed(b"?").map(drop));
    assert_eq!(fed, Err(ErrorClass::Protocol));
}

#[test]
fn only_what_redirects_and_cookies_need_is_kept_unasked() {
    let bare = Request { keep_headers: false, keep_body: false, ..request("http://a/") };
    let mut answer = Answer::to(&bare);
    let bytes = b"HTTP/1.1 302 \r\ndate: now\r\nlocation: /b\r\nx: y\r\nset-cookie: a=b\r\ncontent-length: 2\r\n\r\nhi";
    assert_eq!(answer.feed(bytes), Ok(bytes.len()));
    let response = answer.into_response();
    let names: Vec<_> = response.headers.keys().map(|name| name.as_str()).collect();
    assert_eq!(
        (names, response.body.len(), response.body_len),
        (vec!["location", "set-cookie", "date"], 0, 2)
    );
}

fn body() -> impl Strategy<Value = (String, Vec<u8>)> {
    let data = prop::collection::vec(any::<u8>(), 0..60);
    let chunks =
        prop::collection::vec((prop::collection::vec(any::<u8>(), 1..40), "(;[a-z=\"]{0,5})?"), 0..4);
    prop_oneof![
        data.clone().prop_map(|data| (format!("Content-Length: {}\r\n", data.len()), data)),
        (data.clone(), any::<u8>()).prop_map(|(data, lie)| (format!("content-length: {lie}\r\n"), data)),
        data.prop_map(|data| (String::new(), data)),
        (chunks, "([a-z]{1,4}: [a-z]{0,4}\r\n){0,2}").prop_map(|(chunks, trailers)| {
            let mut body = Vec::new();
            for (data, extension) in chunks {
                body.extend_from_slice(format!("{:x}{extension}\r\n", data.len()).as_bytes());
                body.extend_from_slice(&data);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(format!("0\r\n{trailers}\r\n").as_bytes());
            ("Transfer-Encoding: chunked\r\n".to_owned(), body)
        }),
    ]
}

fn answer() -> impl Strategy<Value = Vec<u8>> {
    let interim = prop_oneof![4 => Just(""), 1 => Just("HTTP/1.1 100 Continue\r\n\r\n")];
    let status = prop_oneof![6 => Just(200u16), 1 => Just(204), 1 => Just(304), 1 => 102u16..600];
    let odd = prop::sample::select(vec![
        "",
        "",
        "",
        "connection: close\r\n",
        "connection: keep-alive\r\n",
        "transfer-encoding: chunked\r\n",
        "transfer-encoding: gzip\r\n",
        "content-length: 3\r\n",
        "content-length: 3, 3\r\n",
        "set-cookie: a=b\r\n",
        "x:\r\n",
        "x: \x7f\r\n",
        "x : y\r\n",
        " folded\r\n",
        "x: y\n",
        "location: /\r\n",
    ]);
    (
        interim,
        "HTTP/1\\.[01] ",
        status,
        "( [A-Za-z ]{0,6})?\r\n",
        odd.clone(),
        body(),
        odd,
        "(HTTP/1.1 200 OK\r\n\r\n)?",
    )
        .prop_map(|(interim, version, status, reason, before, (framing, body), after, garbage)| {
            let head = format!("{interim}{}{status}{reason}{before}{framing}{after}\r\n", version);
            [head.as_bytes(), &body, garbage.as_bytes()].concat()
        })
}

/// An answer to which something may have happened on its way.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let damage = prop::option::of((any::<prop::sample::Index>(), 0..4u8, any::<u8>()));
    (answer(), damage).prop_map(|(mut bytes, damage)| {
        if let Some((at, kind, byte)) = damage {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes.truncate(at),
                1 => bytes[at] = byte,
                2 => drop(bytes.remove(at)),
                _ => bytes.insert(at, byte),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Law: hyper and we agree on what is an answer and on all that is in it.
    #[test]
    fn hyper_reads_the_same(bytes in damaged(), head in prop::bool::weighted(0.1)) {
        // A switch of protocols is the end of HTTP: hyper waits for what we never ask for.
        prop_assume!(!bytes.windows(4).any(|window| window == b" 101"));
        let method = if head { Method::HEAD } else { Method::GET };
        let request = Request { method: method.clone(), ..request("http://a/") };
        let ours = ours(&request, &bytes, &[]).0.ok().flatten();
        prop_assert_eq!(ours, hypers(&method, &bytes), "{:?}", String::from_utf8_lossy(&bytes));
    }

    /// Law: how the bytes were split on their way changes nothing.
    #[test]
    fn splits_change_nothing(bytes in damaged(), pieces in prop::collection::vec(1usize..40, 1..6)) {
        let request = request("http://a/");
        let (whole, split) = (ours(&request, &bytes, &[]), ours(&request, &bytes, &pieces));
        prop_assert_eq!(whole.0, split.0, "{:?}", String::from_utf8_lossy(&bytes));
    }
}
