//! Server-Sent Events: what one who follows is written.
//!
//! Between the one who writes and the socket there is a small queue. Who doesn't read fills it; where it stays full for
//! too long, the stream ends, and its reader resumes where it was.

use crate::{
    links::Links,
    shapes::{event::EventView, following::StreamEndView, presence::PresenceView},
};
use actix_web::{
    HttpResponse,
    http::header::{self, ContentEncoding, HeaderName},
    rt,
};
use bytes::Bytes;
use chrono::Utc;
use futures_util::stream;
use postroom_store::{EndReason, Follower, Live, LiveSettings, Next};
use serde::Serialize;
use serde_json::json;
use std::{convert::Infallible, pin::pin, time::Duration};
use tokio::{sync::mpsc, time::MissedTickBehavior};

/// So many messages wait for a socket.
const QUEUE: usize = 32;
/// After a lost connection, browsers try again so soon, in milliseconds.
const RETRY: u32 = 2_000;
/// Proxies in front must not gather what is written.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How the stream is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveTimes {
    /// How often a quiet stream says that it lives.
    pub heartbeat: Duration,
    /// A reader that takes nothing for so long is cut off.
    pub stall: Duration,
    /// How the log is followed.
    pub follow: LiveSettings,
}

impl Default for LiveTimes {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            stall: Duration::from_secs(30),
            follow: LiveSettings::default(),
        }
    }
}

/// What a stream is made of.
pub struct Feed {
    /// Who follows.
    pub follower: Follower,
    /// Says when the server stops.
    pub live: Live,
    /// How the stream is kept.
    pub times: LiveTimes,
    /// Makes the addresses of pictures.
    pub links: Links,
}

/// The answer that streams; without a feed its head alone.
#[must_use]
pub fn answer(feed: Option<Feed>) -> HttpResponse {
    let mut builder = HttpResponse::Ok();
    builder
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store, no-transform"))
        .insert_header((BUFFERING, "no"))
        // Says to the layer that compresses that there is nothing to do; the outermost layer takes it away.
        .insert_header(ContentEncoding::Identity);
    let Some(feed) = feed else {
        return builder.finish();
    };
    let (sender, receiver) = mpsc::channel(QUEUE);
    rt::spawn(feed.write(sender));
    let body = stream::unfold(receiver, |mut receiver| async {
        let chunk: Bytes = receiver.recv().await?;
        Some((Ok::<_, Infallible>(chunk), receiver))
    });
    builder.streaming(body)
}

/// The stream can't go on: its reader has gone, or reads nothing.
struct Cut;

impl Feed {
    /// Writes until the reader goes, or may go on no longer, or the server stops.
    async fn write(mut self, sender: mpsc::Sender<Bytes>) {
        let out = Out { sender, patience: self.times.stall };
        if let Ok(reason) = self.follow(&out).await {
            // Where even this doesn't go out, the connection's end says enough.
            let _ = out.send(message("end", None, &StreamEndView::from(reason))).await;
        }
    }

    async fn follow(&mut self, out: &Out) -> Result<EndReason, Cut> {
        let mut heartbeat = tokio::time::interval(self.times.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first beat comes at once: a reader who follows from now on learns where that is.
        out.send(Bytes::from(format!("retry: {RETRY}\n\n"))).await?;
        loop {
            let position = self.follower.position();
            let mut next = pin!(self.follower.next());
            let next = loop {
                tokio::select! {
                    biased;
                    () = self.live.stopped() => return Ok(EndReason::Stopping),
                    () = out.sender.closed() => return Err(Cut),
                    next = &mut next => break next,
                    _ = heartbeat.tick() => out.send(message("heartbeat", Some(position), &json!({}))).await?,
                }
            };
            match next {
                Next::End(reason) => return Ok(reason),
                Next::News { events, presences, .. } => {
                    let links = self.links.as_of(Utc::now());
                    for event in events.into_iter().map(EventView::from) {
                        let data = links.sign(&text(&event));
                        out.send(framed(event.name(), Some(event.number()), &data)).await?;
                    }
                    for presence in presences.into_iter().map(PresenceView::from) {
                        out.send(framed("presence", None, &links.sign(&text(&presence)))).await?;
                    }
                }
            }
        }
    }
}

/// The way to the socket.
struct Out {
    sender: mpsc::Sender<Bytes>,
    patience: Duration,
}

impl Out {
    async fn send(&self, chunk: Bytes) -> Result<(), Cut> {
        match tokio::time::timeout(self.patience, self.sender.send(chunk)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Cut),
        }
    }
}

/// One message. JSON as we write it has no line breaks, which would end a `data:` line.
fn message<T: Serialize>(event: &str, id: Option<i64>, data: &T) -> Bytes {
    framed(event, id, &text(data))
}

fn text<T: Serialize>(data: &T) -> String {
    // A view is plain data: writing it can't fail.
    serde_json::to_string(data).unwrap_or_default()
}

fn framed(event: &str, id: Option<i64>, data: &str) -> Bytes {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    Bytes::from(format!("{id}event: {event}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_data_line_whatever_is_in_it() {
        let text = "line\r\nbreak\nid: 7\n\nevent: end\u{2028}";
        let written = message("presence", None, &json!({ "text": text }));
        let written = std::str::from_utf8(&written).unwrap();
        assert_eq!(written.lines().count(), 3, "{written}");
        assert!(written.starts_with("event: presence\ndata: {") && written.ends_with("}\n\n"));
        let beat = message("heartbeat", Some(17), &json!({}));
        assert_eq!(beat, "id: 17\nevent: heartbeat\ndata: {}\n\n");
    }
}
