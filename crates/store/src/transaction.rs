//! The one place that runs transactions.
//!
//! Every use of the database is a transaction that begins by naming its workspace, so that row-level security holds.
//! A connection goes back to the pool only after its transaction has ended, also where it was dropped half-way (an
//! error, a cancelled request).

use crate::{Store, context, error::StoreError, schema::workspace_counters};
use chrono::{DateTime, Utc};
use diesel::{IntoSql, dsl::now, prelude::*, sql_types::Timestamptz};
use diesel_async::{
    AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection, pooled_connection::deadpool::Object,
};
use postroom_domain::ids::WorkspaceId;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Deadlocks and serialisation failures are tried again this often.
const RETRIES: u32 = 3;
/// So long may the statement that was cut off still run before its connection is given up.
const ROLLBACK: Duration = Duration::from_secs(2);

/// An open transaction.
pub(crate) struct Tx {
    connection: Option<Object<AsyncPgConnection>>,
    mode: Mode,
    /// Events were written.
    news: AtomicBool,
}

impl Tx {
    /// The connection to run queries on: `query.load(&mut tx.conn())`. Independent queries may be joined; they are
    /// pipelined then.
    pub(crate) fn conn(&self) -> &AsyncPgConnection {
        #[expect(
            clippy::expect_used,
            reason = "taken only by commit, which consumes the transaction, and by drop"
        )]
        self.connection.as_ref().expect("an open transaction has its connection")
    }

    /// Events were written: whoever follows the log is woken after the commit.
    pub(crate) fn note_news(&self) {
        self.news.store(true, Ordering::Relaxed);
    }

    /// Begins reading in a workspace. Where the running request wants to know it, the number of the last event that the
    /// snapshot includes.
    ///
    /// What is sent while this runs follows it on the connection, and so reads in the transaction:
    /// `tokio::join!(biased; tx.open_read(workspace), query)` is one round trip.
    pub(crate) async fn open_read(&self, workspace: WorkspaceId) -> Result<Option<i64>, StoreError> {
        let begin = Mode::Read.begin(Some(workspace));
        if !context::reads() {
            self.batch(&begin).await?;
            return Ok(None);
        }
        let mut conn = self.conn();
        let number =
            workspace_counters::table.find(workspace.0).select(workspace_counters::event_no).first(&mut conn);
        // Polled in this order: the transaction has begun before its first query arrives.
        let (began, number) = tokio::join!(biased; self.batch(&begin), number);
        began?;
        Ok(number.optional()?)
    }

    /// Ends the transaction and gives the connection back. Nobody waits for the end of what only read.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        if self.mode == Mode::Read {
            return Ok(());
        }
        self.conn().batch_execute("COMMIT").await?;
        drop(self.connection.take());
        Ok(())
    }

    /// Runs SQL without arguments.
    pub(crate) async fn batch(&self, sql: &str) -> Result<(), StoreError> {
        Ok(self.conn().batch_execute(sql).await?)
    }
}

/// Runs SQL without arguments on a shared connection.
trait Batch {
    async fn batch_execute(&self, sql: &str) -> diesel::QueryResult<()>;
}

impl Batch for AsyncPgConnection {
    async fn batch_execute(&self, sql: &str) -> diesel::QueryResult<()> {
        let mut shared = self;
        SimpleAsyncConnection::batch_execute(&mut shared, sql).await
    }
}

impl Drop for Tx {
    /// A transaction that was not ended (an error on the way, a cancelled request) is rolled back, and its connection
    /// goes back to the pool only then; where that doesn't work within a moment, it is thrown away.
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let roll_back = async move {
            let rolled_back =
                tokio::time::timeout(ROLLBACK, Batch::batch_execute(&*connection, "ROLLBACK")).await;
            if !matches!(rolled_back, Ok(Ok(()))) {
                // Closing it ends the transaction on the server.
                drop(Object::take(connection));
            }
        };
        // Outside of any runtime the pool's own connection tasks are gone as well.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(roll_back);
        }
    }
}

/// The database's clock at the transaction's beginning: leases go by it, since the machines' own clocks differ.
pub(crate) async fn database_time(tx: &Tx) -> Result<DateTime<Utc>, StoreError> {
    Ok(diesel::select(now.into_sql::<Timestamptz>()).get_result(&mut tx.conn()).await?)
}

/// What a transaction sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// READ COMMITTED, with row locks where two writers meet.
    Write,
    /// One snapshot for all its queries.
    Read,
}

impl Mode {
    /// The SQL that begins a transaction: one message, no round trip of its own for the setting.
    fn begin(self, workspace: Option<WorkspaceId>) -> String {
        let begin = match self {
            Self::Write => "BEGIN",
            Self::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        match workspace {
            Some(id) => format!("{begin}; SET LOCAL postroom.workspace_id = '{id}'"),
            None => begin.to_owned(),
        }
    }
}

/// An async closure whose running is [`Send`], which `AsyncFn` alone can't say yet. Every such closure is one.
pub(crate) trait Work<A, R>: Fn(A) -> <Self as Work<A, R>>::Running {
    /// The future that runs it.
    type Running: Future<Output = R>;
}

impl<F, A, R, Running> Work<A, R> for F
where
    F: Fn(A) -> Running,
    Running: Future<Output = R>,
{
    type Running = Running;
}

impl Store {
    /// Begins a transaction in a workspace that only reads, all from one snapshot: that in which the caller of the running
    /// request was identified, where there is one.
    pub(crate) async fn begin_read(&self, workspace: WorkspaceId) -> Result<Tx, StoreError> {
        if let Some(tx) = context::take_kept(workspace) {
            return Ok(tx);
        }
        let tx = self.acquire().await?;
        if let Some(event) = tx.open_read(workspace).await? {
            context::note_snapshot(event);
        }
        Ok(tx)
    }

    /// The same for the global tables alone.
    pub(crate) async fn begin_read_global(&self) -> Result<Tx, StoreError> {
        self.begin(None, Mode::Read).await
    }

    async fn begin(&self, workspace: Option<WorkspaceId>, mode: Mode) -> Result<Tx, StoreError> {
        let mut tx = self.acquire().await?;
        tx.mode = mode;
        tx.batch(&mode.begin(workspace)).await?;
        Ok(tx)
    }

    /// A connection on which nothing has begun yet.
    pub(crate) async fn acquire(&self) -> Result<Tx, StoreError> {
        Ok(Tx { connection: Some(self.connection().await?), mode: Mode::Read, news: AtomicBool::new(false) })
    }

    /// Runs `work` in a transaction in a workspace, again after a deadlock or a serialisation failure. Nothing is saved
    /// unless `work` and the commit succeed.
    ///
    /// `work` is an async closure that borrows what it needs (`async |tx| …`, without `move`): it may run several times.
    pub(crate) fn write<T, F>(
        &self,
        workspace: WorkspaceId,
        work: F,
    ) -> impl Future<Output = Result<T, StoreError>> + Send
    where
        F: AsyncFn(&Tx) -> Result<T, StoreError>,
        for<'t> F: Work<&'t Tx, Result<T, StoreError>, Running: Send> + Send + Sync,
        T: Send,
    {
        self.run(Some(workspace), work)
    }

    /// The same for the global tables alone.
    pub(crate) fn write_global<T, F>(&self, work: F) -> impl Future<Output = Result<T, StoreError>> + Send
    where
        F: AsyncFn(&Tx) -> Result<T, StoreError>,
        for<'t> F: Work<&'t Tx, Result<T, StoreError>, Running: Send> + Send + Sync,
        T: Send,
    {
        self.run(None, work)
    }

    async fn run<T, F>(&self, workspace: Option<WorkspaceId>, work: F) -> Result<T, StoreError>
    where
        for<'t> F: Work<&'t Tx, Result<T, StoreError>, Running: Send> + Send + Sync,
        T: Send,
    {
        let mut tries = 0;
        loop {
            let tx = self.begin(workspace, Mode::Write).await?;
            let outcome = match work(&tx).await {
                Ok(value) => {
                    let news = AtomicBool::load(&tx.news, Ordering::Relaxed);
                    let committed = tx.commit().await;
                    if let (Ok(()), true, Some(workspace)) = (&committed, news, workspace) {
                        self.tell(workspace);
                    }
                    committed.map(|()| value)
                }
                Err(error) => {
                    // A clean end keeps the connection; if even that fails it is thrown away with `tx`.
                    if tx.batch("ROLLBACK").await.is_ok() {
                        tx.release();
                    }
                    Err(error)
                }
            };
            match outcome {
                Err(error) if error.is_retryable() && tries < RETRIES => {
                    tries += 1;
                    tracing::debug!(tries, %error, "running the transaction again");
                    tokio::time::sleep(Duration::from_millis(5 << tries)).await;
                }
                other => return other,
            }
        }
    }
}

impl Tx {
    /// Gives the connection back after the transaction has ended in another way than by commit.
    fn release(mut self) {
        drop(self.connection.take());
    }
}
