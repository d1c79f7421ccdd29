//! One request to a token endpoint.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use url::Url;

use crate::ServerError;
use crate::net::{Endpoint, Network, Security, handshake_fault, server_name};

/// All of it must be done within this time.
pub(super) const WITHIN: Duration = Duration::from_secs(20);
/// Bytes of an answer. Tokens have a few thousand.
const LONGEST_ANSWER: usize = 256 * 1024;

/// Posts a form, and gives the answer's status and body. Redirects are not followed.
pub(super) async fn post(
    network: &Network,
    url: &Url,
    form: &[(&str, &str)],
) -> Result<(u16, Bytes), ServerError> {
    tokio::time::timeout(WITHIN, post_unhurried(network, url, form))
        .await
        .unwrap_or(Err(ServerError::TimedOut))
}

async fn post_unhurried(
    network: &Network,
    url: &Url,
    form: &[(&str, &str)],
) -> Result<(u16, Bytes), ServerError> {
    let security = if url.scheme() == "https" { Security::Tls } else { Security::None };
    let host = url.host_str().ok_or(ServerError::NameNotFound)?.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().ok_or(ServerError::NameNotFound)?;
    let socket = network.dial_async(&Endpoint { host: host.clone(), port, security }).await?;
    let request = request(url, form)?;
    if security == Security::None {
        return exchange(socket, request).await;
    }
    let connecting = TlsConnector::from(network.tls()).connect(server_name(&host)?, socket);
    exchange(connecting.await.map_err(|error| handshake_fault(&error))?, request).await
}

fn request(url: &Url, form: &[(&str, &str)]) -> Result<Request<Full<Bytes>>, ServerError> {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    Request::builder()
        .method(Method::POST)
        .uri(target)
        .header(HOST, format!("{}{port}", url.host_str().unwrap_or_default()))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, "Postroom")
        .body(Full::new(body.into()))
        .map_err(|_| ServerError::Protocol)
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<(u16, Bytes), ServerError> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|_| ServerError::ConnectionLost)?;
    let asking = async move {
        let answer = sender.send_request(request).await.map_err(|error| lost(&error))?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER).collect().await;
        Ok((status, body.map_err(|_| ServerError::Protocol)?.to_bytes()))
    };
    tokio::pin!(asking);
    tokio::select! {
        answer = &mut asking => answer,
        // The connection's end may come before the answer has been read to its own.
        _ = connection => asking.await,
    }
}

fn lost(error: &hyper::Error) -> ServerError {
    if error.is_parse() { ServerError::Protocol } else { ServerError::ConnectionLost }
}
