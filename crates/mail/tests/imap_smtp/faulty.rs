//! Servers that break the rules on purpose: each plays one connection from a script.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// The server's end of the one connection.
pub(crate) struct Peer {
    reader: BufReader<TcpStream>,
}

impl Peer {
    /// The server's end of this connection.
    pub(crate) fn on(socket: TcpStream) -> Self {
        socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
        Self { reader: BufReader::new(socket) }
    }

    /// Sends bytes as they stand. Errors are the client's right: it may have hung up already.
    pub(crate) fn say(&mut self, bytes: &str) -> bool {
        self.say_bytes(bytes.as_bytes())
    }

    pub(crate) fn say_bytes(&mut self, bytes: &[u8]) -> bool {
        self.reader.get_mut().write_all(bytes).is_ok()
    }

    /// The client's next line, without its end; empty once it has gone.
    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        let _ = self.reader.read_line(&mut line);
        line.trim_end().to_owned()
    }

    /// The client's next line, which may be empty; `None` once it has gone.
    pub(crate) fn hear_line(&mut self) -> Option<String> {
        let mut line = String::new();
        let heard = self.reader.read_line(&mut line).unwrap_or_default();
        (heard > 0).then(|| line.trim_end().to_owned())
    }

    /// Hears a command and answers it under its tag.
    pub(crate) fn answer(&mut self, untagged: &str, status: &str) -> String {
        let command = self.hear();
        let tag = command.split(' ').next().unwrap_or_default().to_owned();
        self.say(&format!("{untagged}{tag} {status}\r\n"));
        command
    }

    /// Greets and lets the client sign in, as every IMAP script begins.
    pub(crate) fn let_in(&mut self) {
        self.say("* OK ready\r\n");
        self.answer("* CAPABILITY IMAP4rev1 IDLE\r\n", "OK");
        assert!(self.answer("", "OK").contains("LOGIN"));
        self.answer("* CAPABILITY IMAP4rev1 IDLE\r\n", "OK");
    }

    /// Reads until the client hangs up, so that the connection does not end before it does.
    pub(crate) fn wait_for_end(&mut self) {
        while !self.hear().is_empty() {}
    }
}

/// Starts a server for one connection; gives its port on 127.0.0.1.
pub(crate) fn serve(script: impl FnOnce(&mut Peer) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        let (socket, _) = listener.accept().expect("a client comes");
        script(&mut Peer::on(socket));
    });
    port
}

/// Starts a server that plays the same script on every connection; gives its port on 127.0.0.1.
pub(crate) fn serve_all(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let script = std::sync::Arc::new(script);
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let script = std::sync::Arc::clone(&script);
            thread::spawn(move || script(&mut Peer::on(socket)));
        }
    });
    port
}
