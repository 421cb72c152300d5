//! What does not fit, does not come in time, or cannot be stored.

use std::{
    fs,
    io::Write as _,
    process::Command,
    time::{Duration, Instant},
};

use super::{answer, door, post, told};
use crate::{
    daemon::Daemon,
    fakes::apertur::{self, Framing, Photo, Request},
    look,
};

#[test]
fn other_methods_other_paths_and_health() {
    let daemon = door("");
    for method in ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "BREW"] {
        let request =
            format!("{method} /apertur/webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answered = if method == "HEAD" {
            // An answer without its body.
            apertur::raw(daemon.url(), request.replace("HEAD", "GET").as_bytes()).unwrap()
        } else {
            apertur::raw(daemon.url(), request.as_bytes()).unwrap()
        };
        assert_eq!(answered.told(), answer(405, "method_not_allowed"), "{method}");
        assert_eq!(answered.header("allow"), Some("POST"), "{method}");
    }
    for path in ["/", "/apertur", "/apertur/webhook/", "/apertur/webhook/x", "/metrics", "/readyz"]
    {
        assert_eq!(apertur::get(daemon.url(), path).unwrap().status, 404, "{path}");
    }
    let healthy = apertur::get(daemon.url(), "/healthz").unwrap();
    assert_eq!((healthy.status, &healthy.body[..]), (200, &br#"{"status":"ok"}"#[..]));
    let ready = apertur::get(daemon.console_url(), "/readyz").unwrap();
    assert_eq!(ready.told(), answer(200, "ready"));
    look::assert_untouched(&daemon);
}

#[test]
fn too_large_is_told_by_its_length_and_by_counting() {
    let daemon = door("[server]\nlisten = \"127.0.0.1:0\"\nmax_body = \"100KiB\"");
    let fits = Photo::of_size("fits", 100 * 1024);
    let over = Photo::of_size("over", 100 * 1024 + 1);
    for framing in [Framing::Length, Framing::Chunked(7_000)] {
        let answered = post(&daemon, &over.binary().signed().framing(framing));
        assert_eq!(answered.told(), answer(413, "too_large"), "{framing:?}");
    }
    // Far over, and not signed: told as well, without being read to its end.
    let huge = Request::new("application/octet-stream", vec![0; 40 << 20]);
    assert_eq!(told(&daemon, &huge), answer(413, "too_large"));
    let chunked = huge.signed().framing(Framing::Chunked(1 << 16));
    assert_eq!(told(&daemon, &chunked), answer(413, "too_large"));
    let lying =
        "POST /apertur/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\n";
    let answered = apertur::raw(daemon.url(), lying.as_bytes()).unwrap();
    assert_eq!(answered.told(), answer(413, "too_large"));
    look::assert_untouched(&daemon);
    let chunked = fits.binary().signed().framing(Framing::Chunked(999));
    assert_eq!(told(&daemon, &chunked), answer(200, "accepted"));
    assert_eq!(told(&daemon, &fits.binary().signed()), answer(200, "duplicate"));
}

#[test]
fn what_is_no_picture_or_not_plain_is_unsupported() {
    let daemon = door("");
    let photo = Photo::new("img_1");
    for content_type in ["text/plain", "application/xml", "application/x-www-form-urlencoded", "?"]
    {
        let mut request = photo.binary().without("Content-Type");
        request = request.header("Content-Type", content_type).signed();
        assert_eq!(told(&daemon, &request), answer(415, "unsupported"), "{content_type}");
    }
    for encoding in ["gzip", "br", "deflate", "gzip, gzip", "x"] {
        let request = photo.binary().header("Content-Encoding", encoding).signed();
        assert_eq!(told(&daemon, &request), answer(415, "unsupported"), "{encoding}");
    }
    for bytes in [&b"GI"[..], b"\x89PN", b"%PDF-1.7", b"<svg/>", b"MZ\x90\x00", b"PK\x03\x04"] {
        let file = Photo { bytes: bytes.to_vec(), ..photo.clone() };
        for request in [file.binary(), file.multipart(), file.json_base64()] {
            assert_eq!(told(&daemon, &request.signed()), answer(415, "unsupported"), "{bytes:?}");
        }
    }
    // A body signed with a time, sent again without it and with the time glued in front.
    let now = "1800000000";
    let glued = [format!("{now}.").as_bytes(), &photo.bytes].concat();
    let request = Request::new("application/octet-stream", glued).signed();
    assert_eq!(told(&daemon, &request), answer(415, "unsupported"));
    look::assert_untouched(&daemon);
    let identity = photo.binary().header("Content-Encoding", "identity").signed();
    assert_eq!(told(&daemon, &identity), answer(200, "accepted"));
}

#[test]
fn a_sender_that_stalls_is_told_so_and_one_that_goes_away_leaves_nothing() {
    let daemon = door("[server]\nlisten = \"127.0.0.1:0\"\nbody_timeout = \"300ms\"");
    let photo = Photo::of_size("img_1", 300_000);
    let signature = photo.binary().signed().headers.pop().unwrap().1;
    let head = format!(
        "POST /apertur/webhook HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n\
         X-Apertur-Signature: {}\r\nContent-Length: 300000\r\n\r\n",
        String::from_utf8(signature).unwrap()
    );
    let begun = [head.as_bytes(), &photo.bytes[..200_000]].concat();
    let started = Instant::now();
    let answered = apertur::raw(daemon.url(), &begun).unwrap();
    assert_eq!(answered.told(), answer(408, "timeout"));
    assert!(started.elapsed() < Duration::from_secs(10));
    // Many that hang up in the middle.
    for end in (head.len() + 1..begun.len()).step_by(20_000) {
        let mut stream = apertur::connect(daemon.url()).unwrap();
        stream.write_all(&begun[..end]).unwrap();
    }
    look::eventually(Duration::from_secs(10), "an empty spool", || {
        look::spooled(&daemon).is_empty().then_some(())
    });
    look::assert_untouched(&daemon);
    look::assert_well(&daemon);
}

/// A place for `data` that can be made full: a file system of two mebibytes where this user may
/// mount one, else a folder whose spool is taken away.
struct Tight {
    home: tempfile::TempDir,
    mounted: bool,
}

impl Tight {
    fn new() -> Tight {
        let home = tempfile::tempdir().unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=2m", "tmpfs"];
        let mounted = Command::new("mount").args(mount).arg(home.path()).output();
        let mounted = mounted.is_ok_and(|done| done.status.success());
        Tight { home, mounted }
    }

    fn data(&self) -> std::path::PathBuf {
        self.home.path().join("data")
    }

    fn fill(&self) {
        if !self.mounted {
            fs::rename(self.data().join("spool/tmp"), self.data().join("away")).unwrap();
            return fs::write(self.data().join("spool/tmp"), "").unwrap();
        }
        let mut file = fs::File::create(self.home.path().join("filler")).unwrap();
        // To the last byte.
        while file.write_all(&[0; 512]).is_ok() {}
    }

    fn free(&self) {
        if !self.mounted {
            fs::remove_file(self.data().join("spool/tmp")).unwrap();
            return fs::rename(self.data().join("away"), self.data().join("spool/tmp")).unwrap();
        }
        fs::remove_file(self.home.path().join("filler")).unwrap();
    }
}

impl Drop for Tight {
    fn drop(&mut self) {
        if self.mounted {
            drop(Command::new("umount").arg("-l").arg(self.home.path()).output());
        }
    }
}

fn unavailable(daemon: &Daemon, request: &Request) {
    let answered = post(daemon, request);
    assert_eq!(answered.told(), answer(503, "unavailable"));
    assert_eq!(answered.body, br#"{"status":"unavailable"}"#);
    assert!(answered.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
}

#[test]
fn a_full_disk_is_said_and_nothing_half_stored_until_there_is_room() {
    let tight = Tight::new();
    let daemon = door(&format!("data_dir = {:?}\njournal.min_free = 0\n", tight.data()));
    let before = Photo::of_size("before", 30_000);
    assert_eq!(told(&daemon, &before.json_base64().signed()), answer(200, "accepted"));
    look::settled(&daemon, &["delivered"]);
    let spool = look::files(&tight.data().join("spool"));
    tight.fill();
    let photos: Vec<_> = [900, 60_000, 300_000].map(|n| Photo::of_size(&format!("p{n}"), n)).into();
    for photo in &photos {
        for request in [photo.json_base64(), photo.multipart(), photo.binary()] {
            unavailable(&daemon, &request.signed());
        }
    }
    if tight.mounted {
        unavailable(&daemon, &photos[0].event("image.delivered", None).signed());
    }
    assert_eq!(apertur::get(daemon.url(), "/healthz").unwrap().status, 200);
    tight.free();
    assert_eq!(look::deliveries(&daemon).len(), 1);
    assert_eq!(look::files(&tight.data().join("spool")), spool);
    for photo in &photos {
        assert_eq!(told(&daemon, &photo.json_base64().signed()), answer(200, "accepted"));
    }
    assert_eq!(look::settled(&daemon, &["delivered"]).len(), 4);
    look::assert_well(&daemon);
}

#[test]
fn a_journal_that_cannot_be_written_is_said_and_nothing_is_lost_or_doubled() {
    let daemon = door("");
    let path = daemon.dir().join("data/journal.db");
    let other = rusqlite::Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let photos: Vec<_> = (0..8).map(|n| Photo::new(&format!("img_{n}"))).collect();
    let events = photos[4..].iter().map(|photo| photo.event("image.delivered", None));
    let requests = photos[..4].iter().map(Photo::json_base64).chain(events);
    let requests: Vec<_> = requests.map(Request::signed).collect();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for request in &requests {
            scope.spawn(|| unavailable(&daemon, request));
        }
    });
    // Within Apertur's 30 seconds: they wait for the lock together.
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(look::deliveries(&daemon), Vec::<serde_json::Value>::new());
    for request in &requests {
        assert_eq!(told(&daemon, request), answer(200, "accepted"));
    }
    look::assert_well(&daemon);
}
