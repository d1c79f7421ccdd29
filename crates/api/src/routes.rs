//! The operations, one file for each kind of thing. Registering one here documents it.

mod api_keys;
mod attachments;
mod audit;
mod auth;
mod avatars;
mod companies;
mod contact_emails;
mod contact_links;
mod contacts;
mod conversations;
mod custom_fields;
mod deals;
mod documents;
mod events;
mod faults;
mod health;
mod intake;
mod invitations;
mod lookups;
mod mailboxes;
mod me;
mod messages;
mod passwords;
mod presence;
mod previews;
mod providers;
mod recipients;
mod sending;
mod threads;
mod users;
mod workspace;

use crate::server;
use actix_web::web;
use utoipa_actix_web::service_config::ServiceConfig;

/// Registers every operation, in the order of the page.
pub fn register(config: &mut ServiceConfig) {
    config
        .service(auth::login)
        .service(auth::refresh)
        .service(auth::logout)
        .service(invitations::show)
        .service(invitations::accept)
        .service(passwords::request_reset)
        .service(passwords::reset)
        .service(me::show)
        .service(me::update)
        .service(passwords::change)
        .service(avatars::set_mine)
        .service(avatars::remove_mine)
        .service(workspace::show)
        .service(workspace::update)
        .service(workspace::request_feature)
        .service(workspace::feature_requests)
        .service(conversations::index)
        .service(conversations::counts)
        // Another method here must not be taken for one on a conversation with the id "counts".
        .map(|config| config.service(web::resource("/v1/conversations/counts").to(server::nothing_here)))
        .service(conversations::show)
        .service(conversations::update)
        .service(conversations::seen)
        .service(conversations::unseen)
        .service(threads::index)
        .service(threads::show)
        .service(threads::start)
        .service(messages::index)
        .service(messages::show_in_conversation)
        .service(messages::reply)
        .service(previews::reply)
        .service(messages::create)
        .service(previews::new_mail)
        // Another method here must not be taken for one on a message with the id "preview".
        .map(|config| config.service(web::resource("/v1/messages/preview").to(server::nothing_here)))
        .service(sending::index)
        .service(messages::show)
        .service(events::index)
        .service(events::stream)
        .service(events::issue_ticket)
        .service(presence::set)
        .service(presence::index)
        .service(sending::cancel)
        .service(sending::retry)
        .service(sending::raw)
        .service(attachments::create)
        .service(attachments::show)
        .service(attachments::content)
        .service(contacts::index)
        .service(contacts::create)
        .service(contacts::show)
        .service(contacts::update)
        .service(contact_emails::create)
        .service(contact_emails::update)
        .service(contact_emails::remove)
        .service(contact_links::set_company)
        .service(contact_links::remove_company)
        .service(contact_links::add_deal)
        .service(contact_links::remove_deal)
        .service(avatars::set_contacts)
        .service(avatars::remove_contacts)
        .service(companies::index)
        .service(companies::create)
        .service(companies::show)
        .service(companies::update)
        .service(deals::index)
        .service(deals::create)
        .service(deals::show)
        .service(deals::update)
        .service(users::invite)
        .service(users::index)
        .service(users::show)
        .service(users::update)
        .service(users::resend)
        .service(avatars::content)
        .service(recipients::index)
        .service(custom_fields::create)
        .service(custom_fields::index)
        .service(custom_fields::show)
        .service(custom_fields::update)
        .service(custom_fields::remove)
        .service(api_keys::create)
        .service(api_keys::index)
        .service(api_keys::show)
        .service(api_keys::revoke)
        .service(providers::index)
        .service(providers::sign_in)
        .service(mailboxes::create)
        .service(providers::create)
        // Another method here must not be taken for one on a mailbox with the id "oauth".
        .map(|config| config.service(web::resource("/v1/mailboxes/oauth").to(server::nothing_here)))
        .service(providers::sign_in_mailbox)
        .service(mailboxes::index)
        .service(mailboxes::show)
        .service(mailboxes::update)
        .service(mailboxes::remove)
        .service(mailboxes::test)
        .service(intake::index)
        .service(intake::mail_bytes)
        .service(intake::take_in_again)
        .service(audit::index)
        .service(health::healthz)
        .service(health::readyz)
        .service(documents::jwks)
        .service(documents::openapi_json);
}

/// Registers what is for people's browsers, and not part of the API.
pub fn register_pages(config: &mut web::ServiceConfig) {
    config
        .service(documents::docs)
        .service(documents::errors)
        .service(documents::error_page)
        .service(documents::reference());
}
