//! Mails alike from one address to one mailbox: counted as they come, so that a loop is cut (MAIL-13).

use crate::{Store, StoreError, schema::mail_bursts as bursts, transaction::Tx};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    burst::{Burst, Verdict},
    ids::{MailboxId, WorkspaceId},
    incoming::IncomingMail,
    reply::SegmentKind,
};
use sha2::{Digest, Sha256};

/// So long after its last mail a burst is forgotten: longer than its window.
const KEPT: TimeDelta = TimeDelta::hours(1);

/// Counts a mail that came to the mailbox, and judges it. One row is looked at, whatever has come before.
pub(crate) async fn receive(
    tx: &Tx,
    workspace: WorkspaceId,
    mailbox: MailboxId,
    mail: &IncomingMail,
) -> Result<Verdict, StoreError> {
    let likeness = likeness(mail);
    let this = bursts::table.find((workspace.0, mailbox.0, likeness.as_slice()));
    let times: Option<Vec<DateTime<Utc>>> =
        this.select(bursts::times).for_no_key_update().first(&mut tx.conn()).await.optional()?;
    let is_known = times.is_some();
    let mut burst = Burst::of(times.unwrap_or_default());
    let verdict = burst.receive(mail.received_at);
    let counted = (bursts::times.eq(burst.times()), bursts::seen_at.eq(Utc::now()));
    if is_known {
        diesel::update(this).set(counted).execute(&mut tx.conn()).await?;
    } else {
        let key = (
            bursts::workspace_id.eq(workspace.0),
            bursts::mailbox_id.eq(mailbox.0),
            bursts::likeness.eq(likeness.as_slice()),
        );
        diesel::insert_into(bursts::table)
            .values((key, counted))
            // Another reader of the mailbox was first: one mail is not counted.
            .on_conflict_do_nothing()
            .execute(&mut tx.conn())
            .await?;
    }
    Ok(verdict)
}

/// What makes mails alike: what programs write by themselves is, whatever it says; what people write is where all of it is
/// the same. Not Date and Message-ID, which no two mails share.
fn likeness(mail: &IncomingMail) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(mail.from.as_ref().map_or("", |from| from.address.as_str()).as_bytes());
    part(&[u8::from(mail.automatic)]);
    if !mail.automatic {
        part(mail.headers.subject_key.as_bytes());
        let written = mail.segments.iter().filter(|segment| segment.kind == SegmentKind::New);
        for word in written.flat_map(|segment| segment.text.split_whitespace()) {
            part(word.as_bytes());
        }
        for file in &mail.attachments {
            part(&file.sha256);
        }
    }
    hash.finalize().into()
}

impl Store {
    /// Forgets the bursts that are over.
    pub(crate) async fn purge_bursts(
        &self,
        workspace: WorkspaceId,
        now: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        self.write(workspace, async |tx| {
            Ok(diesel::delete(bursts::table)
                .filter(bursts::workspace_id.eq(workspace.0))
                .filter(bursts::seen_at.lt(now - KEPT))
                .execute(&mut tx.conn())
                .await?)
        })
        .await
    }
}
