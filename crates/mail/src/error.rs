//! What can be wrong with a mail server, said in a fixed list of sentences.
//!
//! The sentences are shown in the API (`last_error` of a mailbox) and never quote the server: before TLS and a valid
//! greeting nobody knows who is talking, and afterwards nobody knows what the words contain (MAIL-14).

use std::io;

/// Why a mail server could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// The host name has no address.
    #[error("the server's name was not found")]
    NameNotFound,
    /// The host has only addresses that are neither public nor inside the allowed networks (MAIL-14).
    #[error("address not allowed")]
    AddressNotAllowed,
    /// The port is none of 143, 993, 25, 465, 587 and the address is outside the allowed networks (MAIL-14).
    #[error("port not allowed")]
    PortNotAllowed,
    /// `security: none` was asked for outside the allowed networks (MAIL-14).
    #[error("a connection without TLS is not allowed to this address")]
    PlainNotAllowed,
    /// No address of the host took the connection.
    #[error("unreachable")]
    Unreachable,
    /// The server took too long to connect, to read or to answer.
    #[error("timed out")]
    TimedOut,
    /// The server's certificate was refused.
    #[error("certificate not valid: {0}")]
    Certificate(CertificateFault),
    /// TLS failed for another reason than the certificate.
    #[error("TLS could not be negotiated")]
    Tls,
    /// `security: starttls` was asked for and the server does not offer it.
    #[error("the server does not offer STARTTLS")]
    NoStartTls,
    /// What answered does not speak the protocol that was expected.
    #[error("not a mail server of this kind")]
    Greeting,
    /// The server knows none of the ways to sign in that we can use.
    #[error("no way to sign in that the server and Postroom both know")]
    NoLoginMechanism,
    /// User name, password or token were refused.
    #[error("refused login")]
    LoginRefused,
    /// The mailbox's provider has ended the access that it had granted.
    #[error("needs sign-in again")]
    SignInNeeded,
    /// The mailbox's provider could not be asked for an access token, or can't answer now.
    #[error("the sign-in provider is not available at the moment")]
    ProviderUnavailable,
    /// The mailbox's provider does not know Postroom, or not as it is configured.
    #[error("the sign-in provider refuses Postroom's registration, which is for its operator to look at")]
    ProviderRefused,
    /// The mailbox signs in through a provider that is not configured any more.
    #[error("the sign-in provider is not configured any more")]
    ProviderNotConfigured,
    /// The server says that it cannot serve now.
    #[error("the server is not available at the moment")]
    Unavailable,
    /// The server says that the account has had enough for now (RFC 5530's `LIMIT`, `THROTTLED`, used-up bandwidth).
    #[error("the server limits how much may be read at the moment")]
    Throttled,
    /// The server refused a command that it should have taken.
    #[error("the server refused a command")]
    Refused,
    /// The folder does not exist or may not be opened.
    #[error("the folder could not be opened")]
    FolderRefused,
    /// The connection ended before the answer.
    #[error("connection lost")]
    ConnectionLost,
    /// The answer breaks the protocol, or one of the limits that we set on answers.
    #[error("the server's answer was not understood")]
    Protocol,
    /// A single message was longer than allowed, whatever size the server had announced.
    #[error("a message was longer than the server had said")]
    LiteralTooLarge,
}

/// What is wrong with a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// Its time has not come yet.
    #[error("not valid yet")]
    NotYetValid,
    /// It was issued for another host name.
    #[error("issued for another name")]
    OtherName,
    /// No trusted authority issued it.
    #[error("unknown issuer")]
    UnknownIssuer,
    /// Its issuer has revoked it.
    #[error("revoked")]
    Revoked,
    /// Anything else: bad encoding, bad signature, wrong purpose.
    #[error("not acceptable")]
    Other,
}

impl ServerError {
    /// Reads the reason out of an I/O error, also where rustls or the IMAP transport wrapped their own in it.
    pub(crate) fn from_io(error: &io::Error) -> Self {
        if let Some(inner) = error.get_ref() {
            if let Some(own) = inner.downcast_ref::<Self>() {
                return *own;
            }
            if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
                return Self::from_tls(tls);
            }
        }
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::TimedOut,
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable => Self::Unreachable,
            _ => Self::ConnectionLost,
        }
    }

    /// Reads the reason out of a TLS error.
    pub(crate) fn from_tls(error: &rustls::Error) -> Self {
        use rustls::CertificateError as C;
        let rustls::Error::InvalidCertificate(fault) = error else { return Self::Tls };
        Self::Certificate(match fault {
            C::Expired | C::ExpiredContext { .. } => CertificateFault::Expired,
            C::NotValidYet | C::NotValidYetContext { .. } => CertificateFault::NotYetValid,
            C::NotValidForName | C::NotValidForNameContext { .. } => CertificateFault::OtherName,
            C::UnknownIssuer => CertificateFault::UnknownIssuer,
            C::Revoked => CertificateFault::Revoked,
            _ => CertificateFault::Other,
        })
    }
}

impl From<ServerError> for io::Error {
    fn from(error: ServerError) -> Self {
        let kind = match error {
            ServerError::TimedOut => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}
