//! What the mails say.

use chrono::Utc;
use postroom_mime::{ComposeError, Outgoing, compose};
use postroom_store::{LinkPurpose, SystemMail};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use super::SystemMailSettings;

/// The whole mail. Under the same id each time: who gets it twice is shown it once.
pub(super) fn write(
    settings: &SystemMailSettings,
    mail: &SystemMail,
    id: Uuid,
) -> Result<Vec<u8>, ComposeError> {
    let (subject, text) = words(mail, &settings.app_url);
    let composed = compose(&Outgoing {
        message_id: format!("{id}@{}", settings.from.address.domain()),
        in_reply_to: None,
        references: Vec::new(),
        date: Utc::now(),
        from: settings.from.clone(),
        to: vec![mail.to.clone()],
        cc: Vec::new(),
        subject,
        text,
        html: String::new(),
        attachments: Vec::new(),
    })?;
    // No person wrote it, and no absence is to be answered (RFC 3834, 5).
    Ok([b"Auto-Submitted: auto-generated\r\n".as_slice(), &composed].concat())
}

fn words(mail: &SystemMail, app_url: &str) -> (String, String) {
    let workspace = &mail.workspace_name;
    let name = mail.to.name.as_deref().unwrap_or_default();
    let token = mail.token.expose_secret();
    match mail.purpose {
        LinkPurpose::Invitation => (
            format!("You are invited to {workspace}"),
            format!(
                "Hello {name},\n\nyou are invited to work on the customer mail of {workspace}. Choose your password \
                 here:\n\n{app_url}/invitations/{token}\n\nThe link is good once, within 7 days. If you don't know what \
                 this is about, nothing happens without you.\n"
            ),
        ),
        LinkPurpose::PasswordReset => (
            format!("A new password for {workspace}"),
            format!(
                "Hello {name},\n\nsomebody, probably you, has asked for a new password for your account at {workspace}. \
                 Choose it here:\n\n{app_url}/password-reset/{token}\n\nThe link is good once, within an hour. If it wasn't \
                 you, nothing changes: your password stays as it is.\n"
            ),
        ),
    }
}
