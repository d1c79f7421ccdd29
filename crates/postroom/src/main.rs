//! The `postroom` binary: command line, configuration, wiring, start and stop. The only place that knows everything.

mod checks;
mod cli;
mod commands;
mod config;
mod doctor;
mod logs;
mod providers;
mod serve;

use anyhow::{Context, Result};
use clap::Parser;
use cli::{Cli, Command, Mail};
use config::Config;
use postroom_store::{Store, migrate};
use std::{
    io::{self, Write},
    process::ExitCode,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done where standard error is closed.
            let _ = writeln!(io::stderr(), "postroom: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let mut out = io::stdout();
    match command {
        Command::Mail(Mail::Parse(files)) => commands::mail::print_parsed(&files, &mut out.lock()),
        Command::Mail(Mail::Threads(files)) => commands::mail::print_threads(&files, &mut out.lock()),
        Command::Mail(Mail::Import(import)) => with_config(async |config, store| {
            commands::import::run(&import, &config, &store, &mut io::stdout()).await
        }),
        Command::Mail(Mail::Reparse(reparse)) => {
            with_store(async |store| commands::reparse::run(&reparse, &store, &mut io::stdout()).await)
        }
        Command::Openapi(arguments) => commands::openapi::run(&arguments, &mut out.lock()),
        Command::Migrate => {
            let url = config::database_url()?;
            let done = runtime()?.block_on(migrate::run(&url))?;
            for name in &done {
                writeln!(out, "{name}")?;
            }
            writeln!(out, "{} migrations run; the schema is current", done.len())?;
            Ok(())
        }
        Command::Doctor => runtime()?.block_on(doctor::run(&mut out)),
        Command::Serve(arguments) => {
            let config = Config::load()?;
            logs::begin(&config.logs);
            let runtime = runtime()?;
            let result = runtime.block_on(serve::run(&arguments, config));
            // What blocks a thread, such as a slow mail server, must not hold up the end: its work is safe to lose.
            runtime.shutdown_background();
            result
        }
        Command::Workspace(command) => {
            with_store(async |store| commands::people::workspace(&command, &store, &mut io::stdout()).await)
        }
        Command::User(command) => with_config(async |config, store| {
            commands::people::user(&command, &config, &store, &mut io::stdout()).await
        }),
        Command::Keys(cli::Keys::Rotate(rotate)) => {
            with_store(async |store| commands::keys::rotate(&rotate, &store, &mut io::stdout()).await)
        }
    }
}

/// Opens the store by the configuration and works with it.
fn with_store(work: impl AsyncFnOnce(Store) -> Result<()>) -> Result<()> {
    with_config(async |_, store| work(store).await)
}

/// The same for what needs to know more of the configuration.
fn with_config(work: impl AsyncFnOnce(Config, Store) -> Result<()>) -> Result<()> {
    let config = Config::load()?;
    runtime()?.block_on(async {
        let store = Store::open(&config.store)?;
        store.ready().await?;
        work(config, store).await
    })
}

/// The store's connections, the workers and the API's accepting thread live on this one runtime.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")
}

/// Whoever read our output has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let kind = kind.or_else(|| cause.downcast_ref::<serde_json::Error>()?.io_error_kind());
        kind == Some(io::ErrorKind::BrokenPipe)
    })
}
