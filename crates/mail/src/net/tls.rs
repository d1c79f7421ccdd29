//! The TLS configuration of all connections to mail servers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// TLS to mail servers cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// The CA file named in the configuration cannot be read.
    #[error("the CA file {path} could not be read: {reason}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        reason: String,
    },
    /// The CA file holds no certificate.
    #[error("the CA file {0} holds no certificate")]
    CaFileEmpty(PathBuf),
    /// There is no trusted authority at all, so that no server could ever be verified.
    #[error("this machine has no trusted certificate authorities; install ca-certificates or name a CA file")]
    NoAuthorities,
    /// The library refused the configuration.
    #[error("TLS could not be configured: {0}")]
    Library(#[from] rustls::Error),
}

/// Builds the configuration: the machine's trusted authorities, and those of one further PEM file for private mail
/// servers. TLS 1.2 and 1.3.
///
/// # Errors
/// When the file is unreadable or empty, or when no authority is there at all.
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TlsSetupError> {
    let mut roots = RootCertStore::empty();
    // Single broken certificates in the machine's store are none of our business.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        for certificate in read_pem(path)? {
            roots.add(certificate)?;
        }
    }
    if roots.is_empty() {
        return Err(TlsSetupError::NoAuthorities);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn read_pem(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsSetupError> {
    let unreadable = |error: rustls::pki_types::pem::Error| TlsSetupError::CaFile {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let certificates = CertificateDer::pem_file_iter(path)
        .map_err(unreadable)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    if certificates.is_empty() {
        return Err(TlsSetupError::CaFileEmpty(path.to_owned()));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_that_is_none_is_told_by_its_name() {
        let missing = client_config(Some(Path::new("/nowhere/ca.pem"))).unwrap_err();
        assert!(missing.to_string().contains("/nowhere/ca.pem"), "{missing}");
        let here = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        assert!(matches!(client_config(Some(here)), Err(TlsSetupError::CaFileEmpty(_))));
    }
}
