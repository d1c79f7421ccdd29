//! Who is behind an address: one of us, or a contact.

use crate::{
    error::StoreError,
    message_rows::AuthorRef,
    schema::{contact_emails, contacts, mailboxes, users},
    transaction::Tx,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use postroom_domain::{
    address::{EmailAddress, NamedAddress},
    ids::{ContactId, UserId, WorkspaceId},
};
use std::collections::HashMap;
use uuid::Uuid;

/// Which of some addresses are the workspace's own (MAIL-15): users' sign-in addresses and connected mailboxes.
#[derive(Debug, Default)]
pub(crate) struct OwnAddresses {
    users: HashMap<String, Option<UserId>>,
}

impl OwnAddresses {
    /// Looks the addresses up.
    pub(crate) async fn among(
        tx: &Tx,
        workspace: WorkspaceId,
        addresses: impl Iterator<Item = &EmailAddress>,
    ) -> Result<Self, StoreError> {
        let wanted: Vec<&str> = addresses.map(EmailAddress::as_str).collect();
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let of_users = users::table
            .filter(users::workspace_id.eq(workspace.0))
            .filter(users::email.eq_any(&wanted))
            .select((users::email, users::id));
        let of_mailboxes = mailboxes::table
            .filter(mailboxes::workspace_id.eq(workspace.0))
            .filter(mailboxes::address.eq_any(&wanted))
            .select((mailboxes::address, mailboxes::user_id));
        let (mut first, mut second) = (tx.conn(), tx.conn());
        let (of_users, of_mailboxes): (Vec<(String, Uuid)>, Vec<(String, Option<Uuid>)>) =
            tokio::try_join!(of_users.load(&mut first), of_mailboxes.load(&mut second))?;
        let mut users: HashMap<_, _> =
            of_mailboxes.into_iter().map(|(address, user)| (address, user.map(UserId))).collect();
        users.extend(of_users.into_iter().map(|(address, user)| (address, Some(UserId(user)))));
        Ok(Self { users })
    }

    /// Whether it is ours.
    pub(crate) fn contains(&self, address: &EmailAddress) -> bool {
        self.users.contains_key(address.as_str())
    }

    /// Whose it is; `None` for strangers' and for shared mailboxes.
    pub(crate) fn user(&self, address: &EmailAddress) -> Option<UserId> {
        self.users.get(address.as_str()).copied().flatten()
    }

    /// Those of some addresses that are not ours.
    pub(crate) fn external<'a>(
        &self,
        addresses: impl Iterator<Item = &'a NamedAddress>,
    ) -> Vec<&'a NamedAddress> {
        addresses.filter(|one| !self.contains(&one.address)).collect()
    }
}

/// The contact with this address.
pub(crate) async fn contact_of(
    tx: &Tx,
    workspace: WorkspaceId,
    address: &str,
) -> Result<Option<ContactId>, StoreError> {
    let id: Option<Uuid> = contact_emails::table
        .filter(contact_emails::workspace_id.eq(workspace.0))
        .filter(contact_emails::address.eq(address))
        .select(contact_emails::contact_id)
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(id.map(ContactId))
}

/// The user who owns a contact, where they are active (CNV-2).
pub(crate) async fn active_owner_of(
    tx: &Tx,
    workspace: WorkspaceId,
    contact: ContactId,
) -> Result<Option<UserId>, StoreError> {
    let id: Option<Uuid> = contacts::table
        .inner_join(
            users::table
                .on(users::workspace_id.eq(contacts::workspace_id).and(users::id.eq(contacts::owner_id))),
        )
        .filter(contacts::workspace_id.eq(workspace.0))
        .filter(contacts::id.eq(contact.0))
        .filter(users::active)
        // Not deactivated before what they get is theirs.
        .for_key_share()
        .select(users::id)
        .first(&mut tx.conn())
        .await
        .optional()?;
    Ok(id.map(UserId))
}

/// The contact with this address, made where there is none (CNV-3): named after the display name, owned by `owner`.
pub(crate) async fn contact_for(
    tx: &Tx,
    workspace: WorkspaceId,
    who: &NamedAddress,
    owner: UserId,
) -> Result<ContactId, StoreError> {
    match contact_of(tx, workspace, who.address.as_str()).await? {
        Some(known) => Ok(known),
        None => make_contact(tx, workspace, who, owner).await,
    }
}

/// The same where the look-up has found none.
pub(crate) async fn make_contact(
    tx: &Tx,
    workspace: WorkspaceId,
    who: &NamedAddress,
    owner: UserId,
) -> Result<ContactId, StoreError> {
    let (first_name, last_name) = split_name(who.name.as_deref().unwrap_or_default());
    let id = ContactId(Uuid::now_v7());
    let (mut first, mut second) = (tx.conn(), tx.conn());
    let contact = diesel::insert_into(contacts::table)
        .values((
            contacts::workspace_id.eq(workspace.0),
            contacts::id.eq(id.0),
            contacts::first_name.eq(first_name),
            contacts::last_name.eq(last_name),
            contacts::owner_id.eq(owner.0),
        ))
        .execute(&mut first);
    let address = diesel::insert_into(contact_emails::table)
        .values((
            contact_emails::workspace_id.eq(workspace.0),
            contact_emails::id.eq(Uuid::now_v7()),
            contact_emails::contact_id.eq(id.0),
            contact_emails::address.eq(who.address.as_str()),
            contact_emails::is_primary.eq(true),
        ))
        .on_conflict((contact_emails::workspace_id, contact_emails::address))
        .do_nothing()
        .execute(&mut second);
    let (_, taken) = tokio::try_join!(biased; contact, address)?;
    if taken == 1 {
        return Ok(id);
    }
    // Another transaction made it between the look-up and now; ours goes again.
    diesel::delete(contacts::table.find((workspace.0, id.0))).execute(&mut tx.conn()).await?;
    contact_of(tx, workspace, who.address.as_str())
        .await?
        .ok_or_else(|| StoreError::Corrupt("an address is taken by no contact".into()))
}

/// A contact's name as it is shown: first and last, else the address.
pub(crate) fn full_name(first: Option<&str>, last: Option<&str>, email: Option<&str>) -> String {
    let name =
        [first, last].into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    if name.is_empty() { email.unwrap_or_default().to_owned() } else { name }
}

/// The name that a user or a contact has here; `None` where they have none, or are neither.
pub(crate) async fn name_of(
    tx: &Tx,
    workspace: WorkspaceId,
    author: AuthorRef,
) -> Result<Option<String>, StoreError> {
    let name = match author {
        AuthorRef::User(user) => users::table
            .find((workspace.0, user.0))
            .select(users::name)
            .first(&mut tx.conn())
            .await
            .optional()?,
        AuthorRef::Contact(Some(contact)) => contacts::table
            .find((workspace.0, contact.0))
            .select((contacts::first_name, contacts::last_name))
            .first::<(Option<String>, Option<String>)>(&mut tx.conn())
            .await
            .optional()?
            .map(|(first, last)| full_name(first.as_deref(), last.as_deref(), None)),
        AuthorRef::Contact(None) | AuthorRef::Mailbox => None,
    };
    Ok(name.filter(|name| !name.is_empty()))
}

/// First and last name from a display name: `Ann Lee`, `Lee, Ann`, `Ann`. Other commas are a firm's, and stay.
fn split_name(name: &str) -> (Option<String>, Option<String>) {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let (first, last) = match name.split_once(", ") {
        Some((last, first)) if !last.contains(' ') => (first, last),
        Some(_) => (name.as_str(), ""),
        None => name.rsplit_once(' ').unwrap_or((&name, "")),
    };
    let some = |text: &str| (!text.is_empty()).then(|| text.chars().take(200).collect());
    (some(first), some(last))
}

#[cfg(test)]
mod tests {
    use super::split_name;

    #[test]
    fn names_have_two_parts() {
        let split = |name| {
            let (first, last) = split_name(name);
            (first.unwrap_or_default(), last.unwrap_or_default())
        };
        assert_eq!(split("Ann Lee"), ("Ann".into(), "Lee".into()));
        assert_eq!(split("Lee, Ann  Mary"), ("Ann Mary".into(), "Lee".into()));
        assert_eq!(split("Ann"), ("Ann".into(), String::new()));
        assert_eq!(
            split("Lakeside Partners, office 4"),
            ("Lakeside Partners, office 4".into(), String::new())
        );
        assert_eq!(split(""), (String::new(), String::new()));
    }
}
