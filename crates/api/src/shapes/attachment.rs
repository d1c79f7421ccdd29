//! Files, as they are uploaded and looked up.

use super::time::Time;
use crate::links::Links;
use postroom_domain::ids::{AttachmentId, MessageId};
use postroom_store::AttachmentDetail;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A file to upload.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its documentation is used; the body is read piece by piece")]
pub struct UploadRequest {
    /// The file, at most 25 MiB, with `filename` and `Content-Type`.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// The bytes of a file.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only its documentation is used; the bytes are sent piece by piece")]
pub struct FileContent(Vec<u8>);

/// A file: of a message, or uploaded for one.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = AttachmentDetail)]
pub struct AttachmentDetailView {
    /// Its id, for `attachment_ids`, and for `<img src="cid:…">` in the `html` of what is written.
    #[schema(value_type = Uuid)]
    pub id: AttachmentId,
    /// Its name, without directories and characters that are not seen; null where it has none.
    #[schema(example = "invoice.pdf")]
    pub filename: Option<String>,
    /// Its media type: as its sender says, where its first bytes don't belie it.
    #[schema(example = "application/pdf")]
    pub content_type: String,
    /// Its size in bytes.
    #[schema(minimum = 0, example = 48213)]
    pub size: i64,
    /// A picture inside of its message's HTML.
    pub inline: bool,
    /// The message that it belongs to; null while it is not used.
    #[schema(value_type = Option<Uuid>)]
    pub message_id: Option<MessageId>,
    /// Where it can be loaded for an hour or two, without a header.
    pub url: String,
    /// When it is removed unless a message takes it; null once one has.
    pub expires_at: Option<Time>,
    /// When it was uploaded, or came in.
    pub created_at: Time,
    /// When it was last changed: a file never is.
    pub updated_at: Time,
    /// Counts changes: 1.
    pub version: i64,
}

impl AttachmentDetailView {
    /// Of the file alone, before it has an address.
    #[must_use]
    pub fn unsigned(detail: AttachmentDetail) -> Self {
        let AttachmentDetail { info, message_id, created_at, expires_at } = detail;
        Self {
            id: info.id,
            filename: info.filename,
            content_type: info.content_type,
            size: info.size,
            inline: info.inline,
            message_id,
            url: String::new(),
            expires_at: expires_at.map(Time::from),
            created_at: created_at.into(),
            updated_at: created_at.into(),
            version: 1,
        }
    }

    /// With its address.
    #[must_use]
    pub fn signed(self, links: &Links) -> Self {
        Self { url: links.attachment(self.id), ..self }
    }
}
