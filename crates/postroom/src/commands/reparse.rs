//! `postroom mail reparse`: what is derived from kept mail, made again.

use super::{Progress, mailbox, note, workspace};
use crate::cli::Reparse;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use postroom_domain::ids::{MessageId, WorkspaceId};
use postroom_mime::{Circumstances, Understood, understand};
use postroom_store::{Differences, KeptMail, ReparseScope, Store, StoreError};
use std::io::Write;
use uuid::Uuid;

/// So many are listed at a time; their mails are read one by one.
const BATCH: u16 = 200;

/// Runs it.
pub(crate) async fn run(command: &Reparse, store: &Store, out: &mut impl Write) -> Result<()> {
    let mut run = Run { store, dry_run: command.dry_run, done: Done::default(), progress: Progress::new() };
    let place = command.after.as_deref().map(Place::read).transpose()?;
    for (slug, scope) in scopes(command, store).await? {
        // The workspaces come by slug: those before the place are done.
        let after = match &place {
            Some(place) if slug < place.slug => continue,
            Some(place) if slug == place.slug => Some(place.message),
            _ => None,
        };
        run.through(&slug, &scope, after).await?;
    }
    let done = run.done;
    if command.message.is_some() && done.looked_at + done.lost == 0 {
        bail!("there is no such message whose mail is kept whole and was received");
    }
    let would = if command.dry_run { "would change" } else { "changed" };
    writeln!(out, "{} messages looked at, {} {would}", done.looked_at, done.changed)?;
    for (what, count) in [
        ("text", done.text),
        ("header", done.header),
        ("files", done.files),
        ("written by a program or not", done.automatic),
        ("only what it is recognised by", done.digest_alone),
    ] {
        if count > 0 {
            writeln!(out, "  {what}: {count}")?;
        }
    }
    match done.lost {
        0 => Ok(()),
        lost => bail!("the mails of {lost} messages could not be read"),
    }
}

/// What to go through, by slug.
async fn scopes(command: &Reparse, store: &Store) -> Result<Vec<(String, ReparseScope)>> {
    let all = |workspace_id: WorkspaceId| ReparseScope { workspace_id, mailbox: None, message: None };
    let Some(slug) = &command.workspace else {
        let workspaces = store.workspace_slugs().await?;
        return Ok(workspaces.into_iter().map(|(id, slug)| (slug, all(id))).collect());
    };
    let mut scope = all(workspace(store, slug).await?);
    scope.message = command.message.map(MessageId);
    if let Some(address) = &command.mailbox {
        scope.mailbox = Some(mailbox(store, slug, address).await?.id);
    }
    Ok(vec![(slug.clone(), scope)])
}

/// Where a run has come to: `acme/01890a5d-…`.
struct Place {
    slug: String,
    message: MessageId,
}

impl Place {
    fn read(text: &str) -> Result<Self> {
        let (slug, id) =
            text.rsplit_once('/').context("--after is a workspace's slug, / and a message's id")?;
        let id: Uuid = id.parse().context("--after: the message's id")?;
        Ok(Self { slug: slug.to_owned(), message: MessageId(id) })
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Done {
    looked_at: usize,
    changed: usize,
    text: usize,
    header: usize,
    files: usize,
    automatic: usize,
    digest_alone: usize,
    /// Their mails could not be read.
    lost: usize,
}

impl Done {
    fn count(&mut self, found: Differences) {
        self.looked_at += 1;
        self.changed += usize::from(found.are_some());
        self.text += usize::from(found.text);
        self.header += usize::from(found.header);
        self.files += usize::from(found.files);
        self.automatic += usize::from(found.automatic);
        self.digest_alone += usize::from(found.digest && !found.are_seen());
    }
}

struct Run<'a> {
    store: &'a Store,
    dry_run: bool,
    done: Done,
    progress: Progress,
}

impl Run<'_> {
    async fn through(
        &mut self,
        slug: &str,
        scope: &ReparseScope,
        mut after: Option<MessageId>,
    ) -> Result<()> {
        loop {
            let batch = self.store.kept_mails(scope, after, BATCH).await.with_context(|| at(slug, after))?;
            let Some(last) = batch.last() else { return Ok(()) };
            let last = last.id;
            for kept in batch {
                self.one(scope.workspace_id, &kept).await.with_context(|| at(slug, after))?;
                after = Some(kept.id);
                let done = self.done;
                self.progress.say(|| {
                    format!(
                        "{} messages looked at, {} differ; --after {slug}/{}",
                        done.looked_at, done.changed, kept.id.0
                    )
                });
            }
            after = Some(last);
        }
    }

    async fn one(&mut self, workspace: WorkspaceId, kept: &KeptMail) -> Result<()> {
        let raw = match self.store.get_raw_mail(workspace, &kept.raw).await {
            Ok(raw) => raw,
            Err(error @ (StoreError::Blob(_) | StoreError::Corrupt(_))) => {
                note(&format!("the mail of message {} can't be read: {error}", kept.id.0));
                self.done.lost += 1;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        // Where it was found decides about its sender, which stays.
        let circumstances = Circumstances {
            in_sent: false,
            imported: kept.imported,
            received_at: kept.received_at,
            authserv_id: None,
            too_large: None,
        };
        let understood = tokio::task::block_in_place(|| understand(&raw, &circumstances));
        let Some(Understood { mut mail, contents }) = understood else {
            note(&format!("the parser failed on the mail of message {}: it stays as it is", kept.id.0));
            self.done.lost += 1;
            return Ok(());
        };
        mail.raw_sha256 = Some(kept.raw);
        let mut found = match self.store.differences(workspace, kept.id, &mail).await {
            // It was taken away meanwhile.
            Err(StoreError::NotFound) => return Ok(()),
            found => found?,
        };
        if !self.dry_run && found.are_some() {
            if found.files {
                let contents = contents.into_iter().map(Bytes::from).collect();
                self.store.put_blobs(workspace, contents).await?;
            }
            found = self.store.reparse(workspace, kept.id, &mail).await?;
        }
        self.done.count(found);
        Ok(())
    }
}

fn at(slug: &str, after: Option<MessageId>) -> String {
    match after {
        Some(id) => format!("to go on: --after {slug}/{}", id.0),
        None => format!("in {slug}"),
    }
}
