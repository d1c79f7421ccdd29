use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use super::{Signal, Supervised, children_of, command_line, send, temporary_directory, wait_for};

const SECONDS: Duration = Duration::from_secs(20);

/// Not a test of its own: what [`nothing_outlives_a_killed_process`] starts and kills.
#[test]
#[ignore = "hangs on purpose; another test runs it"]
fn hangs_with_a_child_and_a_directory() {
    let dir = temporary_directory("guarded").unwrap();
    fs::write(dir.join("file"), "x").unwrap();
    let child = Supervised::start("a child", Command::new("sleep").arg("1000"), Signal::SIGTERM).unwrap();
    println!("\nguarded {} {}", child.id(), dir.display());
    std::thread::sleep(Duration::from_secs(1000));
}

#[test]
fn nothing_outlives_a_killed_process() {
    for signal in [Signal::SIGKILL, Signal::SIGINT] {
        let mut test = Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "--nocapture",
                "process::tests::hangs_with_a_child_and_a_directory",
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The pipe stays open, else the test that is to hang fails at its next word.
        let mut lines = BufReader::new(test.stdout.take().unwrap()).lines().map(Result::unwrap);
        let line = lines.find(|line| line.starts_with("guarded ")).unwrap();
        let mut words = line.split(' ').skip(1);
        let (child, dir) = (words.next().unwrap().parse().unwrap(), PathBuf::from(words.next().unwrap()));
        // The system tells a command line only some time after the program has been started.
        wait_for("the child runs", SECONDS, || Ok(command_line(child).contains("sleep"))).unwrap();
        assert!(dir.join("file").exists());
        assert!(children_of(test.id()).unwrap().contains(&child));

        send(test.id(), signal).unwrap();
        test.wait().unwrap();
        wait_for("the child is gone", SECONDS, || Ok(!command_line(child).contains("sleep"))).unwrap();
        wait_for("the directory is gone", SECONDS, || Ok(!dir.exists())).unwrap();
    }
}

#[test]
fn a_process_that_does_not_end_when_asked_is_killed_and_told_of() {
    let mut stubborn = Command::new("sh");
    stubborn.args(["-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]).stdout(Stdio::piped());
    let mut child = Supervised::start("a stubborn child", &mut stubborn, Signal::SIGTERM).unwrap();
    let mut line = String::new();
    BufReader::new(child.child().stdout.take().unwrap()).read_line(&mut line).unwrap();
    let error = child.end_with(Signal::SIGTERM, Duration::from_millis(200)).unwrap_err();
    assert!(error.to_string().contains("SIGTERM"), "{error}");
    assert!(child.ended().unwrap().is_some());
}
