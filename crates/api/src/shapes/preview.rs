//! What a draft would become.

use super::{
    message::{AttachmentView, SegmentView, shown},
    people::{AddressView, addresses},
};
use crate::links::Links;
use postroom_domain::warnings::{Warning, WarningKind};
use postroom_store::MailPreview;
use serde::Serialize;
use utoipa::ToSchema;

/// What a warning is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WarningCode)]
pub enum WarningName {
    /// These people have never been part of the conversation.
    NewRecipient,
    /// These belong to another company than the customer, by their domain.
    OtherCompany,
    /// Nobody reads what is sent to these.
    NoReplyAddress,
    /// The newly written text speaks of an attachment, in any of some twenty languages, and there is none.
    MissingAttachment,
    /// More than 20 people would get it.
    ManyRecipients,
    /// It has no subject beside `Re:`.
    EmptySubject,
    /// A newer message than `last_seen_message_id` has come: sending would be refused without `force`.
    ConversationMovedOn,
    /// More than 50 others take part, so that none of them is in copy by default.
    CopiesLeftOut,
    /// The last message asks for answers at this address, in another domain than it came from: never a default.
    ReplyToElsewhere,
}

/// Something to look at before sending. Nothing is forbidden by it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Warning)]
pub struct WarningView {
    /// What it is about.
    pub code: WarningName,
    /// The same for people.
    #[schema(example = "They have never been part of this conversation.")]
    pub detail: &'static str,
    /// Whom it is about; empty where it is about the mail as a whole.
    #[schema(example = json!(["eve@rival.example"]))]
    pub addresses: Vec<String>,
}

/// A mail as it would leave.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MailPreview)]
pub struct PreviewView {
    /// From.
    pub from: AddressView,
    /// To, each address once in all.
    pub to: Vec<AddressView>,
    /// Cc.
    pub cc: Vec<AddressView>,
    /// Bcc: nobody else would see them.
    pub bcc: Vec<AddressView>,
    /// Its subject.
    #[schema(example = "Re: Order 1234")]
    pub subject: String,
    /// The whole as plain text: what was written, the signature, the quoted message.
    pub text: String,
    /// The whole as sanitised HTML, with the pictures' addresses.
    pub html: String,
    /// Its parts.
    pub segments: Vec<SegmentView>,
    /// The files that would go with it.
    pub attachments: Vec<AttachmentView>,
    /// What to look at before sending.
    pub warnings: Vec<WarningView>,
}

impl PreviewView {
    /// The view, with the addresses of pictures and files.
    #[must_use]
    pub fn signed(preview: MailPreview, links: &Links) -> Self {
        let mut attachments: Vec<AttachmentView> =
            preview.files.into_iter().map(AttachmentView::from).collect();
        let show = |html: String| shown(&html, &attachments, links);
        let html = show(preview.body.whole.html);
        let mut segments: Vec<SegmentView> =
            preview.body.segments.into_iter().map(SegmentView::from).collect();
        for segment in &mut segments {
            segment.html = segment.html.take().map(show);
        }
        for one in &mut attachments {
            one.url = links.attachment(one.id);
            one.content_id = None;
        }
        Self {
            from: preview.from.into(),
            to: addresses(preview.recipients.to),
            cc: addresses(preview.recipients.cc),
            bcc: addresses(preview.recipients.bcc),
            subject: preview.subject,
            text: preview.body.whole.text,
            html,
            segments,
            attachments,
            warnings: preview.warnings.into_iter().map(WarningView::from).collect(),
        }
    }
}

impl From<Warning> for WarningView {
    fn from(warning: Warning) -> Self {
        Self {
            code: warning.kind.into(),
            detail: warning.kind.sentence(),
            addresses: warning.addresses.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<WarningKind> for WarningName {
    fn from(kind: WarningKind) -> Self {
        match kind {
            WarningKind::NewRecipient => Self::NewRecipient,
            WarningKind::OtherCompany => Self::OtherCompany,
            WarningKind::NoReplyAddress => Self::NoReplyAddress,
            WarningKind::MissingAttachment => Self::MissingAttachment,
            WarningKind::ManyRecipients => Self::ManyRecipients,
            WarningKind::EmptySubject => Self::EmptySubject,
            WarningKind::MovedOn => Self::ConversationMovedOn,
            WarningKind::CopiesLeftOut => Self::CopiesLeftOut,
            WarningKind::ReplyToElsewhere => Self::ReplyToElsewhere,
        }
    }
}
