//! The server's end of a connection, in plain text or under TLS.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    path::Path,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// A client that says nothing for so long has gone.
const PATIENCE: Duration = Duration::from_secs(120);
/// No line of a client's is longer.
const LONGEST_LINE: usize = 64 * 1024;

pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
    /// Between the two.
    Gone,
}

impl Wire {
    pub(super) fn new(socket: TcpStream) -> Self {
        let _ = socket.set_read_timeout(Some(PATIENCE));
        let _ = socket.set_nodelay(true);
        Self::Plain(socket)
    }

    fn stream(&mut self) -> io::Result<&mut dyn Stream> {
        match self {
            Self::Plain(socket) => Ok(socket),
            Self::Tls(stream) => Ok(stream.as_mut()),
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    pub(super) fn is_secured(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    pub(super) fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream()?;
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// The next line with its end; nothing once the client has gone. Byte by byte, so that a handshake finds all of
    /// what belongs to it.
    pub(super) fn hear(&mut self) -> io::Result<Vec<u8>> {
        let stream = self.stream()?;
        let mut line = Vec::new();
        let mut byte = [0];
        while line.len() < LONGEST_LINE && stream.read(&mut byte)? == 1 {
            line.push(byte[0]);
            if byte[0] == b'\n' {
                break;
            }
        }
        Ok(line)
    }

    /// Waits until the client hangs up.
    pub(super) fn wait_for_end(&mut self) -> io::Result<()> {
        while !self.hear()?.is_empty() {}
        Ok(())
    }

    /// Takes the client's handshake.
    pub(super) fn secure(&mut self, certificate: &Path, key: &Path) -> io::Result<()> {
        let Self::Plain(socket) = std::mem::replace(self, Self::Gone) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let certificates = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(io::Error::other)?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(io::Error::other)?;
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
                .map_err(io::Error::other)?;
        let session = ServerConnection::new(Arc::new(config)).map_err(io::Error::other)?;
        *self = Self::Tls(Box::new(StreamOwned::new(session, socket)));
        Ok(())
    }
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}
