//! The kit's own async runtime. The kit's surface is blocking, so that tests read from top to bottom, with or
//! without a runtime of their own.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(2).thread_name("testkit").enable_all().build()
});

/// The runtime on which proxies and database connections of the kit live.
pub(crate) fn runtime() -> crate::Result<&'static Runtime> {
    RUNTIME.as_ref().map_err(|error| crate::Error::Failed {
        what: "starting the test kit's runtime".into(),
        output: error.to_string(),
    })
}

/// Runs a future to its end from anywhere, also from within another runtime's thread.
pub(crate) fn block_on<F>(future: F) -> crate::Result<F::Output>
where
    F: Future + Send,
    F::Output: Send,
{
    let runtime = runtime()?;
    if tokio::runtime::Handle::try_current().is_err() {
        return Ok(runtime.block_on(future));
    }
    let joined = std::thread::scope(|scope| scope.spawn(|| runtime.block_on(future)).join());
    joined.map_err(|_| crate::Error::Failed {
        what: "waiting for a future".into(),
        output: "it panicked".into(),
    })
}

/// Waits until this process is asked to end: Ctrl-C or SIGTERM. Neither ends it by itself any more.
pub fn wait_for_interrupt() -> crate::Result<()> {
    use crate::error::Tried;
    block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok::<(), std::io::Error>(())
    })?
    .tried("waiting for Ctrl-C")
}
