//! A certificate authority made on the spot and a certificate of it for this machine's loopback names.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::{
    error::{Error, Result},
    process::{ServiceUser, write_file},
};

/// The files that servers and clients are given, in PEM.
#[derive(Debug, Clone)]
pub(crate) struct Certificates {
    /// The authority, for clients to trust (`POSTROOM_MAIL_CA_FILE`).
    pub(crate) ca: PathBuf,
    /// The servers' certificate, for `localhost` and 127.0.0.1.
    pub(crate) server: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
}

impl Certificates {
    /// Those in `dir`, made where there are none. The authority's own key is never stored.
    pub(crate) fn in_directory(dir: &Path, user: &ServiceUser) -> Result<Self> {
        let files =
            Self { ca: dir.join("ca.pem"), server: dir.join("server.pem"), key: dir.join("server.key") };
        if !files.key.exists() {
            let (ca, server, key) = issue().map_err(|error| Error::Failed {
                what: "making certificates".into(),
                output: error.to_string(),
            })?;
            write_file(&files.ca, ca.as_bytes(), Some(user))?;
            write_file(&files.server, server.as_bytes(), Some(user))?;
            // Last: its presence means that all three are there.
            write_file(&files.key, key.as_bytes(), Some(user))?;
        }
        Ok(files)
    }
}

/// An authority's certificate, a server's certificate and the server's key.
fn issue() -> std::result::Result<(String, String, String), rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::<String>::new())?;
    authority.distinguished_name.push(DnType::CommonName, "Postroom private test authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;

    let mut server = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    server.distinguished_name.push(DnType::CommonName, "localhost");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let server_key = KeyPair::generate()?;
    let signed = server.signed_by(&server_key, &Issuer::new(authority, authority_key))?;
    Ok((authority_certificate.pem(), signed.pem(), server_key.serialize_pem()))
}
