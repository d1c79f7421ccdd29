//! Mails alike from one address to one mailbox: counted as they come, so that a loop is cut (MAIL-13).

use crate::{Store, StoreError, prepared::Prepare, schema::mail_bursts as bursts, transaction::Tx};
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

/// How mails alike came to a mailbox before, its row locked where there is one, and what the newest is to them.
pub(crate) struct Look {
    likeness: [u8; 32],
    burst: Burst,
    is_known: bool,
    pub(crate) verdict: Verdict,
}

/// Looks at one row, whatever has come before.
pub(crate) async fn look(
    tx: &Tx,
    workspace: WorkspaceId,
    mailbox: MailboxId,
    mail: &IncomingMail,
) -> Result<Look, StoreError> {
    let likeness = likeness(mail);
    let times: Option<Vec<DateTime<Utc>>> = bursts::table
        .find((workspace.0, mailbox.0, likeness.as_slice()))
        .select(bursts::times)
        .for_no_key_update()
        .first(&mut tx.conn())
        .await
        .optional()?;
    let is_known = times.is_some();
    let mut burst = Burst::of(times.unwrap_or_default());
    let verdict = burst.receive(mail.received_at);
    Ok(Look { likeness, burst, is_known, verdict })
}

/// Counts the mail that was looked at.
pub(crate) async fn count(
    tx: &Tx,
    workspace: WorkspaceId,
    mailbox: MailboxId,
    look: &Look,
) -> Result<(), StoreError> {
    let likeness = look.likeness.as_slice();
    let counted = (bursts::times.eq(look.burst.times()), bursts::seen_at.eq(Utc::now()));
    if look.is_known {
        diesel::update(bursts::table.find((workspace.0, mailbox.0, likeness)))
            .set(counted)
            .prepared()
            .execute(&mut tx.conn())
            .await?;
    } else {
        let key = (
            bursts::workspace_id.eq(workspace.0),
            bursts::mailbox_id.eq(mailbox.0),
            bursts::likeness.eq(likeness),
        );
        diesel::insert_into(bursts::table)
            .values((key, counted))
            // Another reader of the mailbox was first: one mail is not counted.
            .on_conflict_do_nothing()
            .execute(&mut tx.conn())
            .await?;
    }
    Ok(())
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
