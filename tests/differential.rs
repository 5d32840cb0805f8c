//! The two clients give the same results: every ready scenario goes through both, and what they sent is compared.
//!
//! HTTP leaves the order and the case of header names free, and nothing else of what is compared: request line, header
//! values and body, byte for byte, in the order in which one user sent them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::support::folder::Folder;
use crate::support::harness::{Room, trial};
use crate::support::loadline::measure;
use crate::support::root;
use crate::support::serve::Serve;

/// One test a file, as each scenario may use another part of HTTP.
pub(crate) fn trials() -> Vec<Trial> {
    let files = fs::read_dir(root().join("scenarios")).expect("the folder is there");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "yaml"));
    files.sort();
    let test = |file: PathBuf| {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        trial(format!("differential::{name}"), Room::Beside, move || both_clients_send_the_same(&file))
    };
    files.into_iter().map(test).collect()
}

fn both_clients_send_the_same(file: &Path) {
    let tap = Tap::open();
    let [(lean, lean_summary), (reqwest, reqwest_summary)] =
        ["lean", "reqwest"].map(|client| through(client, file, &tap));
    let compared = lean.len().min(reqwest.len());
    assert!(compared >= 3, "{} and {} requests are too few to compare", lean.len(), reqwest.len());
    for (at, (one, other)) in lean.iter().zip(&reqwest).enumerate() {
        assert_eq!(one, other, "request {at} of {compared}: lean sent the left one, reqwest the right one");
    }
    for (client, sent, summary) in [("lean", &lean, &lean_summary), ("reqwest", &reqwest, &reqwest_summary)] {
        assert_eq!(summary["errors"]["total"], 0, "{client}: {}", summary["errors"]);
        // A redirect is a request to the service and a part of one to the user.
        let recorded = summary["requests"].as_u64().expect("a count") as usize;
        assert!(recorded <= sent.len(), "{client} recorded {recorded} requests and sent {}", sent.len());
    }
    let names = |summary: &Value| -> Vec<Value> {
        summary["requests_by_name"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["name"].clone())
            .collect()
    };
    assert_eq!(names(&lean_summary), names(&reqwest_summary));
}

/// What one client sends for one user, and what was recorded of it.
fn through(client: &str, file: &Path, tap: &Tap) -> (Vec<Sent>, Value) {
    let serve = Serve::start(&["--seed", "3"]);
    tap.lead_to(serve.address().parse().expect("an address"));
    let folder = Folder::new(client);
    let file = file.to_str().expect("a name that is text");
    let flags = [
        "--target",
        &tap.url,
        "--users",
        "1",
        "--warmup",
        "0s",
        "--duration",
        "3s",
        "--seed",
        "7",
        "--client",
        client,
    ];
    let summary = measure(&folder, file, &flags).json();
    (tap.take(), summary)
}

/// A request as it stood on the wire, with what HTTP leaves free made alike.
#[derive(Debug, PartialEq, Eq)]
struct Sent {
    line: String,
    /// By name in small letters; the values of one name in their order.
    headers: BTreeMap<String, Vec<String>>,
    body: String,
}

/// Forwards connections, and keeps what clients send through it.
struct Tap {
    url: String,
    upstream: Arc<Mutex<Option<SocketAddr>>>,
    /// Pieces in the order in which they came, each with the number of its connection.
    pieces: Arc<Mutex<Vec<(usize, Vec<u8>)>>>,
}

impl Tap {
    fn open() -> Tap {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let tap = Tap { url, upstream: Arc::default(), pieces: Arc::default() };
        let (upstream, pieces) = (tap.upstream.clone(), tap.pieces.clone());
        thread::spawn(move || {
            for (number, client) in listener.incoming().flatten().enumerate() {
                let Some(address) = *upstream.lock().expect("no panic") else { continue };
                let Ok(server) = TcpStream::connect(address) else { continue };
                let (back, forth) = (client.try_clone(), server.try_clone());
                let (Ok(back), Ok(forth)) = (back, forth) else { continue };
                let pieces = pieces.clone();
                thread::spawn(move || {
                    let keep = |piece: &[u8]| pieces.lock().expect("no panic").push((number, piece.to_vec()));
                    forward(client, forth, keep);
                });
                thread::spawn(move || forward(server, back, |_| {}));
            }
        });
        tap
    }

    fn lead_to(&self, address: SocketAddr) {
        *self.upstream.lock().expect("no panic") = Some(address);
    }

    /// The requests since it was last asked, in the order in which they began.
    fn take(&self) -> Vec<Sent> {
        let pieces = std::mem::take(&mut *self.pieces.lock().expect("no panic"));
        let mut streams: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        // Where in its stream each piece begins, and which piece that was.
        let mut begins: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for (order, (number, piece)) in pieces.into_iter().enumerate() {
            let stream = streams.entry(number).or_default();
            begins.entry(number).or_default().push((stream.len(), order));
            stream.extend(piece);
        }
        let mut all = Vec::new();
        for (number, stream) in &streams {
            let mut at = 0;
            while let Some((sent, len)) = parse(&stream[at..]) {
                let piece = begins[number].partition_point(|(from, _)| *from <= at) - 1;
                all.push(((begins[number][piece].1, at), sent));
                at += len;
            }
        }
        all.sort_by_key(|(order, _)| *order);
        all.into_iter().map(|(_, sent)| sent).collect()
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, keep: impl Fn(&[u8])) {
    let mut buffer = [0; 64 * 1024];
    while let Ok(len) = from.read(&mut buffer)
        && len > 0
    {
        keep(&buffer[..len]);
        if to.write_all(&buffer[..len]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// The first request of `bytes` and its length; `None` if it is not whole.
fn parse(bytes: &[u8]) -> Option<(Sent, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end - 4]);
    let mut lines = head.split("\r\n");
    let line = lines.next()?.to_owned();
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for header in lines {
        let (name, value) = header.split_once(':').expect("a header has a colon");
        headers.entry(name.to_ascii_lowercase()).or_default().push(value.trim().to_owned());
    }
    assert!(!headers.contains_key("transfer-encoding"), "all bodies are known before they are sent: {head}");
    let length = headers.get("content-length").map_or(0, |values| values[0].parse().expect("a length"));
    let body = bytes.get(end..end + length)?;
    let sent = Sent { line, headers, body: without_instants(&String::from_utf8_lossy(body)) };
    Some((sent, end + length))
}

/// The wall clock is the one thing that no seed fixes: milliseconds since 1970 have thirteen digits.
fn without_instants(body: &str) -> String {
    let mut out = String::new();
    for run in body.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = run.trim_end_matches(|c: char| !c.is_ascii_digit());
        out.push_str(if digits.len() == 13 { "now" } else { digits });
        out.push_str(&run[digits.len()..]);
    }
    out
}
