//! Threads that wait for a reply (CNV-1): listed, looked at, and made a conversation by hand.

use crate::{
    Store, StoreError,
    birth::{self, MailboxFacts, Occasion},
    conversations::{self, ConversationDetail, MailboxRef},
    correspondents::full_name,
    idempotency::{IdempotencyClaim, Outcome, StoredAnswer, with_idempotency},
    page::Page,
    schema::{contacts, conversations as convs, mailboxes, message_recipients, messages, threads, users},
    stream::{Author, AuthorKind},
    threads::lock,
    transaction::Tx,
};
use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Permission},
    address::{EmailAddress, NamedAddress},
    ids::{ConversationId, MailboxId, MessageId, ThreadId, UserId},
};
use std::collections::HashMap;
use uuid::Uuid;

/// A thread as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its id.
    pub id: ThreadId,
    /// Its conversation, where it is one by now.
    pub conversation_id: Option<ConversationId>,
    /// Its first message's subject.
    pub subject: String,
    /// Its first message's beginning.
    pub preview: String,
    /// Who wrote the first message.
    pub author: Author,
    /// Whom the first message is addressed to.
    pub recipients: Vec<NamedAddress>,
    /// The mailbox that its first message came to or left through.
    pub mailbox: MailboxRef,
    /// Its first message.
    pub first_message_id: MessageId,
    /// How many messages it has, each counted once.
    pub message_count: i64,
    /// The place in time of its last message.
    pub last_message_at: DateTime<Utc>,
    /// When it was begun here.
    pub created_at: DateTime<Utc>,
}

/// A thread's place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadPosition {
    /// Microseconds count.
    pub last_message_at: DateTime<Utc>,
    /// For threads of the same time.
    pub id: ThreadId,
}

/// A conversation that somebody wanted to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The conversation.
    pub detail: ConversationDetail,
    /// Whether it was made now; it was there already otherwise.
    pub new: bool,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    last_message_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = SqlUuid)]
    mailbox_id: Uuid,
    #[diesel(sql_type = Text)]
    mailbox_address: String,
    #[diesel(sql_type = BigInt)]
    message_count: i64,
    #[diesel(sql_type = SqlUuid)]
    first_message_id: Uuid,
}

/// ACC-4: the threads of those mailboxes whose waiting mail the actor sees, each mailbox walked for itself, and those in
/// which they have written.
const PAGE: &str = "
WITH page AS (
    SELECT walked.* FROM mailboxes
    CROSS JOIN LATERAL (
        SELECT t.id, t.last_message_at FROM threads t
        WHERE t.workspace_id = $1 AND t.mailbox_id = mailboxes.id AND t.waiting AND t.merged_into IS NULL
            AND (t.last_message_at, t.id) < ($2, $3)
            AND EXISTS (SELECT FROM messages m WHERE m.workspace_id = $1 AND m.thread_id = t.id)
        ORDER BY t.last_message_at DESC, t.id DESC LIMIT $4) walked
    WHERE mailboxes.workspace_id = $1 AND (mailboxes.user_id = $5 OR (mailboxes.user_id IS NULL AND $6))
    UNION (
        SELECT t.id, t.last_message_at FROM threads t
        WHERE t.workspace_id = $1 AND t.waiting AND t.merged_into IS NULL
            AND (t.last_message_at, t.id) < ($2, $3)
            AND t.id IN (SELECT m.thread_id FROM messages m WHERE m.workspace_id = $1 AND m.author_user_id = $5)
        ORDER BY t.last_message_at DESC, t.id DESC LIMIT $4)
    ORDER BY last_message_at DESC, id DESC LIMIT $4)
";

/// What is told of threads: of those in `page`.
const FACTS: &str = "
SELECT t.id, t.last_message_at, t.created_at, b.id AS mailbox_id, b.address AS mailbox_address,
    (SELECT count(*) FROM messages m
        WHERE m.workspace_id = $1 AND m.thread_id = t.id AND m.variant_of IS NULL) AS message_count,
    first.id AS first_message_id
FROM page JOIN threads t ON t.workspace_id = $1 AND t.id = page.id
JOIN mailboxes b ON b.workspace_id = $1 AND b.id = t.mailbox_id
CROSS JOIN LATERAL (
    SELECT m.id FROM messages m WHERE m.workspace_id = $1 AND m.thread_id = t.id AND m.variant_of IS NULL
    ORDER BY m.received_at, m.id LIMIT 1) first
ORDER BY t.last_message_at DESC, t.id DESC
";

impl Store {
    /// A page of the threads that wait for a reply and exist for the actor, the latest message first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn waiting_threads(
        &self,
        actor: &Actor,
        after: Option<ThreadPosition>,
        limit: u16,
    ) -> Result<Page<Thread>, StoreError> {
        let after = after.unwrap_or(ThreadPosition {
            last_message_at: DateTime::<Utc>::MAX_UTC,
            id: ThreadId(Uuid::max()),
        });
        let far = DateTime::from_timestamp(FAR, 0).unwrap_or(after.last_message_at);
        let tx = self.begin_read(actor.workspace_id).await?;
        let found: Vec<Found> = diesel::sql_query(format!("{PAGE}{FACTS}"))
            .bind::<SqlUuid, _>(actor.workspace_id.0)
            .bind::<Timestamptz, _>(after.last_message_at.min(far))
            .bind::<SqlUuid, _>(after.id.0)
            .bind::<BigInt, _>(i64::from(limit) + 1)
            .bind::<SqlUuid, _>(actor.user_id.0)
            .bind::<Bool, _>(actor.may(Permission::ViewAll))
            .load(&mut tx.conn())
            .await?;
        let page = Page::of(found, limit);
        let items = with_first_messages(&tx, actor, page.items, None).await?;
        tx.commit().await?;
        Ok(Page { items, more: page.more })
    }

    /// One thread, where it exists for the actor: as a conversation for those who see that, else as [`Store::message`]
    /// says.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn thread(&self, actor: &Actor, id: ThreadId) -> Result<Thread, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let seen = visible(&tx, actor, id).await?;
        let found: Vec<Found> = diesel::sql_query(format!("WITH page AS (SELECT $2::uuid AS id) {FACTS}"))
            .bind::<SqlUuid, _>(actor.workspace_id.0)
            .bind::<SqlUuid, _>(seen.id.0)
            .load(&mut tx.conn())
            .await?;
        let mut threads = with_first_messages(&tx, actor, found, seen.conversation).await?;
        tx.commit().await?;
        threads.pop().ok_or(StoreError::NotFound)
    }

    /// Makes a thread a conversation because somebody wants it to be one (CNV-1), with owner and primary contact as ever
    /// (CNV-2, CNV-3). Where it is one already, that is the answer. It is answered even where it is not the actor's to
    /// see.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::NobodyOutside`] where no external party takes part, and those of the
    /// idempotency key.
    pub async fn start_conversation(
        &self,
        actor: &Actor,
        id: ThreadId,
        claim: Option<&IdempotencyClaim>,
        answer: impl Fn(&Started) -> StoredAnswer + Send + Sync,
    ) -> Result<Outcome<Started>, StoreError> {
        let answer = &answer;
        self.write(actor.workspace_id, async |tx| {
            // Judged before it is locked: what is not theirs takes no longer than what isn't there.
            visible(tx, actor, id).await?;
            let effect = start(tx, actor, id);
            with_idempotency(tx, actor.workspace_id, claim, effect, answer).await
        })
        .await
    }
}

/// Later than any message: the year 9999, in seconds.
const FAR: i64 = 253_370_764_800;

async fn start(tx: &Tx, actor: &Actor, id: ThreadId) -> Result<Started, StoreError> {
    let workspace = actor.workspace_id;
    let mut thread = visible(tx, actor, id).await?.id;
    loop {
        lock(tx, workspace, thread).await?;
        // As it is now that nobody else changes it: it may have been joined with another one, or be one by now.
        let seen = visible(tx, actor, thread).await?;
        if seen.id != thread {
            thread = seen.id;
            continue;
        }
        if let Some(known) = seen.conversation {
            return Ok(Started { detail: conversations::load_any(tx, actor, known).await?, new: false });
        }
        let facts = MailboxFacts::load(tx, workspace, seen.mailbox).await?;
        let occasion = Occasion { thread, facts: &facts, answers_unseen: None, imported: false };
        let detail = birth::by_hand(tx, actor, &occasion).await?;
        return Ok(Started { detail, new: true });
    }
}

/// A thread that exists for the actor.
struct Seen {
    /// The one that it is by now.
    id: ThreadId,
    mailbox: MailboxId,
    conversation: Option<ConversationId>,
}

async fn visible(tx: &Tx, actor: &Actor, id: ThreadId) -> Result<Seen, StoreError> {
    type Row = (Uuid, Option<Uuid>, Option<Uuid>, Option<(Uuid, Uuid, Option<Uuid>)>);
    let mut id = id;
    loop {
        let (mailbox, mailbox_user, merged_into, conversation): Row = threads::table
            .inner_join(mailboxes::table.on(
                mailboxes::workspace_id.eq(threads::workspace_id).and(mailboxes::id.eq(threads::mailbox_id)),
            ))
            .left_join(
                convs::table
                    .on(convs::workspace_id.eq(threads::workspace_id).and(convs::thread_id.eq(threads::id))),
            )
            .filter(threads::workspace_id.eq(actor.workspace_id.0).and(threads::id.eq(id.0)))
            .select((
                threads::mailbox_id,
                mailboxes::user_id,
                threads::merged_into,
                (convs::id, convs::owner_id, convs::merged_into).nullable(),
            ))
            .first(&mut tx.conn())
            .await?;
        if let Some(next) = merged_into {
            id = ThreadId(next);
            continue;
        }
        let sees = match conversation {
            Some((_, owner, _)) => actor.visibility().sees(UserId(owner)),
            None => {
                mailbox_user == Some(actor.user_id.0)
                    || (mailbox_user.is_none() && actor.may(Permission::ViewAll))
                    || crate::messages::wrote_in_thread(tx, actor, id.0).await?
            }
        };
        let conversation = conversation.map(|(id, ..)| ConversationId(id));
        return if sees {
            Ok(Seen { id, mailbox: MailboxId(mailbox), conversation })
        } else {
            Err(StoreError::NotFound)
        };
    }
}

type FirstMessage =
    ((Uuid, String, String), (String, Option<Uuid>, Option<Uuid>, Option<String>, String), Names);

/// Of the user, and of the contact: what to call them, and their picture.
type Names =
    ((Option<String>, Option<String>, Option<Vec<u8>>), (Option<String>, Option<String>, Option<Vec<u8>>));

/// Adds what the first message of each says: two queries, however many they are.
async fn with_first_messages(
    tx: &Tx,
    actor: &Actor,
    found: Vec<Found>,
    conversation_id: Option<ConversationId>,
) -> Result<Vec<Thread>, StoreError> {
    let ids: Vec<Uuid> = found.iter().map(|thread| thread.first_message_id).collect();
    let first = messages::table
        .left_join(
            users::table.on(users::workspace_id
                .eq(messages::workspace_id)
                .and(users::id.nullable().eq(messages::author_user_id))),
        )
        .left_join(
            contacts::table.on(contacts::workspace_id
                .eq(messages::workspace_id)
                .and(contacts::id.nullable().eq(messages::author_contact_id))),
        )
        .filter(messages::workspace_id.eq(actor.workspace_id.0).and(messages::id.eq_any(&ids)))
        .select((
            (messages::id, messages::subject, messages::preview),
            (
                messages::author_kind,
                messages::author_user_id,
                messages::author_contact_id,
                messages::from_name,
                messages::from_address,
            ),
            (
                (users::name.nullable(), users::email.nullable(), users::avatar_sha256.nullable()),
                (
                    contacts::first_name.nullable(),
                    contacts::last_name.nullable(),
                    contacts::avatar_sha256.nullable(),
                ),
            ),
        ));
    let recipients = message_recipients::table
        .filter(message_recipients::workspace_id.eq(actor.workspace_id.0))
        .filter(message_recipients::message_id.eq_any(&ids).and(message_recipients::field.eq("to")))
        .order((message_recipients::message_id, message_recipients::position))
        .select((message_recipients::message_id, message_recipients::name, message_recipients::address));
    let (mut a, mut b) = (tx.conn(), tx.conn());
    let (first, recipients) = tokio::try_join!(
        first.load::<FirstMessage>(&mut a),
        recipients.load::<(Uuid, Option<String>, String)>(&mut b)
    )?;
    let mut first: HashMap<Uuid, FirstMessage> = first.into_iter().map(|row| (row.0.0, row)).collect();
    let mut addressed = HashMap::<Uuid, Vec<NamedAddress>>::new();
    for (message, name, address) in recipients {
        let address = EmailAddress::parse(&address).ok();
        addressed.entry(message).or_default().extend(address.map(|address| NamedAddress { name, address }));
    }
    let thread = |found: Found| {
        let ((_, subject, preview), author, names) = first.remove(&found.first_message_id)?;
        Some(Thread {
            id: ThreadId(found.id),
            conversation_id,
            subject,
            preview,
            author: author_of(author, names),
            recipients: addressed.remove(&found.first_message_id).unwrap_or_default(),
            mailbox: MailboxRef { id: MailboxId(found.mailbox_id), address: found.mailbox_address },
            first_message_id: MessageId(found.first_message_id),
            message_count: found.message_count,
            last_message_at: found.last_message_at,
            created_at: found.created_at,
        })
    };
    Ok(found.into_iter().filter_map(thread).collect())
}

fn author_of(
    (kind, user, contact, from_name, from_address): (
        String,
        Option<Uuid>,
        Option<Uuid>,
        Option<String>,
        String,
    ),
    ((user_name, user_email, user_picture), (first, last, contact_picture)): Names,
) -> Author {
    let kind = AuthorKind::from_name(&kind);
    let written = from_name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| from_address.clone());
    match kind {
        AuthorKind::User => Author {
            kind,
            id: user,
            name: user_name.unwrap_or(written),
            email: user_email.unwrap_or(from_address),
            avatar: user_picture,
        },
        AuthorKind::Contact => {
            let name = full_name(first.as_deref(), last.as_deref(), Some(&written));
            Author { kind, id: contact, name, email: from_address, avatar: contact_picture }
        }
        AuthorKind::Mailbox => Author { kind, id: None, name: written, email: from_address, avatar: None },
    }
}
