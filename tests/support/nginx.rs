//! A real nginx, one process, with its own count of requests.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::folder::Folder;
use super::harness::Skip;
use super::http;
use super::tls::Identity;
use super::tools::program;

/// An nginx, killed when it is let go of.
#[derive(Debug)]
pub(crate) struct Nginx {
    child: Child,
    address: String,
    tls_address: String,
    folder: Folder,
}

/// The rate that `/limited` is limited to; twenty requests beyond it are let in at once.
pub(crate) const LIMIT_PER_S: u32 = 200;

/// What nginx counts since its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) connections: u64,
    pub(crate) requests: u64,
}

impl Nginx {
    /// Serves a small page on a free port of loopback, the same over TLS on another, its counts under `/status`, and
    /// under `/limited` a page that it gives [`LIMIT_PER_S`] times a second.
    pub(crate) fn start() -> Result<Self, Skip> {
        let nginx = program("nginx", "nginx-light")?;
        let folder = Folder::new("nginx");
        let identity = Identity::of(&["127.0.0.1"]);
        folder.write("authority.pem", &identity.authority_pem);
        folder.write("cert.pem", &identity.chain_pem);
        folder.write("key.pem", &identity.key_pem);
        folder.write("limited", "all is well\n");
        for _ in 0..5 {
            let (plain, tls) = (free_port(), free_port());
            let file = folder.write("nginx.conf", &configuration(&folder, plain, tls));
            let mut child = Command::new(&nginx)
                .args(["-e", &folder.at("error.log"), "-c", &file])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("nginx can be started");
            let address = format!("127.0.0.1:{plain}");
            if is_ready(&mut child, &address) {
                return Ok(Nginx { child, address, tls_address: format!("127.0.0.1:{tls}"), folder });
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!(
            "nginx does not start: {}",
            std::fs::read_to_string(folder.at("error.log")).unwrap_or_default()
        );
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The same over TLS, by a certificate that [`Nginx::authority`] vouches for.
    pub(crate) fn tls_url(&self) -> String {
        format!("https://{}/", self.tls_address)
    }

    /// The path of the authority's certificate.
    pub(crate) fn authority(&self) -> String {
        self.folder.at("authority.pem")
    }

    /// Its counts, which include the very request that asks for them.
    pub(crate) fn counts(&self) -> Counts {
        let status = http::get(&self.address, "/status").expect("nginx answers");
        // "Active connections: 1 \nserver accepts handled requests\n 16 16 31 \n…"
        let line = status.lines().nth(2).unwrap_or_default();
        let figures: Vec<u64> = line.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
        let [connections, _handled, requests] = figures[..] else { panic!("nginx said: {status}") };
        Counts { connections, requests }
    }

    /// What came between two looks: the second look itself is in neither.
    pub(crate) fn since(&self, before: Counts) -> Counts {
        let now = self.counts();
        Counts {
            connections: now.connections - before.connections - 1,
            requests: now.requests - before.requests - 1,
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}

fn is_ready(child: &mut Child, address: &str) -> bool {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        if child.try_wait().is_ok_and(|ended| ended.is_some()) {
            return false;
        }
        if http::get(address, "/status").is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

fn configuration(folder: &Folder, plain: u16, tls: u16) -> String {
    let folder = folder.display();
    let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path {folder}/{kind};\n"))
        .concat();
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\n\
         events {{ worker_connections 8192; }}\n\
         http {{\n    access_log off;\n{temp}    limit_req_zone $binary_remote_addr zone=limited:1m rate={LIMIT_PER_S}r/s;\n    keepalive_requests 2000000000;\n    keepalive_timeout 1h;\n\
         \x20   server {{\n        listen 127.0.0.1:{plain};\n        listen 127.0.0.1:{tls} ssl http2;\n\
         \x20       ssl_certificate {folder}/cert.pem;\n        ssl_certificate_key {folder}/key.pem;\n\
         \x20       location / {{ return 200 \"all is well\\n\"; }}\n        location = /status {{ stub_status; }}\n\
         \x20       location = /limited {{ limit_req zone=limited burst=20 nodelay; limit_req_log_level info; root {folder}; }}\n    }}\n}}\n"
    )
}
