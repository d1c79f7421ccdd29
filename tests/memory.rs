//! Large files pass through a server in pieces: however many come and go at once, they don't stand in its memory.
#![cfg(target_os = "linux")]

use postroom_testkit::client::{Caller, SignedIn};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
};

use crate::world::World;

/// One file, the largest that is taken.
const FILE: usize = 25 * 1024 * 1024 - 1024;
const AT_ONCE: usize = 8;

/// The most memory that a process has had so far, in bytes.
fn peak(process: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Uploads a file of its own, made and sent piece by piece; gives the address of its content.
fn upload(base: &str, caller: &SignedIn, number: usize) -> String {
    let (head, tail) = (
        "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"large.bin\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n",
        "\r\n--xx--\r\n",
    );
    let mut socket = TcpStream::connect(base.trim_start_matches("http://")).unwrap();
    write!(
        socket,
        "POST /v1/attachments HTTP/1.1\r\nHost: postroom\r\nConnection: close\r\nAuthorization: {}\r\n\
         Content-Type: multipart/form-data; boundary=xx\r\nContent-Length: {}\r\n\r\n{head}",
        caller.authorization().unwrap(),
        head.len() + FILE + tail.len(),
    )
    .unwrap();
    // Each file has its own content, so that none is known already.
    let piece: Vec<u8> = (0..64 * 1024_usize).map(|at| (at * (2 * number + 7) % 251) as u8).collect();
    let mut left = FILE;
    while left > 0 {
        let size = left.min(piece.len());
        socket.write_all(&piece[..size]).unwrap();
        left -= size;
    }
    socket.write_all(tail.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let made: serde_json::Value = serde_json::from_str(body).unwrap();
    made["url"].as_str().unwrap().to_owned()
}

/// Reads a file's content piece by piece; how long it was.
fn download(base: &str, url: &str) -> usize {
    let mut socket = TcpStream::connect(base.trim_start_matches("http://")).unwrap();
    let path = url.strip_prefix(base).unwrap_or(url);
    write!(socket, "GET {path} HTTP/1.1\r\nHost: postroom\r\nConnection: close\r\n\r\n").unwrap();
    let (mut piece, mut length) = (vec![0; 64 * 1024], 0);
    loop {
        match socket.read(&mut piece).unwrap() {
            0 => return length,
            read => length += read,
        }
    }
}

#[test]
fn files_do_not_stand_in_memory() {
    let world = World::new("memory");
    let olga = world.olga();
    let server = world.installation.serve_only(Some("api")).unwrap();
    let (base, process) = (server.base(), server.id().unwrap());
    let olga = olga.at(base);
    // What a server needs anyway for a few requests is there before it counts.
    let first = upload(base, &olga, 99);
    assert!(download(base, &first) > FILE);
    let before = peak(process);
    let urls: Vec<String> = thread::scope(|scope| {
        let olga = &olga;
        let running: Vec<_> =
            (0..AT_ONCE).map(|number| scope.spawn(move || upload(base, olga, number))).collect();
        running.into_iter().map(|upload| upload.join().unwrap()).collect()
    });
    // Who asks for a file and doesn't read it costs no more than its beginning.
    let idle: Vec<TcpStream> = urls
        .iter()
        .map(|url| {
            let mut socket = TcpStream::connect(base.trim_start_matches("http://")).unwrap();
            let path = url.strip_prefix(base).unwrap_or(url);
            write!(socket, "GET {path} HTTP/1.1\r\nHost: postroom\r\n\r\n").unwrap();
            socket
        })
        .collect();
    thread::scope(|scope| {
        for url in &urls {
            scope.spawn(move || assert!(download(base, url) > FILE));
        }
    });
    let grown = peak(process) - before;
    drop(idle);
    assert!(grown < 2 * FILE, "{AT_ONCE} files of {FILE} bytes up and down took {grown} bytes of memory");
}
