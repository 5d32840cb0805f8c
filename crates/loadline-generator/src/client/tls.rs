//! TLS as the user chose it: the system's trust or an own authority, a client certificate, or no checks at all.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

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
            config.with_root_certificates(self.roots()?)
        };
        let Some(identity) = &self.identity else { return Ok(config.with_no_client_auth()) };
        let chain = certificates("the client certificate", &identity.chain)?;
        let key = PrivateKeyDer::from_pem_slice(&identity.key)
            .map_err(|e| TlsError::Pem { what: "the client key", reason: e.to_string() })?;
        Ok(config.with_client_auth_cert(chain, key)?)
    }

    fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        match &self.authorities {
            Some(pem) => {
                for certificate in certificates("the certificate authority", pem)? {
                    roots.add(certificate)?;
                }
            }
            // A certificate of the system that cannot be read is no reason to trust none.
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        Ok(roots)
    }
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(TlsError::Pem { what, reason: "no certificate in it".to_owned() }),
        Err(e) => Err(TlsError::Pem { what, reason: e.to_string() }),
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
