//! Choosing another password.

use crate::form::{Form, Request, email, line, new_password, secret};
use postroom_domain::address::EmailAddress;
use secrecy::SecretString;
use utoipa::ToSchema;

/// Another password, by who knows the present one.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"current_password": "correct horse battery staple", "new_password": "a field of blue barley"}))]
pub struct PasswordRequest {
    /// The present one.
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 1024, example = "correct horse battery staple")]
    pub current_password: SecretString,
    /// The new one: at least 10 characters, at most 1,024 bytes.
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 1024, example = "a field of blue barley")]
    pub new_password: SecretString,
}

impl Request for PasswordRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let current_password = form.required("current_password", secret(crate::password::MAX_LENGTH));
        let new_password = form.required("new_password", new_password);
        Some(Self { current_password: current_password?, new_password: new_password? })
    }
}

/// Who has forgotten their password.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"workspace": "acme", "email": "ann@acme.example"}))]
pub struct ResetRequest {
    /// The workspace's slug. Left out: wherever the address is known.
    #[schema(max_length = 63, example = "acme")]
    pub workspace: Option<String>,
    /// The address that they sign in with.
    #[schema(value_type = String, format = Email, example = "ann@acme.example")]
    pub email: EmailAddress,
}

impl Request for ResetRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let workspace = form.optional("workspace", line(63));
        let email = form.required("email", email);
        Some(Self { workspace: workspace?, email: email? })
    }
}

/// A new password, by who has the link.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"password": "a field of blue barley"}))]
pub struct NewPasswordRequest {
    /// At least 10 characters, at most 1,024 bytes.
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 1024, example = "a field of blue barley")]
    pub password: SecretString,
}

impl Request for NewPasswordRequest {
    fn read(form: &mut Form<'_>) -> Option<Self> {
        let password = form.required("password", new_password);
        Some(Self { password: password? })
    }
}
