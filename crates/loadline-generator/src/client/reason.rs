//! Why an attempt failed, in words for a person, with the way out where there is a likely one.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, Error as TlsError};

/// Bytes of an answer that are shown.
const EXCERPT_CHARS_MAX: usize = 60;

/// What the system says.
pub(super) fn of_io(error: &io::Error) -> Cow<'static, str> {
    use io::ErrorKind as K;
    match error.kind() {
        K::ConnectionRefused => "connection refused".into(),
        K::ConnectionReset | K::BrokenPipe | K::ConnectionAborted => "connection reset".into(),
        K::TimedOut => "no answer to the attempt to connect".into(),
        K::HostUnreachable => "no route to the host".into(),
        K::NetworkUnreachable => "no route to the network".into(),
        K::AddrNotAvailable => "no free port is left on this machine".into(),
        K::UnexpectedEof => "closed too early".into(),
        _ => error.to_string().into(),
    }
}

/// What a handshake failed for; `None` where TLS had no part in it.
pub(super) fn of_handshake(error: &io::Error) -> Option<Cow<'static, str>> {
    let inner = error.get_ref()?;
    match inner.downcast_ref::<TlsError>() {
        Some(error) => Some(of_tls(error)),
        None => inner.downcast_ref::<io::Error>().and_then(of_handshake),
    }
}

/// What TLS says.
pub(super) fn of_tls(error: &TlsError) -> Cow<'static, str> {
    match error {
        TlsError::InvalidMessage(_) => "it answers without TLS; try http://".into(),
        TlsError::InvalidCertificate(error) => of_certificate(error),
        TlsError::AlertReceived(AlertDescription::CertificateRequired) => {
            "the server wants a client certificate; give --cert and --key".into()
        }
        TlsError::AlertReceived(alert) => format!("the server ended the TLS handshake: {alert:?}").into(),
        other => other.to_string().into(),
    }
}

fn of_certificate(error: &CertificateError) -> Cow<'static, str> {
    match error {
        // The second is webpki's word for a certificate of an authority that a server shows as its own: one that
        // `openssl req -x509` signed itself, mostly.
        CertificateError::UnknownIssuer | CertificateError::Other(_) => {
            "certificate not trusted: nobody who is trusted has issued it; name its authority, or itself, with --cacert \
             (--insecure trusts any)"
                .into()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "certificate not trusted: it has expired (--insecure trusts any)".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "certificate not trusted: it is not valid yet (--insecure trusts any)".into()
        }
        CertificateError::NotValidForName => {
            "certificate not trusted: it is for another name (--insecure trusts any)".into()
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            format!("certificate not trusted: it is for {} (--insecure trusts any)", presented.join(", ")).into()
        }
        other => format!("certificate not trusted: {other} (--insecure trusts any)").into(),
    }
}

/// What came instead of an answer of HTTP.
pub(super) fn of_garbage(bytes: &[u8]) -> Cow<'static, str> {
    // A record of TLS, of any version since SSL 3: an alert, or the server's own beginning (RFC 8446, 5.1).
    if matches!(bytes, [20..=23, 3, 0..=4, ..]) {
        return "it answers in TLS; try https://".into();
    }
    let text: String = String::from_utf8_lossy(bytes).chars().take(EXCERPT_CHARS_MAX).collect();
    format!("what came is not HTTP: {}", text.escape_debug()).into()
}

/// What is said of a request whose time is over.
pub(super) fn no_answer_within(timeout: Duration) -> String {
    format!("no complete answer within {timeout:?}")
}
