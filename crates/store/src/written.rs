//! What somebody has written, and how it fares: their own outbox.

use crate::{
    Store, StoreError,
    message_load::load,
    messages::Message,
    page::Page,
    schema::{conversations, messages, outbox},
};
use diesel::{pg::Pg, prelude::*};
use diesel_async::RunQueryDsl;
use postroom_domain::{
    access::{Actor, Visibility},
    delivery::DeliveryState,
    message::Position,
};
use uuid::Uuid;

/// Which of one's own mails are asked for.
#[derive(Clone, Debug)]
pub struct WrittenQuery {
    /// Those in one of these states; all of them where it is empty.
    pub states: Vec<DeliveryState>,
    /// Those before this place.
    pub before: Option<Position>,
    /// At most so many.
    pub limit: u16,
}

impl Store {
    /// The mails that the actor has written here, the newest first. Those in conversations that are not theirs to see
    /// any more are left out (ACC-3).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn written_messages(
        &self,
        actor: &Actor,
        query: &WrittenQuery,
    ) -> Result<Page<Message>, StoreError> {
        let tx = self.begin_read(actor.workspace_id).await?;
        let mut wanted =
            messages::table
                .inner_join(outbox::table.on(
                    outbox::workspace_id.eq(messages::workspace_id).and(outbox::message_id.eq(messages::id)),
                ))
                .left_join(
                    conversations::table.on(conversations::workspace_id
                        .eq(messages::workspace_id)
                        .and(conversations::thread_id.eq(messages::thread_id))),
                )
                .filter(messages::workspace_id.eq(actor.workspace_id.0))
                .filter(messages::issued)
                .filter(messages::author_user_id.eq(actor.user_id.0))
                .order((messages::received_at.desc(), messages::id.desc()))
                .limit(i64::from(query.limit) + 1)
                .select(messages::id)
                .into_boxed::<Pg>();
        if let Visibility::Mine(me) = actor.visibility() {
            let mine = conversations::owner_id.eq(me.0).nullable();
            wanted = wanted.filter(conversations::id.nullable().is_null().or(mine.assume_not_null()));
        }
        if !query.states.is_empty() {
            let names: Vec<&str> = query.states.iter().map(|state| state.as_str()).collect();
            wanted = wanted.filter(outbox::state.eq_any(names));
        }
        if let Some(before) = query.before {
            let earlier = messages::received_at.lt(before.at);
            let same_time = messages::received_at.eq(before.at).and(messages::id.lt(before.id.0));
            wanted = wanted.filter(messages::received_at.le(before.at)).filter(earlier.or(same_time));
        }
        let ids: Vec<Uuid> = wanted.load(&mut tx.conn()).await?;
        let page = Page::of(ids, query.limit);
        let items = load(&tx, actor.workspace_id, &page.items).await?;
        tx.commit().await?;
        Ok(Page { items, more: page.more })
    }
}
