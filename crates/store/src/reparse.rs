//! What is derived from kept mails, made again by the parser of today (`postroom mail reparse`). Who wrote a message, where
//! it belongs and when it came were decided once, and stay.

use crate::{
    BlobHash, Store,
    aggregate::{self, Locked},
    delivery_jobs::hash,
    error::StoreError,
    events::{self, EventKind, NewEvent},
    message_rows::{self, clean},
    schema::{attachments, intake, message_bodies, message_recipients, messages},
    threads,
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::{
    dsl::{exists, not},
    pg::Pg,
    prelude::*,
};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    ids::{MailboxId, MessageId, ThreadId, WorkspaceId},
    incoming::{IncomingAttachment, IncomingMail, IntakeReason},
    message::RfcMessageId,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Which messages.
#[derive(Clone, Copy, Debug)]
pub struct ReparseScope {
    /// Of this workspace.
    pub workspace_id: WorkspaceId,
    /// Only those that were first read from this mailbox.
    pub mailbox: Option<MailboxId>,
    /// Only this one.
    pub message: Option<MessageId>,
}

/// A message whose mail is kept.
#[derive(Clone, Copy, Debug)]
pub struct KeptMail {
    /// The message.
    pub id: MessageId,
    /// Its mail: for [`Store::get_raw_mail`].
    pub raw: BlobHash,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// Brought by a backfill or an import.
    pub imported: bool,
}

/// What would change, or has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// The text, in any of its forms.
    pub text: bool,
    /// Subject, names, recipients, dates, the ids that it names, notices.
    pub header: bool,
    /// Its files: another name, type or content.
    pub files: bool,
    /// Whether a program wrote it.
    pub automatic: bool,
    /// What it is recognised by when it is read again (MAIL-3). Nobody sees it.
    pub digest: bool,
}

impl Differences {
    /// Whether anybody sees them.
    #[must_use]
    pub fn are_seen(self) -> bool {
        self.text || self.header || self.files || self.automatic
    }

    /// Whether there are any.
    #[must_use]
    pub fn are_some(self) -> bool {
        self.are_seen() || self.digest
    }
}

impl Store {
    /// The next messages whose mails are kept whole, in the order of their ids. What Postroom itself wrote is not among
    /// them: it was never parsed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn kept_mails(
        &self,
        scope: &ReparseScope,
        after: Option<MessageId>,
        limit: u16,
    ) -> Result<Vec<KeptMail>, StoreError> {
        let workspace = scope.workspace_id;
        let tx = self.begin_read(workspace).await?;
        let header_alone = intake::table
            .filter(intake::workspace_id.eq(messages::workspace_id))
            .filter(intake::message_id.eq(messages::id.nullable()))
            .filter(intake::reason.eq(IntakeReason::TooLarge.as_str()));
        let mut kept = messages::table
            .filter(messages::workspace_id.eq(workspace.0))
            .filter(not(messages::issued))
            .filter(not(exists(header_alone)))
            .order(messages::id)
            .limit(i64::from(limit))
            .select((
                messages::id,
                messages::raw_sha256.assume_not_null(),
                messages::received_at,
                messages::imported,
            ))
            .into_boxed::<Pg>()
            .filter(messages::raw_sha256.is_not_null());
        if let Some(after) = after {
            kept = kept.filter(messages::id.gt(after.0));
        }
        if let Some(mailbox) = scope.mailbox {
            kept = kept.filter(messages::mailbox_id.eq(mailbox.0));
        }
        if let Some(message) = scope.message {
            kept = kept.filter(messages::id.eq(message.0));
        }
        let rows: Vec<(Uuid, Vec<u8>, DateTime<Utc>, bool)> = kept.load(&mut tx.conn()).await?;
        tx.commit().await?;
        rows.into_iter()
            .map(|(id, raw, received_at, imported)| {
                Ok(KeptMail { id: id.into(), raw: hash(raw)?, received_at, imported })
            })
            .collect()
    }

    /// What a message's mail, as it is understood now, says otherwise than the message.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the message is gone.
    pub async fn differences(
        &self,
        workspace: WorkspaceId,
        id: MessageId,
        mail: &IncomingMail,
    ) -> Result<Differences, StoreError> {
        let tx = self.begin_read(workspace).await?;
        let found = Derived::load(&tx, workspace, id).await?.differences(&Derived::of(mail));
        tx.commit().await?;
        Ok(found)
    }

    /// Brings a message up to what its mail is understood as now, whose files are in the blob store. Readers are told where
    /// they see it; nothing becomes unread, open or newer by it. Files whose content stays keep their ids, and so their
    /// links.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the message is gone.
    pub async fn reparse(
        &self,
        workspace: WorkspaceId,
        id: MessageId,
        mail: &IncomingMail,
    ) -> Result<Differences, StoreError> {
        self.write(workspace, async |tx| {
            let thread = lock_thread_of(tx, workspace, id).await?;
            let conversation = aggregate::lock_of_thread(tx, workspace, thread).await?;
            let (old, new) = (Derived::load(tx, workspace, id).await?, Derived::of(mail));
            let found = old.differences(&new);
            if found.digest {
                recognise_by(tx, workspace, id, &new.digest).await?;
            }
            if found.are_seen() {
                new.write(tx, workspace, id).await?;
                if found.header {
                    rewrite_recipients(tx, workspace, id, mail).await?;
                }
                if found.files {
                    rewrite_files(tx, workspace, id, old.files.clone(), mail).await?;
                }
                tell(tx, workspace, id, conversation.as_ref(), old.card() != new.card()).await?;
            }
            Ok(found)
        })
        .await
    }
}

/// Locks the message's thread, which may be joined with another one meanwhile.
async fn lock_thread_of(tx: &Tx, workspace: WorkspaceId, id: MessageId) -> Result<ThreadId, StoreError> {
    let this = messages::table.find((workspace.0, id.0)).select(messages::thread_id);
    let mut thread: Uuid = this.first(&mut tx.conn()).await?;
    loop {
        threads::lock(tx, workspace, ThreadId(thread)).await?;
        let now: Uuid = this.for_no_key_update().first(&mut tx.conn()).await?;
        if now == thread {
            return Ok(ThreadId(thread));
        }
        thread = now;
    }
}

/// The card shows what changed, and readers hear of it.
async fn tell(
    tx: &Tx,
    workspace: WorkspaceId,
    id: MessageId,
    conversation: Option<&Locked>,
    on_card: bool,
) -> Result<(), StoreError> {
    let changed = NewEvent::of(EventKind::MessageUpdated, None, id);
    let Some(locked) = conversation else {
        return events::append(tx, workspace, &[changed]).await;
    };
    let owners = (locked.state.owner, locked.state.owner);
    let mut news = vec![NewEvent { conversation: Some(locked.id), owners: Some(owners), ..changed }];
    if on_card {
        aggregate::show_all(tx, workspace, locked).await?;
        news.push(NewEvent::of_conversation(EventKind::ConversationUpdated, None, locked.id, owners));
    }
    events::append(tx, workspace, &news).await
}

/// Gives a message another digest. Where another message has it by now it stays as it was: the two are the same mail, and
/// each is seen already.
async fn recognise_by(
    tx: &Tx,
    workspace: WorkspaceId,
    id: MessageId,
    digest: &[u8],
) -> Result<(), StoreError> {
    let this = messages::table.find((workspace.0, id.0));
    let rfc_message_id: String = this.select(messages::rfc_message_id).first(&mut tx.conn()).await?;
    let taken = messages::table
        .filter(messages::workspace_id.eq(workspace.0))
        .filter(messages::rfc_message_id.eq(rfc_message_id))
        .filter(messages::content_digest.eq(digest));
    if !diesel::select(exists(taken)).get_result::<bool>(&mut tx.conn()).await? {
        diesel::update(this).set(messages::content_digest.eq(digest)).execute(&mut tx.conn()).await?;
    }
    Ok(())
}

async fn rewrite_recipients(
    tx: &Tx,
    workspace: WorkspaceId,
    id: MessageId,
    mail: &IncomingMail,
) -> Result<(), StoreError> {
    let old = message_recipients::table
        .filter(message_recipients::workspace_id.eq(workspace.0))
        .filter(message_recipients::message_id.eq(id.0));
    diesel::delete(old).execute(&mut tx.conn()).await?;
    message_rows::insert_recipients(tx, workspace, id, &message_rows::recipients_of(mail)).await
}

/// Each file takes the row of one with the same content, the nearest by its place; what is left over goes.
async fn rewrite_files(
    tx: &Tx,
    workspace: WorkspaceId,
    id: MessageId,
    mut old: Vec<FileRow>,
    mail: &IncomingMail,
) -> Result<(), StoreError> {
    for (position, file) in (0i32..).zip(&mail.attachments) {
        let kept = old.iter().position(|row| row.sha256 == file.sha256);
        match kept.map(|index| old.remove(index)) {
            Some(row) => {
                let new = FileRow::of(file);
                diesel::update(attachments::table.find((workspace.0, row.id)))
                    .set((
                        attachments::position.eq(position),
                        attachments::filename.eq(new.filename),
                        attachments::content_type.eq(new.content_type),
                        attachments::content_id.eq(new.content_id),
                        attachments::is_inline.eq(new.is_inline),
                    ))
                    .execute(&mut tx.conn())
                    .await?;
            }
            None => message_rows::insert_attachment(tx, workspace, id, position, file).await?,
        }
    }
    let gone: Vec<Uuid> = old.iter().map(|row| row.id).collect();
    let gone = attachments::table
        .filter(attachments::workspace_id.eq(workspace.0))
        .filter(attachments::id.eq_any(gone));
    diesel::delete(gone).execute(&mut tx.conn()).await?;
    Ok(())
}

/// What is derived from a mail, as it stands in the database.
struct Derived {
    subject: String,
    from_name: Option<String>,
    sent_at: Option<DateTime<Utc>>,
    preview: String,
    automatic: bool,
    has_attachments: bool,
    digest: Vec<u8>,
    in_reply_to: Vec<String>,
    refs: Vec<String>,
    notices: Value,
    text: String,
    html: Option<String>,
    segments: Value,
    /// Field, name and address, in the order of the fields' names, then in the mail's.
    recipients: Vec<(String, Option<String>, String)>,
    files: Vec<FileRow>,
}

type MessageRow = (String, Option<String>, Option<DateTime<Utc>>, String, bool, bool, Option<Vec<u8>>);
type BodyRow = (Vec<String>, Vec<String>, Value, String, Option<String>, Value);

impl Derived {
    /// As the message has it.
    async fn load(tx: &Tx, workspace: WorkspaceId, id: MessageId) -> Result<Self, StoreError> {
        let (subject, from_name, sent_at, preview, automatic, has_attachments, digest): MessageRow =
            messages::table
                .find((workspace.0, id.0))
                .select((
                    messages::subject,
                    messages::from_name,
                    messages::sent_at,
                    messages::preview,
                    messages::automatic,
                    messages::has_attachments,
                    messages::content_digest,
                ))
                .first(&mut tx.conn())
                .await?;
        let (in_reply_to, refs, notices, text, html, segments): BodyRow = message_bodies::table
            .find((workspace.0, id.0))
            .select((
                message_bodies::in_reply_to,
                message_bodies::refs,
                message_bodies::notices,
                message_bodies::text,
                message_bodies::html,
                message_bodies::segments,
            ))
            .first(&mut tx.conn())
            .await?;
        let mut recipients: Vec<(String, Option<String>, String)> = message_recipients::table
            .filter(message_recipients::workspace_id.eq(workspace.0))
            .filter(message_recipients::message_id.eq(id.0))
            .order((message_recipients::field, message_recipients::position))
            .select((message_recipients::field, message_recipients::name, message_recipients::address))
            .load(&mut tx.conn())
            .await?;
        recipients.sort_by(|one, other| one.0.cmp(&other.0));
        let files = attachments::table
            .filter(attachments::workspace_id.eq(workspace.0))
            .filter(attachments::message_id.eq(id.0))
            .order((attachments::position, attachments::id))
            .select(FileRow::as_select())
            .load(&mut tx.conn())
            .await?;
        Ok(Self {
            subject,
            from_name,
            sent_at,
            preview,
            automatic,
            has_attachments,
            digest: digest.unwrap_or_default(),
            in_reply_to,
            refs,
            notices,
            text,
            html,
            segments,
            recipients,
            files,
        })
    }

    /// As the mail says it now.
    fn of(mail: &IncomingMail) -> Self {
        let ids = |list: &[RfcMessageId]| list.iter().map(|id| id.as_str().to_owned()).collect();
        let mut recipients: Vec<(String, Option<String>, String)> = message_rows::recipients_of(mail)
            .into_iter()
            .flat_map(|(field, list)| list.iter().map(move |one| (field, one)))
            .map(|(field, one)| {
                (field.as_str().to_owned(), one.name.as_deref().map(clean), one.address.as_str().to_owned())
            })
            .collect();
        recipients.sort_by(|one, other| one.0.cmp(&other.0));
        Self {
            subject: clean(&mail.subject),
            from_name: mail.from.as_ref().and_then(|from| from.name.as_deref()).map(clean),
            sent_at: mail.sent_at,
            preview: clean(&mail.preview),
            automatic: mail.automatic,
            has_attachments: mail.attachments.iter().any(|file| !file.inline),
            digest: mail.content_digest.to_vec(),
            in_reply_to: ids(&mail.headers.in_reply_to),
            refs: ids(&mail.headers.references),
            notices: json!(mail.notices),
            text: clean(&mail.text),
            html: mail.html.as_deref().map(clean),
            segments: message_rows::segments_json(&mail.segments),
            recipients,
            files: mail.attachments.iter().map(FileRow::of).collect(),
        }
    }

    fn differences(&self, new: &Self) -> Differences {
        let texts =
            |one: &Self| (one.text.clone(), one.html.clone(), one.segments.clone(), one.preview.clone());
        let header = |one: &Self| {
            let ids = (one.in_reply_to.clone(), one.refs.clone());
            (
                one.subject.clone(),
                one.from_name.clone(),
                one.sent_at,
                ids,
                one.notices.clone(),
                one.recipients.clone(),
            )
        };
        let same_files = self.files.len() == new.files.len()
            && self.files.iter().zip(&new.files).all(|(one, other)| one.says_the_same_as(other));
        Differences {
            text: texts(self) != texts(new),
            header: header(self) != header(new),
            files: !same_files || self.has_attachments != new.has_attachments,
            automatic: self.automatic != new.automatic,
            digest: self.digest != new.digest,
        }
    }

    /// What a conversation's card may show of it.
    fn card(&self) -> (&str, &str, Option<&str>, bool, bool) {
        (&self.subject, &self.preview, self.from_name.as_deref(), self.automatic, self.has_attachments)
    }

    /// Writes all but recipients, files and digest.
    async fn write(&self, tx: &Tx, workspace: WorkspaceId, id: MessageId) -> Result<(), StoreError> {
        diesel::update(messages::table.find((workspace.0, id.0)))
            .set((
                messages::subject.eq(&self.subject),
                messages::from_name.eq(&self.from_name),
                messages::sent_at.eq(self.sent_at),
                messages::preview.eq(&self.preview),
                messages::automatic.eq(self.automatic),
                messages::has_attachments.eq(self.has_attachments),
                messages::version.eq(messages::version + 1),
                messages::updated_at.eq(Utc::now()),
            ))
            .execute(&mut tx.conn())
            .await?;
        diesel::update(message_bodies::table.find((workspace.0, id.0)))
            .set((
                message_bodies::in_reply_to.eq(&self.in_reply_to),
                message_bodies::refs.eq(&self.refs),
                message_bodies::notices.eq(&self.notices),
                message_bodies::text.eq(&self.text),
                message_bodies::html.eq(&self.html),
                message_bodies::segments.eq(&self.segments),
            ))
            .execute(&mut tx.conn())
            .await?;
        Ok(())
    }
}

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = attachments)]
struct FileRow {
    id: Uuid,
    filename: Option<String>,
    content_type: String,
    sha256: Vec<u8>,
    content_id: Option<String>,
    is_inline: bool,
}

impl FileRow {
    /// A file that has no row yet.
    fn of(file: &IncomingAttachment) -> Self {
        Self {
            id: Uuid::nil(),
            filename: file.filename.as_deref().map(clean),
            content_type: clean(&file.content_type),
            sha256: file.sha256.to_vec(),
            content_id: file.content_id.as_deref().map(clean),
            is_inline: file.inline,
        }
    }

    fn says_the_same_as(&self, other: &Self) -> bool {
        let said = |one: &Self| {
            (
                one.filename.clone(),
                one.content_type.clone(),
                one.sha256.clone(),
                one.content_id.clone(),
                one.is_inline,
            )
        };
        said(self) == said(other)
    }
}
