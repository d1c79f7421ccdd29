//! Secrets at rest: mailboxes' credentials, signing keys and the links of mails that wait, encrypted with the installation's master key.
//!
//! From the master key two others are derived (HKDF-SHA-256, RFC 5869): one encrypts (AES-256-GCM), the other is the
//! root of the codes on cursors and links. Sealed bytes are a format byte, the sealing key's id, the nonce, and the
//! ciphertext with its tag. Where a secret belongs is authenticated with it: moved to another row, or another column
//! of the same row, it can't be opened.

use crate::error::StoreError;
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest, hkdf,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use postroom_domain::ids::{MailboxId, UserId, WorkspaceId};
use secrecy::{ExposeSecret, SecretBox, SecretSlice, SecretString};
use std::{fmt, sync::Arc};
use uuid::Uuid;

/// The first byte of what [`MasterKey::seal`] makes.
const FORMAT: u8 = 1;
/// Bytes of a key's id.
const KEY_ID: usize = 4;

/// The key of the installation, from which all others are derived. It can't be printed.
#[derive(Clone)]
pub struct MasterKey(Arc<Keys>);

struct Keys {
    id: [u8; KEY_ID],
    sealing: RandomizedNonceKey,
    links: SecretBox<[u8; 32]>,
}

/// Why a text is no master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// Not base64.
    #[error("the master key is not base64")]
    NotBase64,
    /// Of another length.
    #[error("the master key has {0} bytes, not 32")]
    Length(usize),
    /// The cryptographic library refused it.
    #[error("no keys could be derived from the master key")]
    Derivation,
}

/// What a sealed secret belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// The password of a mailbox's account for reading.
    Imap(WorkspaceId, MailboxId),
    /// The password of a mailbox's account for sending.
    Smtp(WorkspaceId, MailboxId),
    /// The access token of a mailbox that signs in through its provider.
    AccessToken(WorkspaceId, MailboxId),
    /// What gets the next one.
    RefreshToken(WorkspaceId, MailboxId),
    /// A sign-in at a provider that a user has begun.
    SignIn(WorkspaceId, UserId),
    /// The private half of a key that signs access tokens.
    SigningKey(&'a str),
    /// The token of the link in a mail of Postroom's own.
    SystemMail(WorkspaceId, Uuid),
}

impl Place<'_> {
    fn associated_data(self) -> Vec<u8> {
        let row = |field: &[u8], workspace: WorkspaceId, id: Uuid| {
            [field, workspace.0.as_bytes(), id.as_bytes()].concat()
        };
        match self {
            Self::Imap(workspace, id) => row(b"mailboxes.imap_secret\0", workspace, id.0),
            Self::Smtp(workspace, id) => row(b"mailboxes.smtp_secret\0", workspace, id.0),
            Self::AccessToken(workspace, id) => row(b"mailbox_grants.access_token\0", workspace, id.0),
            Self::RefreshToken(workspace, id) => row(b"mailbox_grants.refresh_token\0", workspace, id.0),
            Self::SignIn(workspace, user) => row(b"provider sign-in\0", workspace, user.0),
            Self::SystemMail(workspace, id) => row(b"system_mails.token\0", workspace, id),
            Self::SigningKey(kid) => [b"signing_keys.private_key\0", kid.as_bytes()].concat(),
        }
    }
}

impl MasterKey {
    /// Takes the key as base64 of 32 random bytes (`openssl rand -base64 32`).
    ///
    /// # Errors
    /// When it is not base64 or not 32 bytes.
    pub fn from_base64(text: &SecretString) -> Result<Self, MasterKeyError> {
        let bytes: SecretSlice<u8> =
            STANDARD.decode(text.expose_secret().trim()).map_err(|_| MasterKeyError::NotBase64)?.into();
        if bytes.expose_secret().len() != 32 {
            return Err(MasterKeyError::Length(bytes.expose_secret().len()));
        }
        Keys::derive(bytes.expose_secret()).map(|keys| Self(Arc::new(keys)))
    }

    /// The secret behind the codes on cursors and links, the same on every server of the installation.
    #[must_use]
    pub fn link_secret(&self) -> &SecretBox<[u8; 32]> {
        &self.0.links
    }

    /// Encrypts a secret for one place.
    pub(crate) fn seal(&self, place: Place<'_>, secret: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut ciphertext = secret.to_vec();
        let nonce = self
            .0
            .sealing
            .seal_in_place_append_tag(Aad::from(place.associated_data()), &mut ciphertext)
            .map_err(|_| StoreError::Secret)?;
        Ok([&[FORMAT], &self.0.id[..], nonce.as_ref(), &ciphertext].concat())
    }

    /// Decrypts what was sealed for this very place with this very key.
    pub(crate) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<SecretSlice<u8>, StoreError> {
        let parts = sealed
            .split_first()
            .filter(|(format, _)| **format == FORMAT)
            .and_then(|(_, rest)| rest.split_at_checked(KEY_ID))
            .filter(|(id, _)| *id == self.0.id)
            .and_then(|(_, rest)| rest.split_at_checked(NONCE_LEN));
        let (nonce, ciphertext) = parts.ok_or(StoreError::Secret)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| StoreError::Secret)?;
        let mut buffer: SecretBox<Vec<u8>> = SecretBox::new(Box::new(ciphertext.to_vec()));
        let plain = self
            .0
            .sealing
            .open_in_place(
                nonce,
                Aad::from(place.associated_data()),
                secrecy::ExposeSecretMut::expose_secret_mut(&mut buffer),
            )
            .map_err(|_| StoreError::Secret)?;
        Ok(SecretSlice::from(plain.to_vec()))
    }

    /// As [`MasterKey::open`], for a secret that is text.
    pub(crate) fn open_text(&self, place: Place<'_>, sealed: &[u8]) -> Result<SecretString, StoreError> {
        let bytes = self.open(place, sealed)?;
        let text = std::str::from_utf8(bytes.expose_secret()).map_err(|_| StoreError::Secret)?;
        Ok(SecretString::from(text))
    }
}

impl Keys {
    fn derive(master: &[u8]) -> Result<Self, MasterKeyError> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"postroom").extract(master);
        let key = |purpose: &[u8]| -> Result<SecretBox<[u8; 32]>, MasterKeyError> {
            let mut derived = SecretBox::new(Box::new([0; 32]));
            root.expand(&[purpose], hkdf::HKDF_SHA256)
                .and_then(|okm| okm.fill(secrecy::ExposeSecretMut::expose_secret_mut(&mut derived)))
                .map_err(|_| MasterKeyError::Derivation)?;
            Ok(derived)
        };
        let sealing = key(b"seal v1")?;
        let mut id = [0; KEY_ID];
        let digest = digest::digest(&digest::SHA256, key(b"id v1")?.expose_secret());
        for (to, from) in id.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        Ok(Self {
            id,
            sealing: RandomizedNonceKey::new(&AES_256_GCM, sealing.expose_secret())
                .map_err(|_| MasterKeyError::Derivation)?,
            links: key(b"links v1")?,
        })
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> MasterKey {
        MasterKey::from_base64(&STANDARD.encode([byte; 32]).into()).unwrap()
    }

    fn place(workspace: u128, mailbox: u128) -> (WorkspaceId, MailboxId) {
        (WorkspaceId(Uuid::from_u128(workspace)), MailboxId(Uuid::from_u128(mailbox)))
    }

    #[test]
    fn only_32_bytes_of_base64_are_a_key() {
        let parse = |text: &str| MasterKey::from_base64(&text.to_owned().into()).map(|_| ());
        assert_eq!(parse("no base64!"), Err(MasterKeyError::NotBase64));
        assert_eq!(parse(""), Err(MasterKeyError::Length(0)));
        assert_eq!(parse(&STANDARD.encode([1; 31])), Err(MasterKeyError::Length(31)));
        assert_eq!(parse(&format!(" {}\n", STANDARD.encode([1; 32]))), Ok(()));
    }

    #[test]
    fn it_can_not_be_printed() {
        assert_eq!(format!("{:?}", key(7)), "MasterKey(…)");
    }

    #[test]
    fn a_secret_opens_only_in_its_place_and_with_its_key() {
        let (workspace, mailbox) = place(1, 2);
        let sealed = key(1).seal(Place::Imap(workspace, mailbox), "pässword".as_bytes()).unwrap();
        let open = |key: MasterKey, place: Place<'_>| {
            key.open_text(place, &sealed).map(|text| text.expose_secret().to_owned()).ok()
        };
        assert_eq!(open(key(1), Place::Imap(workspace, mailbox)).as_deref(), Some("pässword"));
        assert_eq!(open(key(2), Place::Imap(workspace, mailbox)), None);
        assert_eq!(open(key(1), Place::Smtp(workspace, mailbox)), None);
        let (other_workspace, other_mailbox) = place(3, 4);
        assert_eq!(open(key(1), Place::Imap(other_workspace, mailbox)), None);
        assert_eq!(open(key(1), Place::Imap(workspace, other_mailbox)), None);
    }

    #[test]
    fn a_changed_or_shortened_secret_never_opens() {
        let place = Place::SigningKey("k");
        let sealed = key(1).seal(place, b"secret").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key(1).open(place, &changed).is_err(), "byte {at} was changed");
            assert!(key(1).open(place, &sealed[..at]).is_err(), "cut at {at}");
        }
        assert_eq!(key(1).open(place, &sealed).unwrap().expose_secret(), b"secret");
    }

    proptest::proptest! {
        #[test]
        fn every_secret_comes_back_and_no_other_bytes_open(
            secret: Vec<u8>,
            noise: Vec<u8>,
            workspace: u128,
            mailbox: u128,
        ) {
            let (workspace, mailbox) = place(workspace, mailbox);
            let sealed = key(1).seal(Place::Smtp(workspace, mailbox), &secret).unwrap();
            let opened = key(1).open(Place::Smtp(workspace, mailbox), &sealed).unwrap();
            proptest::prop_assert_eq!(opened.expose_secret(), secret.as_slice());
            proptest::prop_assert!(secret.len() < 8 || !sealed.windows(secret.len()).any(|part| part == secret));
            proptest::prop_assert!(key(1).open(Place::Smtp(workspace, mailbox), &noise).is_err());
        }
    }

    #[test]
    fn the_same_secret_never_looks_the_same() {
        let place = Place::SigningKey("k");
        assert_ne!(key(1).seal(place, b"secret").unwrap(), key(1).seal(place, b"secret").unwrap());
    }

    #[test]
    fn links_hold_on_every_server_and_differ_between_installations() {
        assert_eq!(key(1).link_secret().expose_secret(), key(1).link_secret().expose_secret());
        assert_ne!(key(1).link_secret().expose_secret(), key(2).link_secret().expose_secret());
    }
}
