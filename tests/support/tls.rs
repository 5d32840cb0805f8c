//! Certificates made on the spot.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// A server's certificate and key, and the authority that vouches for it; all PEM.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) authority_pem: String,
    pub(crate) chain_pem: String,
    pub(crate) key_pem: String,
    /// DER, as rustls takes them.
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

impl Identity {
    /// A server of these names or addresses that vouches for itself.
    pub(crate) fn self_signed(names: &[&str]) -> Self {
        let make = || -> Result<Identity, rcgen::Error> {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let mut parameters = CertificateParams::new(names)?;
            parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate()?;
            let certificate = parameters.self_signed(&key)?;
            Ok(Identity {
                authority_pem: certificate.pem(),
                chain_pem: certificate.pem(),
                key_pem: key.serialize_pem(),
                certificate: certificate.der().to_vec(),
                key: key.serialize_der(),
            })
        };
        make().expect("certificates can be made")
    }

    /// A server of these names or addresses.
    pub(crate) fn of(names: &[&str]) -> Self {
        let make = || -> Result<Identity, rcgen::Error> {
            let mut authority = CertificateParams::new(Vec::new())?;
            authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let authority_key = KeyPair::generate()?;
            let authority_pem = authority.self_signed(&authority_key)?.pem();
            let issuer = Issuer::new(authority, authority_key);
            let key = KeyPair::generate()?;
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
            Ok(Identity {
                authority_pem,
                chain_pem: certificate.pem(),
                key_pem: key.serialize_pem(),
                certificate: certificate.der().to_vec(),
                key: key.serialize_der(),
            })
        };
        make().expect("certificates can be made")
    }
}
