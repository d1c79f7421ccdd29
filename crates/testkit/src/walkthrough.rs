//! A page with commands, tried: its `sh` blocks are run in their order, in one shell, and what each prints is compared with the
//! block that follows it.
//!
//! A block that is followed by no `json` or `text` block prints nothing. In what is expected, `…` stands for any
//! characters of a line, and alone on a line for any number of lines.

use crate::{
    error::{Error, Result, Tried},
    process::{Signal, Supervised, wait_for},
};
use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

/// Time for a whole page, on a machine that is busy with other tests.
const LIMIT: Duration = Duration::from_secs(300);
/// What stands for anything.
const ANYTHING: &str = "…";

/// A block of commands.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// The line of the page on which its commands begin.
    pub line: usize,
    /// The commands.
    pub commands: String,
    /// What they print.
    pub output: String,
}

/// The blocks of commands of a page.
#[must_use]
pub fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    // Whether the last block of commands still waits for its output: nothing but empty lines came since.
    let mut waits = false;
    let mut lines = page.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            waits &= line.is_empty();
            continue;
        };
        let body: String =
            lines.by_ref().map_while(|(line, _)| (line != "```").then(|| format!("{line}\n"))).collect();
        match (kind, steps.last_mut().filter(|_| waits)) {
            ("sh", _) => {
                steps.push(Step { line: number + 1, commands: body, output: String::new() });
                waits = true;
            }
            ("json" | "text", Some(step)) => {
                step.output = body;
                waits = false;
            }
            _ => waits = false,
        }
    }
    steps
}

/// Runs a page's commands in a directory, the given names in their environment, and says in what the page is wrong. It ends
/// with the first block that fails.
///
/// # Errors
/// Where the shell can't be started, or doesn't come to an end.
pub fn walk(page: &str, directory: &Path, environment: &[(&str, &str)]) -> Result<Vec<String>> {
    let steps = steps(page);
    let mut script = String::from("set -eu\n");
    for (step, number) in steps.iter().zip(1..) {
        fs::write(directory.join(format!("step-{number}.sh")), &step.commands).tried("writing a step")?;
        script += &format!(". ./step-{number}.sh > step-{number}.out 2>&1\n: > step-{number}.done\n");
    }
    fs::write(directory.join("all.sh"), script).tried("writing the script")?;
    let errors = File::create(directory.join("all.err")).tried("making all.err")?;
    let mut shell = Command::new("sh");
    shell.arg("all.sh").current_dir(directory).envs(environment.iter().copied());
    shell.stdin(Stdio::null()).stderr(errors);
    let mut shell = Supervised::start("sh", &mut shell, Signal::SIGTERM)?;
    wait_for("the page's commands have run", LIMIT, || Ok(shell.ended()?.is_some()))?;

    let mut faults = Vec::new();
    for (step, number) in steps.iter().zip(1..) {
        let printed = fs::read_to_string(directory.join(format!("step-{number}.out"))).unwrap_or_default();
        let Step { line, commands, output } = step;
        if !directory.join(format!("step-{number}.done")).exists() {
            let said = fs::read_to_string(directory.join("all.err")).unwrap_or_default();
            faults.push(format!("line {line}: these commands fail:\n{commands}They print:\n{printed}{said}"));
            break;
        }
        if !fits(output, &printed) {
            faults
                .push(format!("line {line}: the page says that this is printed:\n{output}It is:\n{printed}"));
        }
    }
    if steps.is_empty() {
        return Err(Error::Failed { what: "the page".into(), output: "has no commands".into() });
    }
    Ok(faults)
}

/// Whether what was printed is what is expected.
fn fits(expected: &str, printed: &str) -> bool {
    let expected: Vec<&str> = expected.lines().collect();
    let printed: Vec<&str> = printed.lines().collect();
    lines_fit(&expected, &printed)
}

fn lines_fit(expected: &[&str], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((line, rest)) if line.trim() == ANYTHING => {
            (0..=printed.len()).any(|skipped| lines_fit(rest, printed.get(skipped..).unwrap_or_default()))
        }
        Some((line, rest)) => printed
            .split_first()
            .is_some_and(|(first, others)| line_fits(line, first) && lines_fit(rest, others)),
    }
}

fn line_fits(expected: &str, printed: &str) -> bool {
    let Some((first, rest)) = expected.split_once(ANYTHING) else { return expected == printed };
    let Some(mut left) = printed.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = rest.split(ANYTHING).collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        let Some((_, behind)) = left.split_once(piece) else { return false };
        left = behind;
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::temporary_directory;

    const PAGE: &str = "# Page\n\n```sh\nA=one\n```\n\n```sh\necho $A\necho two\n```\n\n```text\none\n…\n```\n\nWords.\n\n```json\n{}\n```\n";

    #[test]
    fn a_page_is_its_blocks_of_commands_each_with_what_follows_it() {
        let steps = steps(PAGE);
        assert_eq!(steps.len(), 2);
        assert_eq!(steps[0], Step { line: 4, commands: "A=one\n".into(), output: String::new() });
        let second = Step { line: 8, commands: "echo $A\necho two\n".into(), output: "one\n…\n".into() };
        assert_eq!(steps[1], second);
    }

    #[test]
    fn what_is_left_open_fits_anything_and_nothing_else_does() {
        let fitting =
            [("", ""), ("a\n", "a\n"), ("…\n", ""), ("a\n…\nd\n", "a\nb\nc\nd\n"), ("a…d…\n", "abcd\n")];
        for (expected, printed) in fitting {
            assert!(fits(expected, printed), "{expected:?} {printed:?}");
        }
        let others = [
            ("", "a\n"),
            ("a\n", ""),
            ("a\n", "b\n"),
            ("a\n…\nd\n", "a\nb\n"),
            ("a…d\n", "abc\n"),
            ("a…c…b\n", "abc\n"),
        ];
        for (expected, printed) in others {
            assert!(!fits(expected, printed), "{expected:?} {printed:?}");
        }
    }

    #[test]
    fn a_page_that_is_right_has_no_faults_and_one_that_is_wrong_is_told_where() {
        let told = |page: &str| walk(page, &temporary_directory("walk").unwrap(), &[("HOME", "/")]).unwrap();
        assert_eq!(told(PAGE), Vec::<String>::new());
        let wrong = told(&PAGE.replace("echo two", "false"));
        assert!(wrong.len() == 1 && wrong[0].starts_with("line 8: these commands fail"), "{wrong:?}");
        let wrong = told(&PAGE.replace("\none\n", "\nthree\n"));
        assert!(wrong.len() == 1 && wrong[0].contains("three\n…\nIt is:\none\ntwo\n"), "{wrong:?}");
        assert!(walk("no commands", &temporary_directory("walk").unwrap(), &[]).is_err());
    }
}
