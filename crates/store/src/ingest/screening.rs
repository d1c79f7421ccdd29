//! What is known of a mail before it is placed: whether it is here already, and whether it becomes a message at all.

use super::{Intake, Origin};
use crate::{
    StoreError, bursts, delivery_evidence,
    events::{self, EventKind, NewEvent},
    folders::{FoundIn, list_in_intake},
    intake::listed_alone,
    mail_in::PassedMessage,
    outbox,
    schema::{ignored_addresses, messages},
    threads,
};
use diesel::{dsl::exists, prelude::*};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    burst::{self, Verdict},
    ids::MessageId,
    incoming::{IncomingSource, IntakeReason},
};
use uuid::Uuid;

/// A message with the same Message-ID: whether we issued it, and what it says.
pub(super) type Namesake = (Uuid, bool, Option<Vec<u8>>);

/// What is asked of a mail before anything else.
pub(crate) struct Screened {
    pub(super) listed_before: Option<IntakeReason>,
    pub(super) is_ignored: bool,
}

impl Intake<'_> {
    /// Asks it.
    pub(crate) async fn screen(&self) -> Result<Screened, StoreError> {
        let (listed_before, is_ignored) = tokio::try_join!(biased; self.listed_before(), self.is_ignored())?;
        Ok(Screened { listed_before, is_ignored })
    }

    /// Old news may be read again. What stands in the intake list and nowhere else is known by it: the very same mail is
    /// not listed twice, and a bounce marks nothing twice.
    async fn listed_before(&self) -> Result<Option<IntakeReason>, StoreError> {
        let Some(raw) = self.mail.raw_sha256.filter(|_| self.mail.imported) else { return Ok(None) };
        listed_alone(self.tx, self.workspace, self.mailbox, &raw).await
    }

    /// MAIL-13: what came like this mail before. What people ask for once more is no loop; what lies in `\Sent` was sent
    /// to nobody here.
    pub(super) async fn look_for_loop(&self) -> Result<Option<bursts::Look>, StoreError> {
        let from_outside = self.mail.source != IncomingSource::SentFolder;
        if !from_outside || matches!(self.origin, Origin::Replay) {
            return Ok(None);
        }
        bursts::look(self.tx, self.workspace, self.mailbox, self.mail).await.map(Some)
    }

    /// Counts the mail.
    pub(super) async fn count(&self, look: Option<&bursts::Look>) -> Result<(), StoreError> {
        match look {
            Some(look) => bursts::count(self.tx, self.workspace, self.mailbox, look).await,
            None => Ok(()),
        }
    }

    /// Cuts a loop: its mail is only listed.
    pub(super) async fn cut(&self, look: &bursts::Look) -> Result<(), StoreError> {
        self.count(Some(look)).await?;
        self.list(IntakeReason::Loop, None).await?;
        if look.verdict == Verdict::Begins {
            let event = NewEvent::of(EventKind::MailboxLoop, None, self.mailbox);
            events::append(self.tx, self.workspace, &[event]).await?;
        }
        Ok(())
    }

    async fn is_ignored(&self) -> Result<bool, StoreError> {
        let Some(from) = &self.mail.from else { return Ok(false) };
        let listed = ignored_addresses::table.find((self.workspace.0, from.address.as_str()));
        Ok(diesel::select(exists(listed)).get_result(&mut self.tx.conn()).await?)
    }

    pub(super) async fn list(
        &self,
        reason: IntakeReason,
        message: Option<MessageId>,
    ) -> Result<(), StoreError> {
        let at = match self.origin {
            Origin::Folder(step) => Some(step),
            Origin::Archive => None,
            Origin::Replay => return Ok(()),
        };
        let passed = PassedMessage {
            reason,
            detail: detail_of(reason),
            from: self.mail.from.as_ref().map(|from| from.address.clone()),
            raw_sha256: self.mail.raw_sha256,
            received_at: self.mail.received_at,
        };
        let found = FoundIn { mailbox: self.mailbox, at };
        list_in_intake(self.tx, self.workspace, &found, &passed, message).await
    }

    /// The messages with this mail's Message-ID.
    pub(super) async fn namesakes(&self) -> Result<Vec<Namesake>, StoreError> {
        Ok(messages::table
            .filter(messages::workspace_id.eq(self.workspace.0))
            .filter(messages::rfc_message_id.eq(self.mail.headers.message_id.as_str()))
            .select((messages::id, messages::issued, messages::content_digest))
            .load(&mut self.tx.conn())
            .await?)
    }

    /// The message that this mail is already (MAIL-3). In `\Sent`, one that we issued is that message, whatever its bytes;
    /// and seeing it there proves that it was sent (SND-3).
    pub(super) async fn known_message(&self, same: Vec<Namesake>) -> Result<Option<MessageId>, StoreError> {
        let in_sent = self.mail.source == IncomingSource::SentFolder;
        let known = same.into_iter().find(|(_, issued, digest)| {
            (in_sent && *issued) || digest.as_deref() == Some(self.mail.content_digest.as_slice())
        });
        let known = match known {
            Some((id, issued, _)) => Some((MessageId(id), issued)),
            None if in_sent => self.issued_under_another_id().await?.map(|id| (id, true)),
            None => None,
        };
        let Some((id, issued)) = known else { return Ok(None) };
        if in_sent && issued && delivery_evidence::seen_in_sent_folder(self.tx, self.workspace, id).await? {
            outbox::announce(self.tx, self.workspace, id).await?;
        }
        Ok(Some(id))
    }

    /// Servers on the way out may give our mails other Message-IDs. The copy in `\Sent` tells: it carries the thread's
    /// token and says the same. Answers will name the new id, which from now on is known as ours.
    async fn issued_under_another_id(&self) -> Result<Option<MessageId>, StoreError> {
        let (tx, workspace, headers) = (self.tx, self.workspace, &self.mail.headers);
        let Some((_, thread)) = threads::by_token(tx, workspace, headers).await? else { return Ok(None) };
        let id: Option<Uuid> = messages::table
            .filter(messages::workspace_id.eq(workspace.0))
            .filter(messages::thread_id.eq(thread.0))
            .filter(messages::issued)
            .filter(messages::content_digest.eq(self.mail.content_digest.as_slice()))
            .select(messages::id)
            .first(&mut tx.conn())
            .await
            .optional()?;
        if id.is_some() {
            threads::add_alias(tx, workspace, thread, &headers.message_id).await?;
        }
        Ok(id.map(MessageId))
    }
}

/// What people read beside the reason.
fn detail_of(reason: IntakeReason) -> String {
    match reason {
        IntakeReason::Loop => format!(
            "More than {} mails of this kind came from this address within {} minutes: a program seems to answer a program.",
            burst::LIMIT,
            burst::WINDOW.num_minutes()
        ),
        _ => String::new(),
    }
}
