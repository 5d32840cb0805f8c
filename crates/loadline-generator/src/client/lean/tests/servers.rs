//! Odd servers on loopback: each is a function that is handed every connection.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Method;

use super::{client, get, request};
use crate::client::Client;
use crate::client::http::{HttpSettings, Reuse};
use crate::client::lean::LeanClient;
use crate::exchange::{ErrorClass, Request};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

/// Serves every connection, in a thread of its own, with `serve`, which gets its number; returns the URL.
fn server(serve: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let serve = serve.clone();
            thread::spawn(move || serve(number, stream));
        }
    });
    url
}

/// Reads one request without a body; false at the end of the stream.
fn read_request(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return false,
        }
    }
    true
}

/// Answers every request with the same bytes.
fn answering(bytes: &'static [u8]) -> String {
    server(move |_, mut stream| while read_request(&mut stream) && stream.write_all(bytes).is_ok() {})
}

async fn class(client: &LeanClient, request: Request) -> ErrorClass {
    client.send(Arc::new(request)).await.expect_err("no answer was to be had").class
}

#[tokio::test]
async fn one_after_the_other_shares_a_connection() {
    let (url, client) = (answering(OK), client());
    for _ in 0..5 {
        let answer = client.send(get(&url)).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (200, &b"hi"[..]));
    }
    assert_eq!(client.take_connections().opened, 1);
}

#[tokio::test]
async fn without_keep_alive_each_opens_its_own() {
    let url = answering(OK);
    let client = LeanClient::new(&HttpSettings { reuse: Reuse::Nobody, ..HttpSettings::default() }).unwrap();
    for _ in 0..3 {
        client.send(get(&url)).await.unwrap();
    }
    assert_eq!(client.take_connections().opened, 3);
}

/// Answers with the number of the connection.
fn numbering() -> String {
    server(|number, mut stream| {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{number:02}");
        while read_request(&mut stream) && stream.write_all(answer.as_bytes()).is_ok() {}
    })
}

#[tokio::test]
async fn visitors_keep_connections_of_their_own_until_they_leave() {
    let url = numbering();
    let client = LeanClient::new(&HttpSettings { reuse: Reuse::Visitor, ..HttpSettings::default() }).unwrap();
    let mut seen = Vec::new();
    for visitor in [7, 8, 7, 8, 8, 7] {
        seen.push(client.send_for(visitor, get(&url)).await.unwrap().body);
    }
    assert_eq!(seen, ["00", "01", "00", "01", "01", "00"]);
    client.leave(7);
    assert_eq!(client.send_for(7, get(&url)).await.unwrap().body, "02");
    assert_eq!(client.take_connections().opened, 3);
}

#[tokio::test]
async fn connections_opened_ahead_are_used() {
    let (url, client) = (numbering(), client());
    client.connect_ahead(&url, 3).await;
    assert_eq!(client.take_connections().opened, 3);
    let answers = join_all((0..3).map(|_| client.send(get(&url)))).await;
    let mut seen: Vec<Bytes> = answers.into_iter().map(|answer| answer.unwrap().body).collect();
    seen.sort();
    assert_eq!(seen, ["00", "01", "02"]);
    assert_eq!(client.take_connections().opened, 0);
}

#[tokio::test]
async fn what_was_sent_is_what_was_asked() {
    let url = server(|_, mut stream| {
        let mut seen = [0; 4096];
        let len = stream.read(&mut seen).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {len}\r\n\r\n");
        stream.write_all(&[head.as_bytes(), &seen[..len]].concat()).unwrap();
    });
    let client = client();
    let mut request = request(&format!("{url}a/../b?c='d'"));
    request.method = Method::PUT;
    request.headers.insert("x-y", "z".parse().unwrap());
    request.body = Bytes::from_static(b"body");
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let seen = client.send(Arc::new(request)).await.unwrap().body;
    let expected = format!(
        "PUT /b?c=%27d%27 HTTP/1.1\r\nx-y: z\r\naccept: */*\r\nhost: {host}\r\ncontent-length: 4\r\n\r\nbody"
    );
    assert_eq!(std::str::from_utf8(&seen).unwrap(), expected);
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let url = server(|_, mut stream| {
        read_request(&mut stream);
        thread::sleep(Duration::from_secs(5));
    });
    let client = client();
    let asked =
        (0..3).map(|_| class(&client, Request { timeout: Duration::from_millis(30), ..request(&url) }));
    assert_eq!(join_all(asked).await, [ErrorClass::Timeout; 3]);
    // A longer time-out that came first does not hide a shorter one.
    let slow = class(&client, Request { timeout: Duration::from_millis(300), ..request(&url) });
    let quick = class(&client, Request { timeout: Duration::from_millis(30), ..request(&url) });
    let first = futures_util::future::select(Box::pin(slow), Box::pin(quick)).await;
    assert!(matches!(first, futures_util::future::Either::Right((ErrorClass::Timeout, _))));
}

#[tokio::test]
async fn a_refused_connection_and_an_unknown_name_have_their_classes() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = client();
    assert_eq!(class(&client, request(&format!("http://{free}/"))).await, ErrorClass::Connect);
    assert_eq!(class(&client, request("http://no-such-host.invalid/")).await, ErrorClass::Dns);
}

#[tokio::test]
async fn an_answer_cut_short_is_a_reset() {
    let client = client();
    for bytes in [&b""[..], b"HTTP/1.1 200 OK\r\ncont", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi"] {
        let url = server(move |_, mut stream| {
            read_request(&mut stream);
            let _ = stream.write_all(bytes);
        });
        assert_eq!(class(&client, request(&url)).await, ErrorClass::Reset);
    }
}

#[tokio::test]
async fn garbage_and_an_endless_head_are_of_the_protocol_class() {
    let client = client();
    let url = answering(b"220 mail.example ESMTP\r\n");
    assert_eq!(class(&client, request(&url)).await, ErrorClass::Protocol);
    let url = server(|_, mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"and-again: and again\r\n").is_ok() {}
    });
    assert_eq!(class(&client, request(&url)).await, ErrorClass::Protocol);
}

#[tokio::test]
async fn a_connection_that_talks_too_much_is_not_used_again() {
    let (url, client) = (answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi?"), client());
    for _ in 0..3 {
        assert_eq!(client.send(get(&url)).await.unwrap().body_len, 2);
    }
    assert_eq!(client.take_connections().opened, 3);
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_no_error() {
    // Closes after each answer without a word; every request has to be answered all the same.
    let url = server(|_, mut stream| {
        if read_request(&mut stream) {
            let _ = stream.write_all(OK);
        }
    });
    let client = client();
    for pause in [0, 0, 0, 0, 20, 20] {
        assert_eq!(client.send(get(&url)).await.unwrap().status, 200);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    assert_eq!(client.take_connections().opened, 6);
}

#[tokio::test]
async fn a_request_that_was_taken_is_not_sent_again() {
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = seen.clone();
    // Answers the first request of the first connection only, and leaves at the next, wherever that comes.
    let url = server(move |number, mut stream| {
        if number == 0 && read_request(&mut stream) {
            stream.write_all(OK).unwrap();
        }
        if read_request(&mut stream) {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let client = client();
    client.send(get(&url)).await.unwrap();
    assert_eq!(class(&client, request(&url)).await, ErrorClass::Reset);
    assert_eq!((seen.load(Ordering::SeqCst), client.take_connections().opened), (1, 1));
}

#[tokio::test]
async fn a_huge_body_takes_no_memory() {
    const LEN: u64 = 1 << 30;
    let url = server(|_, mut stream| {
        let piece = vec![b'x'; 1 << 20];
        while read_request(&mut stream) {
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {LEN}\r\n\r\n").unwrap();
            let _ = (0..LEN >> 20).try_for_each(|_| stream.write_all(&piece));
        }
    });
    let client = client();
    let unkept = Request { keep_body: false, timeout: Duration::from_secs(60), ..request(&url) };
    let before = resident_kib();
    let answer = client.send(Arc::new(unkept)).await.unwrap();
    assert_eq!((answer.body_len, answer.body.len()), (LEN, 0));
    // The tests beside this one take some of it.
    assert!(resident_kib() - before < 512 * 1024);
    assert_eq!(class(&client, request(&url)).await, ErrorClass::TooLarge);
}

fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn a_large_upload_is_sent_whole_and_an_early_answer_is_taken() {
    let body = Bytes::from(vec![b'u'; 8 << 20]);
    let url = server(|number, mut stream| {
        read_request(&mut stream);
        if number > 0 {
            stream.write_all(b"HTTP/1.1 413 \r\ncontent-length: 0\r\n\r\n").unwrap();
            thread::sleep(Duration::from_secs(1));
            return;
        }
        let mut upload = vec![0; 8 << 20];
        stream.read_exact(&mut upload).unwrap();
        assert!(upload.iter().all(|byte| *byte == b'u'));
        stream.write_all(b"HTTP/1.1 201 \r\nconnection: close\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    let client = client();
    for status in [201, 413] {
        let post = Request { method: Method::POST, body: body.clone(), ..request(&url) };
        assert_eq!(client.send(Arc::new(post)).await.unwrap().status, status);
    }
}

#[tokio::test]
async fn who_waits_takes_what_is_freed_first() {
    // Only the first connection is ever answered: all others wait in the queue of the listener or for an answer.
    let url = server(|number, mut stream| {
        if number == 0 {
            while read_request(&mut stream) && stream.write_all(OK).is_ok() {}
        } else {
            thread::sleep(Duration::from_secs(5));
        }
    });
    let client = client();
    let warm = client.send(get(&url)).await.unwrap();
    assert_eq!(warm.status, 200);
    // One takes the idle connection; the others wait, and those whose own attempt lost give it to the next.
    let quick = Request { timeout: Duration::from_millis(200), ..request(&url) };
    let answers = join_all((0..200).map(|_| client.send(Arc::new(quick.clone())))).await;
    let answered = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(answered >= 1 && answers.iter().flatten().all(|answer| answer.status == 200));
    assert_eq!(client.pool.attempts(), 0);
}

#[tokio::test]
async fn many_at_once_are_all_answered_over_few_attempts() {
    let url = answering(OK);
    let client = client();
    for _ in 0..3 {
        let answers = join_all((0..500).map(|_| client.send(get(&url)))).await;
        assert!(answers.into_iter().all(|answer| answer.is_ok_and(|answer| answer.body_len == 2)));
        assert_eq!(client.pool.attempts(), 0);
    }
    assert!(client.take_connections().opened <= 500);
}

#[tokio::test]
async fn many_refused_at_once_all_learn_of_it() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = client();
    let refused = join_all((0..500).map(|_| class(&client, request(&format!("http://{free}/"))))).await;
    assert_eq!(refused, [ErrorClass::Connect; 500]);
}

#[tokio::test]
async fn a_request_given_up_leaves_nothing_behind() {
    let url = answering(OK);
    let client = client();
    for patience_us in [0, 100, 300, 1_000, 3_000] {
        let asked = join_all((0..100).map(|_| client.send(get(&url))));
        let _ = tokio::time::timeout(Duration::from_micros(patience_us), asked).await;
    }
    assert_eq!(client.pool.attempts(), 0);
    assert!(client.send(get(&url)).await.is_ok());
}
