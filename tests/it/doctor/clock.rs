//! Clocks that are apart.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    thread,
};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

use super::{doctor, home};

/// A server whose clock is so far ahead; gives its address.
fn ahead(by: SignedDuration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let date = rfc2822::DateTimePrinter::new();
            let date = date.timestamp_to_rfc9110_string(&(Timestamp::now() + by)).unwrap();
            let head = format!("HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n");
            drop(stream.write_all(head.as_bytes()));
        }
    });
    format!("http://{address}/hook")
}

fn destination(name: &str, by: i64) -> String {
    let url = ahead(SignedDuration::from_secs(by));
    format!("[destination.{name}]\ntype = \"webhook\"\nurl = \"{url}\"\nsecret = \"s\"\n")
}

#[test]
fn a_clock_that_is_wrong_is_told_of_whoever_s_it_is() {
    let told = |toml: &str| doctor(home(toml).path(), &[]).about(&["clock"], &[]);
    let good = told(&destination("near", 2));
    assert_eq!(good, "clock\n  ok      time: as that of near");
    // The seconds that pass meanwhile.
    let ours = told(&[destination("one", 100), destination("two", -100)].concat());
    let lines: Vec<_> = ours.lines().collect();
    assert!(lines[1].starts_with("  WARNING time: the clock of one is "), "{ours}");
    assert!(lines[1].ends_with(" s ahead of this machine's"), "{ours}");
    assert!(lines[2].ends_with("timedatectl set-ntp true"), "{ours}");
    assert!(lines[3].ends_with(" s behind this machine's"), "{ours}");
    let theirs = told(&[destination("one", 100), destination("near", 0)].concat());
    assert!(theirs.contains("others agree with this machine's clock"), "{theirs}");
}
