//! How requests are sent: certificates, versions, names and proxies.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use loadline::generator::client::connector::DnsPolicy;
use loadline::generator::client::http::{ClientKind, HttpSettings, HttpVersion, Reuse};
use loadline::generator::client::tls::{Identity, TlsSettings};

use super::exit::UserError;
use super::input::yes_or_no;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "HTTP")]
pub(crate) struct HttpFlags {
    /// Trust any certificate: only for servers of your own
    #[arg(long, env = "LOADLINE_INSECURE", value_parser = yes_or_no())]
    insecure: bool,
    /// Trust the certificates of these authorities (PEM) instead of the system's
    #[arg(long, value_name = "FILE", env = "LOADLINE_CACERT")]
    cacert: Option<PathBuf>,
    /// Show this certificate (PEM) to the server
    #[arg(long, value_name = "FILE", requires = "key", env = "LOADLINE_CERT")]
    cert: Option<PathBuf>,
    /// The private key (PEM) of --cert
    #[arg(long, value_name = "FILE", requires = "cert", env = "LOADLINE_KEY")]
    key: Option<PathBuf>,
    /// Version of HTTP: auto asks in the TLS handshake
    #[arg(
        long = "http",
        id = "http-version",
        value_enum,
        default_value = "auto",
        value_name = "VERSION",
        env = "LOADLINE_HTTP"
    )]
    version: Version,
    /// When host names are resolved
    #[arg(long, value_enum, default_value = "once", env = "LOADLINE_DNS")]
    dns: Dns,
    /// Send everything through this proxy (the environment's is not used)
    #[arg(long, value_name = "URL", env = "LOADLINE_PROXY", hide_env_values = true)]
    proxy: Option<String>,
    /// Open a new connection for each request
    #[arg(long, env = "LOADLINE_NO_KEEPALIVE", value_parser = yes_or_no())]
    no_keepalive: bool,
    /// Open so many connections to the target before the clock starts (HTTP/1.1)
    #[arg(long, value_name = "N", default_value_t = 0, env = "LOADLINE_CONNECT_AHEAD")]
    connect_ahead: u32,
    /// Which client sends: lean is cheap and speaks HTTP/1.1, reqwest speaks all; auto takes lean where it can
    #[arg(long, value_enum, default_value = "auto", env = "LOADLINE_CLIENT")]
    client: Client,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Version {
    Auto,
    #[value(name = "1.1")]
    One,
    #[value(name = "2")]
    Two,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Client {
    Auto,
    Lean,
    Reqwest,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Dns {
    Once,
    Always,
}

impl HttpFlags {
    pub(crate) fn settings(&self) -> anyhow::Result<HttpSettings> {
        let identity = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Some(Identity { chain: pem(cert)?, key: pem(key)? }),
            _ => None,
        };
        let authorities = self.cacert.as_deref().map(pem).transpose()?;
        Ok(HttpSettings {
            version: match self.version {
                Version::Auto => HttpVersion::Auto,
                Version::One => HttpVersion::Http1,
                Version::Two => HttpVersion::Http2,
            },
            tls: TlsSettings { authorities, identity, insecure: self.insecure },
            dns: match self.dns {
                Dns::Once => DnsPolicy::Once,
                Dns::Always => DnsPolicy::Always,
            },
            proxy: self.proxy.clone(),
            connect_ahead: self.connect_ahead,
            reuse: if self.no_keepalive { Reuse::Nobody } else { Reuse::Anyone },
            client: match self.client {
                Client::Auto => ClientKind::Auto,
                Client::Lean => ClientKind::Lean,
                Client::Reqwest => ClientKind::Reqwest,
            },
            ..HttpSettings::default()
        })
    }
}

fn pem(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| UserError::input(format!("cannot read {}: {error}", path.display())))
}
