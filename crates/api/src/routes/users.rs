//! The people of a workspace: looked at by everybody, managed by owner and administrators.

use crate::{
    answer,
    body::{Body, Parameters, path_id},
    caller::Caller,
    cursor::{self, Scope},
    etag::{self, Expected},
    headers::{IdempotencyHeader, IfMatchHeader, IfNoneMatchHeader},
    limits::client_address,
    problem::{Code, Problem},
    server::State,
    shapes::{
        list::ListView,
        user::{InvitationRequest, UserRequest, UserView, UsersQuery},
    },
};
use actix_web::{HttpRequest, HttpResponse, get, patch, post, web::Data};
use postroom_domain::{access::Permission, ids::UserId};
use postroom_store::{StoreError, StoredAnswer, User};
use serde_json::value::RawValue;

/// Users
///
/// The users of the workspace by name. Every role may list the active ones, to choose an owner from; the others are for
/// who manages users.
#[utoipa::path(
    tag = "Users", operation_id = "list_users", params(UsersQuery),
    extensions(("x-problems" = json!(["role_not_allowed", "scope_not_allowed"]))),
    responses((status = 200, description = "A page of users.", body = ListView<UserView>)),
)]
#[get("/v1/users")]
pub(crate) async fn index(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    query: Parameters,
) -> Result<HttpResponse, Problem> {
    // Whether the role may comes before what else is wrong with the request.
    let others = ["invited", "deactivated", "all"].iter().any(|status| query.says("status", status));
    if others {
        caller.actor.require(Permission::ManageUsers)?;
    }
    let page: UsersQuery = query.read()?;
    let status = page.status.status();
    let scope = Scope::of("/v1/users")
        .with(caller.actor.user_id.0.as_bytes())
        .with(format!("{:?}", page.status).as_bytes());
    let after: Option<(String, UserId)> =
        page.cursor.as_deref().map(|cursor| cursor::open(&state.cursor_key, &scope, cursor)).transpose()?;
    let found = state.store.users(&caller.actor, status, after.as_ref(), page.limit).await?;
    let next = match found.items.last().filter(|_| found.more) {
        Some(last) => Some(cursor::seal(&state.cursor_key, &scope, &(&last.name, last.id))?),
        None => None,
    };
    let users = found.items.into_iter().map(UserView::from).collect();
    Ok(answer::list(&request, &state, users, next))
}

/// One user
///
/// An active one for every role; any one for who manages users.
#[utoipa::path(
    tag = "Users", operation_id = "get_user",
    params(("id" = Uuid, Path, description = "The user's id."), IfNoneMatchHeader),
    responses((status = 200, description = "The user.", body = UserView)),
)]
#[get("/v1/users/{id}")]
pub(crate) async fn show(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let user = state.store.user(&caller.actor, path_id(&request, "id")).await?;
    let view = UserView::from(user);
    answer::resource(&request, view.version, &view)
}

/// Invite a user
///
/// Makes a user who is `invited`, and sends them a mail with a link to the page, where they choose their password. They
/// are active when they have accepted. The mail leaves on its own, also when its server is away for a while.
#[utoipa::path(
    tag = "Users", operation_id = "invite_user", params(IdempotencyHeader), request_body = InvitationRequest,
    extensions(("x-problems" = json!(["role_not_allowed", "mail_not_configured"]))),
    responses((status = 201, description = "The invited user.", body = UserView)),
)]
#[post("/v1/users")]
pub(crate) async fn invite(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    caller.actor.require(Permission::ManageUsers)?;
    let new: InvitationRequest = body.read().await?;
    let claim = answer::claim(&request, &state, &body, &caller.actor)?;
    require_mail(&state)?;
    let outcome = state.store.invite_user(&caller.actor, &new.into(), claim.as_ref(), made).await?;
    answer::outcome(&request, outcome, made, |as_kept: Box<RawValue>| as_kept).await
}

fn made(user: &User) -> StoredAnswer {
    answer::made(format!("/v1/users/{}", user.id), user.version, &UserView::from(user.clone()))
}

/// Send an invitation again
///
/// With another link; the one before is void from now on. Also for one whose invitation was taken back or has expired.
#[utoipa::path(
    tag = "Users", operation_id = "resend_invitation",
    params(("id" = Uuid, Path, description = "The user's id.")),
    extensions(("x-problems" = json!(["role_not_allowed", "not_invited", "mail_not_configured"]))),
    responses((status = 200, description = "The invited user.", body = UserView,
        headers(("ETag" = String, description = "`\"<version>-<digest>\"`, for `If-Match` and `If-None-Match`.")))),
)]
#[post("/v1/users/{id}/invitation")]
pub(crate) async fn resend(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id: UserId = path_id(&request, "id");
    state.store.user_to_change(&caller.actor, id).await?;
    body.nothing().await?;
    require_mail(&state)?;
    // Nobody's mailbox is to be filled through us.
    let address = client_address(&request, state.settings.trusted_proxies);
    state.limits.sign_in(address, &id.to_string())?;
    let view = UserView::from(state.store.resend_invitation(&caller.actor, id).await?);
    answer::resource(&request, view.version, &view)
}

/// Change a user
///
/// Their role, or whether they may sign in. With `active: false` their sessions and API keys end at once, their mailbox is
/// read no more, and all that they own (conversations, contacts, deals, what comes through shared mailboxes) goes to
/// `reassign_to`, in one step: pages load anew (`view.reset`). The owner stays the owner, and active; nobody takes their
/// own role or access away.
#[utoipa::path(
    tag = "Users", operation_id = "update_user",
    params(("id" = Uuid, Path, description = "The user's id."), IfMatchHeader), request_body = UserRequest,
    extensions(("x-problems" = json!(["role_not_allowed"]))),
    responses((status = 200, description = "The user as they are now.", body = UserView)),
)]
#[patch("/v1/users/{id}")]
pub(crate) async fn update(
    caller: Caller,
    request: HttpRequest,
    state: Data<State>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id: UserId = path_id(&request, "id");
    let expected = Expected::of(request.headers());
    let present = async || {
        let view = UserView::from(state.store.user_to_change(&caller.actor, id).await?);
        Ok((view.version, view))
    };
    let edit = answer::judged(body.read::<UserRequest>().await, expected, present()).await?;
    match state.store.change_user(&caller.actor, id, expected.version(), edit.into()).await {
        Ok(user) => {
            let view = UserView::from(user);
            answer::resource(&request, view.version, &view)
        }
        Err(StoreError::StaleVersion) => Err(etag::stale(&present().await?.1)),
        Err(error) => Err(error.into()),
    }
}

/// Refuses where no mail of our own can leave.
pub(super) fn require_mail(state: &State) -> Result<(), Problem> {
    if state.settings.sends_mail {
        return Ok(());
    }
    Err(Problem::new(Code::MailNotConfigured)
        .detail("The operator has not configured a mail server for Postroom's own mail."))
}
