//! `postroom workspace …` and `postroom user …`: what the operator makes.

use crate::{
    cli::{CreateUser, CreateWorkspace, Feature, InviteLink, SwitchFeature, User, Workspace},
    config::Config,
};
use anyhow::{Context, Result, bail};
use postroom_api::password;
use postroom_domain::address::EmailAddress;
use postroom_store::{NewUser, NewWorkspace, Store, StoreError};
use secrecy::{ExposeSecret, SecretString};
use std::io::{self, IsTerminal, Write};

/// Runs `postroom workspace …`.
pub(crate) async fn workspace(command: &Workspace, store: &Store, out: &mut impl Write) -> Result<()> {
    match command {
        Workspace::Create(create) => create_workspace(create, store, out).await,
        Workspace::Enable(enable) => switch_feature(enable, store, out, true).await,
        Workspace::Disable(disable) => switch_feature(disable, store, out, false).await,
    }
}

/// Runs `postroom user …`.
pub(crate) async fn user(command: &User, config: &Config, store: &Store, out: &mut impl Write) -> Result<()> {
    match command {
        User::Create(create) => create_user(create, store, out).await,
        User::InviteLink(link) => invite_link(link, config, store, out).await,
    }
}

async fn invite_link(link: &InviteLink, config: &Config, store: &Store, out: &mut impl Write) -> Result<()> {
    let page = config
        .app_url
        .as_ref()
        .context("POSTROOM_APP_URL must be given: the link leads to the page there")?;
    let email = EmailAddress::parse(&link.email).context("--email")?;
    let token = store.invitation_token(&link.workspace, &email).await.map_err(|error| match error {
        StoreError::NotFound => anyhow::anyhow!("there is no user {email} in a workspace {}", link.workspace),
        StoreError::NotInvited => anyhow::anyhow!("{email} has accepted already"),
        other => other.into(),
    })?;
    writeln!(out, "{page}/invitations/{}", token.expose_secret())?;
    Ok(())
}

async fn create_workspace(create: &CreateWorkspace, store: &Store, out: &mut impl Write) -> Result<()> {
    let new = NewWorkspace {
        slug: create.slug.clone(),
        name: create.name.clone(),
        owner_email: EmailAddress::parse(&create.owner_email).context("--owner-email")?,
        owner_name: create.owner_name.clone(),
        owner_password_hash: password_hash().await?,
    };
    let made = store.create_workspace(&new).await.map_err(|error| match error {
        StoreError::Taken("slug") => anyhow::anyhow!("there is a workspace {} already", create.slug),
        other => other.into(),
    })?;
    writeln!(out, "workspace {} made: {}", create.slug, made.id)?;
    writeln!(out, "owner {}: {}", new.owner_email, made.owner_id)?;
    Ok(())
}

async fn switch_feature(switch: &SwitchFeature, store: &Store, out: &mut impl Write, on: bool) -> Result<()> {
    let Feature::Conversations = switch.feature;
    let (switched, state) = if on {
        (store.enable_conversations(&switch.slug).await, "enabled")
    } else {
        (store.disable_conversations(&switch.slug).await, "disabled")
    };
    let new = switched.map_err(|error| unknown(error, &switch.slug))?;
    let since = if new { "is" } else { "was" };
    let when = if new { "now" } else { "already" };
    writeln!(out, "conversations: {since} {state} {when} for {}", switch.slug)?;
    Ok(())
}

async fn create_user(create: &CreateUser, store: &Store, out: &mut impl Write) -> Result<()> {
    let new = NewUser {
        workspace: create.workspace.clone(),
        email: EmailAddress::parse(&create.email).context("--email")?,
        name: create.name.clone(),
        role: create.role.into(),
        password_hash: password_hash().await?,
    };
    let id = store.create_user(&new).await.map_err(|error| match error {
        StoreError::Taken("email") => {
            anyhow::anyhow!("the workspace {} has a user {} already", create.workspace, new.email)
        }
        other => unknown(other, &create.workspace),
    })?;
    writeln!(out, "user {} made: {id}", new.email)?;
    Ok(())
}

fn unknown(error: StoreError, slug: &str) -> anyhow::Error {
    match error {
        StoreError::NotFound => anyhow::anyhow!("there is no workspace {slug}"),
        other => other.into(),
    }
}

/// Takes POSTROOM_PASSWORD, or asks twice on the terminal.
async fn password_hash() -> Result<String> {
    let password = match std::env::var("POSTROOM_PASSWORD") {
        Ok(text) => SecretString::from(text),
        Err(_) if io::stdin().is_terminal() => ask()?,
        Err(_) => bail!("a password is needed: set POSTROOM_PASSWORD, or run this on a terminal"),
    };
    let (characters, bytes) = (password.expose_secret().chars().count(), password.expose_secret().len());
    if characters < password::MIN_LENGTH || bytes > password::MAX_LENGTH {
        bail!(
            "a password has at least {} characters, and at most {} bytes",
            password::MIN_LENGTH,
            password::MAX_LENGTH
        );
    }
    Ok(password::hash(password).await?)
}

fn ask() -> Result<SecretString> {
    let read = |prompt: &str| -> Result<SecretString> {
        Ok(rpassword::prompt_password(prompt).context("reading the password")?.into())
    };
    let (first, second) = (read("Password: ")?, read("Once more: ")?);
    if first.expose_secret() != second.expose_secret() {
        bail!("the two passwords differ");
    }
    Ok(first)
}
