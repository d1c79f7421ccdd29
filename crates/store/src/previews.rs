//! What a draft would become, without sending anything (RPL-9).

use crate::{
    NewMailDraft, ReplyDraft, Store, StoreError, conversations,
    correspondents::OwnAddresses,
    drafts::{self, Place, Prepared, Surroundings},
    messages::AttachmentInfo,
    outgoing::{self, Files},
    schema::conversations as table,
    threads,
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::Actor,
    address::{EmailAddress, NamedAddress},
    ids::{AttachmentId, ConversationId, MailboxId, MessageId, ThreadId},
    message::Position,
    reply::{Body, Recipients, Written},
    warnings::{Look, Warning, WarningKind, reply_to_elsewhere, warnings},
};
use std::collections::HashSet;
use uuid::Uuid;

/// A mail as it would be.
#[derive(Clone, Debug)]
pub struct MailPreview {
    /// From.
    pub from: NamedAddress,
    /// Who would get it, each once.
    pub recipients: Recipients,
    /// Its subject.
    pub subject: String,
    /// Its body, whole and in parts, with `cid:` links.
    pub body: Body,
    /// The files that would go with it.
    pub files: Vec<AttachmentInfo>,
    /// What the writer had better look at.
    pub warnings: Vec<Warning>,
}

impl Store {
    /// What a reply would be.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Merged`], or the refusal that sending it would meet; that the
    /// conversation has moved on is only a warning here.
    pub async fn preview_reply(
        &self,
        actor: &Actor,
        id: ConversationId,
        draft: &ReplyDraft,
    ) -> Result<MailPreview, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let place = place_of(&tx, actor, id).await?;
        let moved_on = place.moved_on(drafts::seen(&tx, actor, &place, draft).await?);
        let (prepared, around) = drafts::prepare_reply(&tx, actor, &place, draft).await?;
        let files = files(&tx, actor, &draft.attachment_ids, &prepared).await?;
        let known: HashSet<EmailAddress> =
            threads::parties(&tx, actor.workspace_id, place.thread).await?.into_iter().collect();
        let customer = around.card.primary_contact.email.as_deref();
        let customer = customer.and_then(|email| EmailAddress::parse(email).ok());
        let about = About { known: Some(&known), customer: customer.as_ref(), written: &draft.body };
        let mut warnings = looked_at(&tx, actor, &prepared, &files, &about).await?;
        warnings.extend(of_reply(draft, &prepared, &around, moved_on));
        tx.commit().await?;
        Ok(preview(prepared, files, warnings))
    }

    /// What a new mail would be.
    ///
    /// # Errors
    /// The refusal that sending it would meet.
    pub async fn preview_new_mail(
        &self,
        actor: &Actor,
        draft: &NewMailDraft,
    ) -> Result<MailPreview, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let prepared = drafts::prepare_new_mail(&tx, actor, draft).await?;
        let files = files(&tx, actor, &draft.attachment_ids, &prepared).await?;
        let customer = draft.to.iter().map(|one| &one.address).next();
        let about = About { known: None, customer, written: &draft.body };
        let warnings = looked_at(&tx, actor, &prepared, &files, &about).await?;
        tx.commit().await?;
        Ok(preview(prepared, files, warnings))
    }
}

async fn place_of(tx: &Tx, actor: &Actor, id: ConversationId) -> Result<Place, StoreError> {
    conversations::visible_thread(tx, actor, id).await?;
    let (thread, mailbox, at, last): (Uuid, Uuid, DateTime<Utc>, Uuid) = table::table
        .find((actor.workspace_id.0, id.0))
        .select((table::thread_id, table::mailbox_id, table::last_message_at, table::last_message_id))
        .first(&mut tx.conn())
        .await?;
    let last = Position { at, id: MessageId(last) };
    Ok(Place { conversation: id, thread: ThreadId(thread), mailbox: MailboxId(mailbox), last })
}

async fn files(
    tx: &Tx,
    actor: &Actor,
    ids: &[AttachmentId],
    prepared: &Prepared,
) -> Result<Files, StoreError> {
    outgoing::find_files(tx, actor, ids, &prepared.body.whole.html, false).await
}

/// What the warnings hang on beside the mail itself.
struct About<'a> {
    known: Option<&'a HashSet<EmailAddress>>,
    customer: Option<&'a EmailAddress>,
    written: &'a Written,
}

async fn looked_at(
    tx: &Tx,
    actor: &Actor,
    prepared: &Prepared,
    files: &Files,
    about: &About<'_>,
) -> Result<Vec<Warning>, StoreError> {
    let addresses = || prepared.recipients.envelope().map(|one| &one.address);
    let own = OwnAddresses::among(tx, actor.workspace_id, addresses()).await?;
    let ours = addresses().filter(|one| own.contains(one)).cloned().collect();
    Ok(warnings(&Look {
        recipients: &prepared.recipients,
        known: about.known,
        ours: &ours,
        customer: about.customer.filter(|one| !ours.contains(one)),
        subject: &prepared.subject,
        text: &about.written.text,
        has_files: files.any_shown_apart(),
    }))
}

/// What only a reply can be warned of.
fn of_reply(draft: &ReplyDraft, prepared: &Prepared, around: &Surroundings, moved_on: bool) -> Vec<Warning> {
    let whole = |kind| Warning { kind, addresses: vec![] };
    let mut more = Vec::new();
    if moved_on && !draft.force {
        more.push(whole(WarningKind::MovedOn));
    }
    if around.copies_left_out > 0 {
        more.push(whole(WarningKind::CopiesLeftOut));
    }
    let elsewhere = around
        .last_sender
        .as_ref()
        .and_then(|sender| reply_to_elsewhere(&sender.from, sender.reply_to.as_ref()))
        .filter(|warning| {
            !prepared.recipients.envelope().any(|one| warning.addresses.contains(&one.address))
        });
    more.extend(elsewhere);
    more
}

fn preview(prepared: Prepared, files: Files, warnings: Vec<Warning>) -> MailPreview {
    MailPreview {
        from: NamedAddress { name: Some(prepared.writer.name), address: prepared.from },
        recipients: prepared.recipients,
        subject: prepared.subject,
        body: prepared.body,
        files: files.all,
        warnings,
    }
}
