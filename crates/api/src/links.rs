//! Addresses of attachments and pictures that load without headers (`<img src>`), for one to two hours.
//!
//! The expiry is rounded to the hour, so that the same attachment has the same address for a while and caches hit.
//! Who has such an address may read that one attachment until then; it is made when answering and never stored.

use crate::{
    keys::Key,
    problem::{Code, Problem},
    shapes::picture::{BEFORE, BEHIND},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use postroom_domain::ids::{AttachmentId, WorkspaceId};
use serde::Deserialize;
use uuid::Uuid;

const HOUR: i64 = 3600;
/// What a signature is for.
const ATTACHMENT: &[u8] = b"attachment";
const PICTURE: &[u8] = b"picture";

/// Makes the addresses in one answer.
#[derive(Debug, Clone)]
pub struct Links {
    base: String,
    workspace: WorkspaceId,
    key: Key,
    expires: i64,
}

impl Links {
    /// Signed addresses under `base` (scheme, host and port, no slash at the end), as of `now`.
    #[must_use]
    pub fn signed(base: &str, key: &Key, workspace: WorkspaceId, now: DateTime<Utc>) -> Self {
        let expires = (now.timestamp().div_euclid(HOUR) + 2) * HOUR;
        Self { base: base.to_owned(), workspace, key: key.clone(), expires }
    }

    /// The address of an attachment's content.
    #[must_use]
    pub fn attachment(&self, id: AttachmentId) -> String {
        self.address(&format!("/v1/attachments/{id}/content"), ATTACHMENT, id.0.as_bytes())
    }

    /// Puts the addresses of pictures into an answer's JSON, in the place of their names.
    #[must_use]
    pub fn sign(&self, json: &str) -> String {
        let mut signed = String::with_capacity(json.len());
        let mut rest = json;
        while let Some((before, behind)) = rest.split_once(BEFORE) {
            let Some((name, further)) = behind.split_once(BEHIND) else { break };
            let address = self.address(&format!("/v1/avatars/{name}"), PICTURE, name.as_bytes());
            signed.extend([before, "\"", &address, "\""]);
            rest = further;
        }
        signed.push_str(rest);
        signed
    }

    /// The same as of another moment, for what goes on for long.
    #[must_use]
    pub fn as_of(&self, now: DateTime<Utc>) -> Self {
        Self::signed(&self.base, &self.key, self.workspace, now)
    }

    fn address(&self, path: &str, kind: &[u8], id: &[u8]) -> String {
        let parts: [&[u8]; 4] = [kind, self.workspace.0.as_bytes(), id, &self.expires.to_be_bytes()];
        let signature = URL_SAFE_NO_PAD.encode(self.key.code(&parts));
        let workspace = Uuid::from(self.workspace).simple();
        format!("{}{path}?workspace={workspace}&expires={}&signature={signature}", self.base, self.expires)
    }
}

/// The parameters of a signed address.
#[derive(Debug, Clone, Deserialize)]
pub struct Signature {
    /// Whose attachment it is.
    pub workspace: Uuid,
    /// Seconds since 1970 after which the address is worth nothing.
    pub expires: i64,
    /// The authentication code, base64url.
    pub signature: String,
}

impl Signature {
    /// The workspace whose attachment may be read by this signature.
    ///
    /// # Errors
    /// 404 where the signature is not ours, 403 `link_expired` where it was.
    pub fn check(&self, key: &Key, id: AttachmentId, now: DateTime<Utc>) -> Result<WorkspaceId, Problem> {
        self.check_for(key, (ATTACHMENT, id.0.as_bytes()), now)
    }

    /// The workspace whose picture may be read by this signature.
    ///
    /// # Errors
    /// As [`Signature::check`].
    pub fn check_picture(&self, key: &Key, name: &str, now: DateTime<Utc>) -> Result<WorkspaceId, Problem> {
        self.check_for(key, (PICTURE, name.as_bytes()), now)
    }

    fn check_for(
        &self,
        key: &Key,
        (kind, id): (&[u8], &[u8]),
        now: DateTime<Utc>,
    ) -> Result<WorkspaceId, Problem> {
        let workspace = WorkspaceId(self.workspace);
        let given = URL_SAFE_NO_PAD.decode(&self.signature).map_err(|_| Problem::not_found())?;
        let parts: [&[u8]; 4] = [kind, workspace.0.as_bytes(), id, &self.expires.to_be_bytes()];
        if !key.verify(&parts, &given) {
            return Err(Problem::not_found());
        }
        if now.timestamp() >= self.expires {
            return Err(Problem::new(Code::LinkExpired).detail(
                "This link was valid for an hour or two; read what it came with again for a fresh one.",
            ));
        }
        Ok(workspace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Purpose;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn parameters(address: &str) -> Signature {
        let url = url::Url::parse(address).unwrap();
        let pairs: serde_json::Map<String, serde_json::Value> = url
            .query_pairs()
            .map(|(name, value)| {
                let value = match name.as_ref() {
                    "expires" => serde_json::json!(value.parse::<i64>().unwrap()),
                    _ => serde_json::json!(value),
                };
                (name.into_owned(), value)
            })
            .collect();
        serde_json::from_value(pairs.into()).unwrap()
    }

    #[test]
    fn is_good_for_one_to_two_hours_and_one_attachment() {
        let key = Key::derive(&[3; 32], Purpose::Link);
        let (workspace, id) = (WorkspaceId(Uuid::from_u128(1)), AttachmentId(Uuid::from_u128(2)));
        for made_at in [0, 1, 1799, 3599, 3600, 1_700_000_000] {
            let address = Links::signed("http://h:1", &key, workspace, at(made_at)).attachment(id);
            let signature = parameters(&address);
            assert_eq!(signature.check(&key, id, at(made_at)).unwrap(), workspace);
            assert!(signature.check(&key, id, at(made_at + HOUR)).is_ok(), "{made_at}");
            let late = signature.check(&key, id, at(made_at + 2 * HOUR)).unwrap_err();
            assert_eq!(late.code(), Code::LinkExpired, "{made_at}");
            let other = signature.check(&key, AttachmentId(Uuid::from_u128(3)), at(made_at)).unwrap_err();
            assert_eq!(other.code(), Code::NotFound);
            let longer = Signature { expires: signature.expires + HOUR, ..signature };
            assert_eq!(longer.check(&key, id, at(made_at)).unwrap_err().code(), Code::NotFound);
        }
    }

    #[test]
    fn is_the_same_within_an_hour() {
        let key = Key::derive(&[3; 32], Purpose::Link);
        let (workspace, id) = (WorkspaceId(Uuid::from_u128(1)), AttachmentId(Uuid::from_u128(2)));
        let made = |seconds| Links::signed("http://h:1", &key, workspace, at(seconds)).attachment(id);
        assert_eq!(made(7200), made(10_799));
        assert_ne!(made(7200), made(10_800));
    }
}
