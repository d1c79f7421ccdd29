//! Ed25519 keys that sign access tokens: in the database, so that every server has the same, their private halves
//! sealed with the master key.

use crate::{Store, error::StoreError, schema::signing_keys as keys, seal::Place, transaction::Tx};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use secrecy::{ExposeSecret, SecretSlice};

/// A retired key still checks for so long what it has signed: longer than any access token lives.
const CHECKS_ON: TimeDelta = TimeDelta::hours(1);

/// A key with its name.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// The name in the tokens' headers (`kid`).
    pub kid: String,
    /// The private key, PKCS #8 DER.
    pub private_key: SecretSlice<u8>,
}

/// A key as it is kept.
struct Sealed {
    private: Vec<u8>,
    public: Vec<u8>,
}

/// One changes the keys at a time.
async fn lock(tx: &Tx) -> Result<(), StoreError> {
    tx.batch("SELECT pg_advisory_xact_lock(hashtext('postroom signing keys'))").await
}

async fn insert(tx: &Tx, kid: &str, key: &Sealed, from: DateTime<Utc>) -> Result<(), StoreError> {
    diesel::insert_into(keys::table)
        .values((
            keys::kid.eq(kid),
            keys::private_key.eq(&key.private),
            keys::public_key.eq(&key.public),
            keys::created_at.eq(from),
        ))
        .execute(&mut tx.conn())
        .await?;
    Ok(())
}

impl Store {
    /// The keys in use: the one that signs first, then those that still check.
    ///
    /// # Errors
    /// [`StoreError::Secret`] where one was sealed with another master key.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        let tx = self.begin_read_global().await?;
        let keys = self.load_keys(&tx).await?;
        tx.commit().await?;
        Ok(keys)
    }

    /// Gives the keys in use, with the offered one added where there is none that signs. Servers that start at the same
    /// time agree on one.
    ///
    /// # Errors
    /// As [`Store::signing_keys`]; [`StoreError::Secret`] where the offered one is no Ed25519 key.
    pub async fn ensure_signing_key(&self, offered: &SigningKey) -> Result<Vec<SigningKey>, StoreError> {
        let sealed = self.seal(offered)?;
        self.write_global(async |tx| {
            lock(tx).await?;
            let known = self.load_keys(tx).await?;
            let signs: i64 =
                keys::table.filter(keys::retired_at.is_null()).count().get_result(&mut tx.conn()).await?;
            if signs > 0 {
                return Ok(known);
            }
            insert(tx, &offered.kid, &sealed, Utc::now()).await?;
            Ok(std::iter::once(offered.clone()).chain(known).collect())
        })
        .await
    }

    /// Makes this key sign from a moment on, and be published from now on. Those before sign nothing any more then, but
    /// check what they have signed until it has expired, so that nobody is signed out. A key that was ever there under this
    /// name changes nothing: `false`.
    ///
    /// # Errors
    /// [`StoreError::Secret`] where it is no Ed25519 key.
    pub async fn sign_with(&self, key: &SigningKey, from: DateTime<Utc>) -> Result<bool, StoreError> {
        let sealed = self.seal(key)?;
        self.write_global(async |tx| {
            lock(tx).await?;
            let known: i64 = keys::table.find(&key.kid).count().get_result(&mut tx.conn()).await?;
            if known > 0 {
                return Ok(false);
            }
            diesel::update(keys::table)
                .filter(keys::retired_at.is_null())
                .set(keys::retired_at.eq(from))
                .execute(&mut tx.conn())
                .await?;
            insert(tx, &key.kid, &sealed, from).await?;
            Ok(true)
        })
        .await
    }

    /// Forgets the private halves of keys that check nothing any more; their names stay taken.
    pub(crate) async fn forget_retired_keys(&self, now: DateTime<Utc>) -> Result<usize, StoreError> {
        self.write_global(async |tx| {
            Ok(diesel::update(keys::table)
                .filter(keys::retired_at.lt(now - CHECKS_ON).and(keys::private_key.ne(Vec::new())))
                .set(keys::private_key.eq(Vec::new()))
                .execute(&mut tx.conn())
                .await?)
        })
        .await
    }

    fn seal(&self, key: &SigningKey) -> Result<Sealed, StoreError> {
        let private = key.private_key.expose_secret();
        let pair = Ed25519KeyPair::from_pkcs8(private).map_err(|_| StoreError::Secret)?;
        let private = self.inner.master_key.seal(Place::SigningKey(&key.kid), private)?;
        Ok(Sealed { private, public: pair.public_key().as_ref().to_vec() })
    }

    async fn load_keys(&self, tx: &Tx) -> Result<Vec<SigningKey>, StoreError> {
        let now = Utc::now();
        type Row = (String, Vec<u8>, DateTime<Utc>, Option<DateTime<Utc>>);
        let mut rows: Vec<Row> = keys::table
            .filter(keys::retired_at.is_null().or(keys::retired_at.gt(now - CHECKS_ON)))
            .order(keys::created_at.desc())
            .select((keys::kid, keys::private_key, keys::created_at, keys::retired_at))
            .load(&mut tx.conn())
            .await?;
        // The newest whose time has come signs; a newer one is published already.
        let may_sign = |(.., from, until): &Row| *from <= now && until.is_none_or(|until| until > now);
        let signs = rows.iter().position(may_sign).unwrap_or(rows.len().saturating_sub(1));
        if let Some(newer) = rows.get_mut(..=signs) {
            newer.rotate_right(1);
        }
        rows.into_iter()
            .map(|(kid, sealed, ..)| {
                let private_key = self.inner.master_key.open(Place::SigningKey(&kid), &sealed)?;
                Ok(SigningKey { kid, private_key })
            })
            .collect()
    }

    /// When the key that signs was made; `None` where there is none. For `doctor`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn signing_since(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let tx = self.begin_read_global().await?;
        let since = keys::table
            .filter(keys::retired_at.is_null())
            .order(keys::created_at.desc())
            .select(keys::created_at)
            .first(&mut tx.conn())
            .await
            .optional()?;
        tx.commit().await?;
        Ok(since)
    }
}
