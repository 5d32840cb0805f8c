//! TLS as the user chose it: the system's trust or an own authority, a client certificate, or no checks at all.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// How servers are trusted and how we show who we are. All PEM, as read from files.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// Certificates of the authorities to trust instead of the system's.
    pub authorities: Option<Vec<u8>>,
    /// Our own certificate chain and its private key.
    pub identity: Option<Identity>,
    /// Trust any certificate under any name. Only for tests against servers of one's own.
    pub insecure: bool,
}

/// A client certificate with its key, PEM.
#[derive(Clone)]
pub struct Identity {
    /// The chain, our own certificate first.
    pub chain: Vec<u8>,
    /// Its private key.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(…)")
    }
}

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file does not hold what it should.
    #[error("{what} is no usable PEM: {reason}")]
    Pem {
        /// Which file.
        what: &'static str,
        /// The parser's word.
        reason: String,
    },
    /// The parts do not fit together.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

impl TlsSettings {
    /// The configuration that reqwest is given.
    ///
    /// # Errors
    /// When a PEM file holds no certificate or key, or they do not fit together.
    pub fn build(&self) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let config = if self.insecure {
            config.dangerous().with_custom_certificate_verifier(Arc::new(TrustAll(provider)))
        } else {
            match &self.authorities {
                Some(pem) => {
                    config.dangerous().with_custom_certificate_verifier(Arc::new(Named::new(pem, provider)?))
                }
                None => config.with_root_certificates(system_roots()),
            }
        };
        let Some(identity) = &self.identity else { return Ok(config.with_no_client_auth()) };
        let chain = certificates("the client certificate", &identity.chain)?;
        let key = PrivateKeyDer::from_pem_slice(&identity.key)
            .map_err(|e| TlsError::Pem { what: "the client key", reason: e.to_string() })?;
        Ok(config.with_client_auth_cert(chain, key)?)
    }
}

/// The system's authorities. One that cannot be read is no reason to trust none.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(TlsError::Pem { what, reason: "no certificate in it".to_owned() }),
        Err(e) => Err(TlsError::Pem { what, reason: e.to_string() }),
    }
}

/// Trusts whom the certificates that the user named vouch for, and these certificates themselves.
///
/// webpki takes no certificate of an authority for a server's own. A server's self-signed certificate mostly is both
/// (`openssl req -x509` makes it so), and whoever names it means that very server.
#[derive(Debug)]
struct Named {
    authorities: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl Named {
    fn new(pem: &[u8], provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let named = certificates("the certificate authority", pem)?;
        let mut roots = RootCertStore::empty();
        for certificate in &named {
            roots.add(certificate.clone())?;
        }
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|e| TlsError::Pem { what: "the certificate authority", reason: e.to_string() })?;
        Ok(Named { authorities, named })
    }
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{Other, UnknownIssuer};
        match self.authorities.verify_server_cert(own, others, name, stapled, now) {
            // Its dates were looked at before what it may be used for; the name is still to be.
            Err(rustls::Error::InvalidCertificate(Other(_) | UnknownIssuer)) if self.named.contains(own) => {
                verify_server_name(&ParsedCertificate::try_from(own)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.authorities.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.authorities.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Trusts any certificate, but still checks that the server holds its key.
#[derive(Debug)]
struct TrustAll(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
