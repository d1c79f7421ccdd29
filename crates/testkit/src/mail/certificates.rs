//! A certificate authority made on the spot and a certificate of it for this machine's loopback names.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
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
            let (ca, server, key) = issue(|_| Ok(())).map_err(|error| Error::Failed {
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

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Its time is over.
    Expired,
    /// It is another host's.
    OtherName,
    /// Nobody issued it but itself.
    SelfSigned,
}

/// A server's certificate that is good but for one thing, in PEM.
#[derive(Debug, Clone)]
pub struct FlawedCertificate {
    /// Its authority, for clients to trust.
    pub ca: String,
    /// The server's certificate.
    pub server: String,
    /// Its key.
    pub key: String,
}

impl FlawedCertificate {
    /// One with this flaw, and an authority of its own.
    ///
    /// # Errors
    /// Where none can be made.
    pub fn with(flaw: Flaw) -> Result<Self> {
        let issued = issue(|server| {
            match flaw {
                Flaw::Expired => server.not_after = rcgen::date_time_ymd(2020, 1, 1),
                Flaw::OtherName => {
                    server.subject_alt_names = vec![SanType::DnsName("mail.elsewhere.test".try_into()?)];
                }
                Flaw::SelfSigned => {}
            }
            Ok(())
        });
        let failed = |error: rcgen::Error| Error::Failed {
            what: "making a certificate".into(),
            output: error.to_string(),
        };
        let (ca, mut server, mut key) = issued.map_err(failed)?;
        if flaw == Flaw::SelfSigned {
            let pair = KeyPair::generate().map_err(failed)?;
            server = server_parameters().and_then(|made| made.self_signed(&pair)).map_err(failed)?.pem();
            key = pair.serialize_pem();
        }
        Ok(Self { ca, server, key })
    }
}

fn server_parameters() -> std::result::Result<CertificateParams, rcgen::Error> {
    let mut server = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    // Some machines trust an authority named localhost, which did not sign this.
    server.distinguished_name.push(DnType::CommonName, "Postroom private test server");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    Ok(server)
}

/// An authority's certificate, a server's certificate (changed at will before it is signed) and the server's key.
fn issue(
    change: impl FnOnce(&mut CertificateParams) -> std::result::Result<(), rcgen::Error>,
) -> std::result::Result<(String, String, String), rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::<String>::new())?;
    authority.distinguished_name.push(DnType::CommonName, "Postroom private test authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;

    let mut server = server_parameters()?;
    change(&mut server)?;
    let server_key = KeyPair::generate()?;
    let signed = server.signed_by(&server_key, &Issuer::new(authority, authority_key))?;
    Ok((authority_certificate.pem(), signed.pem(), server_key.serialize_pem()))
}
