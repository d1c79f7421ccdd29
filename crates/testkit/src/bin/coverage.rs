//! The last step of `make test`: compares what the tests have reached with the document, which comes on standard input.
//! The one argument is the file with the exceptions.

use postroom_testkit::contract::{
    coverage::{Coverage, exceptions, noted},
    document::Document,
};
use std::{
    error::Error,
    io::{Read, Write},
    process::ExitCode,
};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let list = std::env::args().nth(1).ok_or("name the file with the exceptions")?;
    let list = exceptions(&std::fs::read_to_string(list)?);
    let mut document = String::new();
    std::io::stdin().read_to_string(&mut document)?;
    let document = Document::new(serde_json::from_str(&document)?);
    let coverage = Coverage::of(&document, &noted()?, &list);
    write!(std::io::stdout(), "{}", coverage.report())?;
    Ok(if coverage.complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
