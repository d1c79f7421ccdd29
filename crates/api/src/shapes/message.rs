//! Messages, as the window shows them.

use super::{
    names::{DeliveryName, DirectionName, SegmentName, SideName, TypeName},
    people::{AddressView, AuthorView, addresses},
    time::Time,
};
use crate::links::Links;
use postroom_domain::{
    delivery::RecipientState,
    ids::{AttachmentId, ConversationId, MessageId, ThreadId},
    message::Direction,
    reply::Segment,
};
use postroom_store::{AttachmentInfo, Delivery, Message};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A part of a message; joined, the parts are the whole.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Segment)]
pub struct SegmentView {
    /// What it is.
    pub kind: SegmentName,
    /// Its plain text.
    pub text: String,
    /// Its sanitised HTML; null where the message has none.
    pub html: Option<String>,
}

/// A file that came with a message.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Attachment)]
pub struct AttachmentView {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: AttachmentId,
    /// Its name; null where it has none.
    #[schema(example = "invoice.pdf")]
    pub filename: Option<String>,
    /// Its media type, as its sender says.
    #[schema(example = "application/pdf")]
    pub content_type: String,
    /// Its size in bytes.
    #[schema(minimum = 0, example = 48213)]
    pub size: i64,
    /// A picture inside of the message's HTML.
    pub inline: bool,
    /// By which name the HTML shows it; only where there are no links yet, which take its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub content_id: Option<String>,
    /// Where it can be loaded for an hour or two, without a header.
    pub url: String,
}

/// How one recipient's copy fares.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = RecipientDelivery)]
pub struct RecipientDeliveryView {
    /// The address.
    #[schema(example = "bob@customer.example")]
    pub address: String,
    /// How it stands.
    #[schema(value_type = DeliveryName)]
    pub state: String,
    /// What went wrong, in words, with the server's own behind it; null where nothing did.
    pub error: Option<String>,
}

/// How a mail that we send fares.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryView {
    /// How it stands, all recipients taken together.
    #[schema(value_type = DeliveryName)]
    pub state: String,
    /// How often it was tried since it was accepted, or last sent again.
    #[schema(minimum = 0)]
    pub attempts: i32,
    /// When it is tried next; null where it is not.
    pub next_attempt_at: Option<Time>,
    /// Until when it can be taken back; null where it can't.
    pub can_cancel_until: Option<Time>,
    /// What is wrong; null where nothing is.
    pub error: Option<String>,
    /// Each recipient.
    pub recipients: Vec<RecipientDeliveryView>,
    /// Those whose copy came back.
    pub bounces: Vec<RecipientDeliveryView>,
}

/// Why a message stands in its thread (MAIL-11).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Threading)]
pub struct ThreadingView {
    /// The rule: `reference`, `conversation_token`, `subject_and_party`, `new_thread` or `late_parent`.
    #[schema(example = "reference")]
    pub rule: String,
    /// The Message-ID that matched; null where none did.
    pub matched: Option<String>,
    /// The sender had taken part before, or was addressed: warn where this is false.
    pub sender_known: bool,
    /// The sender is proven to be who they say: warn where this is false.
    pub sender_verified: bool,
}

/// A message.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Message)]
pub struct MessageView {
    /// Its id.
    #[schema(value_type = Uuid)]
    pub id: MessageId,
    /// The conversation; null while nobody has answered (CNV-1).
    #[schema(value_type = Option<Uuid>)]
    pub conversation_id: Option<ConversationId>,
    /// The thread.
    #[schema(value_type = Uuid)]
    pub thread_id: ThreadId,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: TypeName,
    /// Which way it went.
    pub direction: DirectionName,
    /// On which side it stands.
    pub side: SideName,
    /// Who wrote it.
    pub author: AuthorView,
    /// From, as it stands in the mail.
    pub from: AddressView,
    /// To.
    pub to: Vec<AddressView>,
    /// Cc.
    pub cc: Vec<AddressView>,
    /// Bcc, of outbound messages.
    pub bcc: Vec<AddressView>,
    /// Its subject.
    #[schema(example = "Re: Order 1234")]
    pub subject: String,
    /// The mail's own date; null where it has none.
    pub sent_at: Option<Time>,
    /// When it came in or was accepted: its place in the window.
    pub received_at: Time,
    /// Its parts.
    pub segments: Vec<SegmentView>,
    /// The whole as plain text.
    pub text: String,
    /// The whole as sanitised HTML; null where the mail has none.
    pub html: Option<String>,
    /// The start of its newly written part, at most 200 characters.
    pub preview: String,
    /// An automatic reply.
    pub automatic: bool,
    /// Its files.
    pub attachments: Vec<AttachmentView>,
    /// How it fares; null for inbound messages.
    pub delivery: Option<DeliveryView>,
    /// Why it stands here.
    pub threading: ThreadingView,
    /// What was unusual about it, for people.
    pub notices: Vec<String>,
    /// When it was stored.
    pub created_at: Time,
    /// When it was last changed, such as by its delivery.
    pub updated_at: Time,
    /// Counts changes.
    pub version: i64,
}

impl MessageView {
    /// The view of a message before its files and pictures have addresses: what its tag is taken over, and what may be
    /// kept.
    #[must_use]
    pub fn unsigned(message: Message) -> Self {
        Self {
            id: message.id,
            conversation_id: message.conversation_id,
            thread_id: message.thread_id,
            kind: TypeName::Email,
            direction: message.direction.into(),
            side: match message.direction {
                Direction::Outbound => SideName::Internal,
                Direction::Inbound => SideName::External,
            },
            author: message.author.into(),
            from: AddressView { name: message.from.0, address: message.from.1 },
            to: addresses(message.to),
            cc: addresses(message.cc),
            bcc: addresses(message.bcc),
            subject: message.subject,
            sent_at: message.sent_at.map(Time::from),
            received_at: message.received_at.into(),
            segments: message.segments.into_iter().map(SegmentView::from).collect(),
            text: message.text,
            html: message.html,
            preview: message.preview,
            automatic: message.automatic,
            attachments: message.attachments.into_iter().map(AttachmentView::from).collect(),
            delivery: message.delivery.map(DeliveryView::from),
            threading: ThreadingView {
                rule: message.threading.rule,
                matched: message.threading.matched,
                sender_known: message.threading.sender_known,
                sender_verified: message.threading.sender_verified,
            },
            notices: message.notices,
            created_at: message.created_at.into(),
            updated_at: message.updated_at.into(),
            version: message.version,
        }
    }

    /// The same with files and `cid:` pictures under the links' addresses. Rewriting long HTML takes a while: not for a
    /// worker's thread.
    #[must_use]
    pub fn signed(mut self, links: &Links) -> Self {
        let show = |html: String| shown(&html, &self.attachments, links);
        self.html = self.html.map(show);
        for segment in &mut self.segments {
            segment.html = segment.html.take().map(show);
        }
        for one in &mut self.attachments {
            one.url = links.attachment(one.id);
            one.content_id = None;
        }
        self
    }
}

/// HTML with its `cid:` pictures under the links' addresses.
#[must_use]
pub fn shown(html: &str, attachments: &[AttachmentView], links: &Links) -> String {
    postroom_mime::rewrite_cids(html, |content_id| {
        let found = attachments.iter().find(|one| one.content_id.as_deref() == Some(content_id));
        found.map(|one| links.attachment(one.id))
    })
}

impl From<Segment> for SegmentView {
    fn from(segment: Segment) -> Self {
        Self { kind: segment.kind.into(), text: segment.text, html: segment.html }
    }
}

impl From<AttachmentInfo> for AttachmentView {
    fn from(one: AttachmentInfo) -> Self {
        Self {
            id: one.id,
            filename: one.filename,
            content_type: one.content_type,
            size: one.size,
            inline: one.inline,
            content_id: one.content_id,
            url: String::new(),
        }
    }
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let recipients: Vec<RecipientDeliveryView> = delivery
            .recipients
            .into_iter()
            .map(|one| RecipientDeliveryView { address: one.address, state: one.state, error: one.error })
            .collect();
        let bounces =
            recipients.iter().filter(|one| one.state == RecipientState::Bounced.as_str()).cloned().collect();
        Self {
            state: delivery.state,
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at.map(Time::from),
            can_cancel_until: delivery.can_cancel_until.map(Time::from),
            error: delivery.error,
            recipients,
            bounces,
        }
    }
}
