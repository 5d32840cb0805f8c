//! Targets that misbehave are counted by class; nothing crashes, hangs or fills the memory.

use std::io::Write;
use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::support::folder::Folder;
use crate::support::harness::trials;
use crate::support::loadline::{Ended, measure};
use crate::support::odd::{Odd, read_head};
use crate::support::serve::Serve;
use crate::support::tls::Identity;
use crate::support::{count, number};

pub(crate) fn trials() -> Vec<Trial> {
    trials! {
        Beside: refused, closed_without_an_answer, reset_before_and_amid_the_body, cut_short, never_answering, trickling,
            certificate_of_another_name, certificate_of_no_authority, its_own_certificate_is_trusted, no_tls_at_all, tls_where_none_is_asked_for,
            a_proxy_that_refuses, garbage_instead_of_http,
            odd_heads_and_chunks, an_endless_head, a_body_of_a_gibibyte, a_large_body_that_is_looked_at,
            a_name_that_does_not_exist, a_service_that_comes_back;
    }
}

/// No run against an odd target takes more than this, whatever is thrown at it.
const MEMORY_MAX: u64 = 200 << 20;

const LOAD: [&str; 4] = ["--rate", "20/s", "--duration", "1s"];

fn load(url: &str, flags: &[&str]) -> Ended {
    let folder = Folder::new("odd");
    let ended = measure(&folder, url, &[&LOAD[..], flags].concat());
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    assert!(ended.peak_bytes < MEMORY_MAX, "{} MiB", ended.peak_bytes >> 20);
    ended
}

/// All of twenty requests failed in this class.
#[track_caller]
fn all_fail(ended: &Ended, class: &str) {
    let summary = ended.json();
    assert_eq!(summary["errors"]["by_class"], json!({ class: 20 }), "{}", summary["errors"]);
    assert_eq!(count(&summary, "/requests"), 20);
    // They are in the histograms, and apart from the good ones.
    assert!(summary["response_ok"]["p50_ms"].is_null() && !summary["response"]["p50_ms"].is_null());
}

/// The examples of a class hold these words.
#[track_caller]
fn says(ended: &Ended, class: &str, words: &[&str]) {
    let examples = ended.json()["errors"]["examples"][class].to_string();
    for word in words {
        assert!(examples.contains(word), "`{word}` is not in {examples}");
    }
}

fn refused() {
    let gone = Serve::start(&[]);
    let url = gone.url("/");
    drop(gone);
    let ended = load(&url, &[]).expect(1);
    all_fail(&ended, "connect");
    says(&ended, "connect", &["GET /: connection refused (127.0.0.1:"]);
}

fn closed_without_an_answer() {
    let odd = Odd::start(|mut stream| read_head(&mut stream).map(drop));
    all_fail(&load(&odd.url(), &[]).done(), "reset");
}

fn reset_before_and_amid_the_body() {
    for flags in [&["--resets", "1"][..], &["--resets", "1", "--reset-mid-body"]] {
        let serve = Serve::start(flags);
        all_fail(&load(&serve.url("/"), &[]).done(), "reset");
        assert_eq!(serve.settled_stats()["resets"], 20, "each was sent once");
    }
}

/// The connection ends before the length that was promised.
fn cut_short() {
    let odd = Odd::answering("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nnot a thousand bytes");
    all_fail(&load(&odd.url(), &[]).done(), "reset");
    let odd = Odd::answering("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
    all_fail(&load(&odd.url(), &[]).done(), "reset");
    let odd = Odd::answering("HTTP/1.1 200 OK\r\nx-half: a he");
    all_fail(&load(&odd.url(), &[]).done(), "reset");
}

fn never_answering() {
    let odd = Odd::start(|mut stream| {
        read_head(&mut stream)?;
        std::thread::sleep(Duration::from_secs(60));
        Ok(())
    });
    let ended = load(&odd.url(), &["--timeout", "500ms"]).done();
    all_fail(&ended, "timeout");
    let summary = ended.json();
    assert!(number(&summary, "/response/p50_ms") >= 500.0, "{}", summary["response"]);
    assert_eq!(odd.connections(), 20, "what timed out is not used again");
}

/// A byte of the body each tenth of a second: the answer never comes whole.
fn trickling() {
    let odd = Odd::start(|mut stream| {
        read_head(&mut stream)?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")?;
        for _ in 0..100 {
            stream.write_all(b"x")?;
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    });
    all_fail(&load(&odd.url(), &["--timeout", "700ms"]).done(), "timeout");
}

fn https(odd: &Odd) -> String {
    format!("https://127.0.0.1:{}/", odd.port())
}

fn certificate_of_another_name() {
    let folder = Folder::new("authority");
    let (other, own) = (Identity::of(&["other.example"]), Identity::of(&["127.0.0.1"]));
    let odd = Odd::tls(&other);
    let authority = folder.write("other.pem", &other.authority_pem);
    let ended = load(&https(&odd), &["--cacert", &authority]).expect(1);
    all_fail(&ended, "tls");
    // The same server is answered where one looks away, and one of the right name where one looks.
    let ended = load(&https(&odd), &["--insecure"]).done().json();
    assert_eq!((count(&ended, "/errors/total"), count(&ended, "/requests")), (0, 20));
    let odd = Odd::tls(&own);
    let authority = folder.write("own.pem", &own.authority_pem);
    let ended = load(&https(&odd), &["--cacert", &authority]).done().json();
    assert_eq!((count(&ended, "/errors/total"), count(&ended, "/requests")), (0, 20));
}

fn certificate_of_no_authority() {
    let odd = Odd::tls(&Identity::of(&["127.0.0.1"]));
    all_fail(&load(&https(&odd), &[]).expect(1), "tls");
}

fn no_tls_at_all() {
    let odd = Odd::start(|mut stream| stream.write_all(b"220 mail.example ESMTP\r\n"));
    for client in ["lean", "reqwest"] {
        let ended = load(&https(&odd), &["--client", client, "--http", "1.1"]).expect(1);
        all_fail(&ended, "tls");
        says(&ended, "tls", &["it answers without TLS; try http://"]);
        assert!(ended.stderr.is_empty() || ended.stderr.contains("try http://"), "{}", ended.stderr);
    }
}

/// curl takes a server's self-signed certificate for an authority, and so do we: whoever names it means this server.
/// It is one of an authority, as `openssl req -x509` makes it.
fn its_own_certificate_is_trusted() {
    let own = Identity::self_signed(&["127.0.0.1"]);
    let (folder, odd) = (Folder::new("own"), Odd::tls(&own));
    let named = folder.write("own.pem", &own.chain_pem);
    for client in ["lean", "reqwest"] {
        let flags = ["--client", client, "--http", "1.1", "--cacert", &named];
        let ended = load(&https(&odd), &flags).done().json();
        assert_eq!((count(&ended, "/errors/total"), count(&ended, "/requests")), (0, 20), "{client}");
    }
    // Its name still counts, and so does which certificate it is.
    let other = Identity::self_signed(&["other.example"]);
    let ended = load(&https(&Odd::tls(&other)), &["--cacert", &folder.write("other.pem", &other.chain_pem)]);
    says(&ended.expect(1), "tls", &["certificate not trusted", "other.example"]);
    let ended = load(&https(&Odd::tls(&Identity::self_signed(&["127.0.0.1"]))), &["--cacert", &named]);
    says(&ended.expect(1), "tls", &["certificate not trusted", "--cacert"]);
}

fn tls_where_none_is_asked_for() {
    let odd = Odd::tls(&Identity::of(&["127.0.0.1"]));
    let ended = load(&odd.url(), &[]);
    says(&ended, "protocol", &["it answers in TLS; try https://"]);
}

fn a_proxy_that_refuses() {
    let (gone, serve) = (Serve::start(&[]), Serve::start(&[]));
    let proxy = gone.url("").replace("http://", "http://me:sesame@");
    drop(gone);
    let ended = load(&serve.url("/"), &["--proxy", &proxy]).expect(1);
    says(&ended, "connect", &["through the proxy http://***@127.0.0.1:", "connection refused"]);
    assert!(!ended.stdout.contains("sesame") && !ended.stderr.contains("sesame"));
}

fn garbage_instead_of_http() {
    for garbage in [
        &b"\x00\xff\xfe\x01garbage\r\n\r\n"[..],
        b"220 mail.example ESMTP\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"<html>\r\n\r\n",
    ] {
        let odd = Odd::answering(garbage);
        let ended = load(&odd.url(), &[]).done();
        all_fail(&ended, "protocol");
    }
}

fn odd_heads_and_chunks() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: minus one\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
    ] {
        let odd = Odd::answering(head);
        let summary = load(&odd.url(), &[]).done().json();
        let errors = &summary["errors"];
        assert_eq!(errors["by_class"], json!({ "protocol": 20 }), "{head}: {errors}");
    }
}

fn an_endless_head() {
    let odd = Odd::flooding("HTTP/1.1 200 OK\r\nx: ", &[b'a'; 65536], u64::MAX);
    let by_class = load(&odd.url(), &[]).done().json()["errors"]["by_class"].clone();
    assert_eq!(by_class, json!({ "protocol": 20 }));
    let odd = Odd::flooding("HTTP/1.1 200 OK\r\n", &LINES, u64::MAX);
    let by_class = load(&odd.url(), &[]).done().json()["errors"]["by_class"].clone();
    assert_eq!(by_class, json!({ "protocol": 20 }));
}

/// Header lines, one after another.
static LINES: [u8; 65536] = {
    let (line, mut lines, mut at) = (b"x-y: a\r\n", [0; 65536], 0);
    while at < lines.len() {
        lines[at] = line[at % line.len()];
        at += 1;
    }
    lines
};

const GIBIBYTE: u64 = 1 << 30;

fn one_request(url: &str, flags: &[&str]) -> (Value, Ended) {
    let folder = Folder::new("large");
    let one = ["--rate", "1/s", "--duration", "1s", "--timeout", "100s"];
    let ended = measure(&folder, url, &[&one[..], flags].concat());
    assert!(ended.peak_bytes > 0 && ended.peak_bytes < MEMORY_MAX, "{} MiB", ended.peak_bytes >> 20);
    (ended.json(), ended)
}

/// Read to its end, counted, and not kept.
fn a_body_of_a_gibibyte() {
    let odd = Odd::flooding("HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n", &[0; 65536], GIBIBYTE);
    let (summary, _) = one_request(&odd.url(), &[]);
    assert_eq!(
        (count(&summary, "/requests"), count(&summary, "/errors/total")),
        (1, 0),
        "{}",
        summary["errors"]
    );
    assert_eq!(count(&summary, "/requests_by_name/0/bytes_received"), GIBIBYTE);
}

/// A check needs the body, and a body has a bound.
fn a_large_body_that_is_looked_at() {
    let odd = Odd::flooding("HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n", &[0; 65536], GIBIBYTE);
    let folder = Folder::new("looked-at");
    let file = folder.write(
        "scenario.yaml",
        "target: http://127.0.0.1:1\nload: [{ rate: 1/s, for: 1s }]\nflows: [{ steps: [{ get: /, timeout: 100s, check: { body: { contains: x } } }] }]\n",
    );
    let url = odd.url();
    let ended = measure(&folder, &file, &["--target", url.trim_end_matches('/')]);
    assert_eq!(ended.json()["errors"]["by_class"], json!({ "too_large": 1 }));
    assert!(ended.peak_bytes < MEMORY_MAX, "{} MiB", ended.peak_bytes >> 20);
}

/// A label of more than 63 characters is no name: the resolver says so without asking anybody.
fn a_name_that_does_not_exist() {
    let url = format!("http://{}.example/", "a".repeat(70));
    all_fail(&load(&url, &[]).expect(1), "dns");
}

/// The first half of the connections is refused an answer, the others are served: a run goes on.
fn a_service_that_comes_back() {
    let served = std::sync::atomic::AtomicU64::new(0);
    let odd = Odd::start(move |mut stream| {
        read_head(&mut stream)?;
        if served.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 10 {
            return Ok(());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")
    });
    let summary = load(&odd.url(), &[]).done().json();
    assert_eq!(summary["errors"]["by_class"], json!({ "reset": 10 }), "{}", summary["errors"]);
    assert_eq!(count(&summary, "/requests"), 20);
}
