//! Signed events and those who post them: as many keep-alive connections as asked for, each
//! with one request under way. One thread, and an HTTP client that can just do this, so that
//! most of the machine is the server's.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Length of an event's body, in bytes.
const BODY: usize = 2048;

/// The image id of an event: its number, mixed, so that ids come in no order, as real ones do.
fn image_id(run: u32, event: u32) -> String {
    // The finalizer of SplitMix64, which gives no value twice.
    let mut id = (u64::from(run) << 32) | u64::from(event);
    id = (id ^ (id >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    id = (id ^ (id >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    format!("img_{:016x}", id ^ (id >> 31))
}

/// Whole requests, made and signed before the clock runs. All have the same length.
pub(crate) struct Requests {
    run: u32,
    bytes: Vec<u8>,
    length: usize,
}

impl Requests {
    /// Makes `count` requests with fresh image ids and a link to `link_host`.
    pub(crate) fn new(
        run: u32,
        count: u32,
        secret: &str,
        link_host: SocketAddr,
    ) -> anyhow::Result<Self> {
        let key = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).context("the secret")?;
        let mut bytes = Vec::new();
        let mut length = 0;
        for event in 0..count {
            let body = body(&image_id(run, event), link_host);
            let mut mac = key.clone();
            mac.update(body.as_bytes());
            let signature = hex::encode(mac.finalize().into_bytes());
            let request = format!(
                "POST /apertur/webhook HTTP/1.1\r\nHost: bench\r\n\
                 Content-Type: application/json\r\nContent-Length: {BODY}\r\n\
                 X-Apertur-Signature: sha256={signature}\r\n\r\n{body}"
            );
            length = request.len();
            bytes.extend_from_slice(request.as_bytes());
        }
        ensure!(bytes.len() == length * count as usize, "requests differ in length");
        Ok(Self { run, bytes, length })
    }

    fn get(&self, event: u32) -> Option<&[u8]> {
        let begin = event as usize * self.length;
        self.bytes.get(begin..begin + self.length)
    }
}

fn body(id: &str, link_host: SocketAddr) -> String {
    let text = |note: &str| {
        format!(
            "{{\"topic\":\"image.uploaded\",\"data\":{{\"id\":\"{id}\",\
             \"session_id\":\"11111111-2222-4333-8444-555555555555\",\
             \"filename\":\"IMG_20261120_080000.jpg\",\"size_bytes\":3145728,\
             \"mime_type\":\"image/jpeg\",\
             \"download_url\":\"http://{link_host}/d/{id}?expires=1800000000&signature=0123456789\",\
             \"tags\":[\"odoo:res.partner:42\",\"vip:gold\"],\
             \"metadata\":{{\"odoo\":{{\"model\":\"res.partner\",\"res_id\":42,\
             \"mode\":\"internal\"}},\"note\":\"{note}\"}}}}}}"
        )
    };
    let room = BODY.saturating_sub(text("").len());
    text(&"x".repeat(room))
}

/// What came of a run.
pub(crate) struct Outcome {
    /// Image ids of the events that were answered with 200.
    pub(crate) acknowledged: Vec<String>,
    /// Requests that were answered with anything else.
    pub(crate) refused: usize,
    /// From the first request to the last answer.
    pub(crate) took: Duration,
    latencies: Vec<Duration>,
}

impl Outcome {
    /// Acknowledgements a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    /// The latency that this share of the requests did not exceed.
    pub(crate) fn latency(&mut self, share: f64) -> Duration {
        self.latencies.sort_unstable();
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.latencies.get(at).copied().unwrap_or_default()
    }
}

/// Posts requests over so many connections until the time is over or all are posted; what is
/// under way then is finished.
pub(crate) async fn post(
    address: SocketAddr,
    requests: &Requests,
    connections: usize,
    time: Duration,
) -> anyhow::Result<Outcome> {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let next = Cell::new(0);
    let done = RefCell::new(Vec::with_capacity(requests.bytes.len() / requests.length));
    let started = Instant::now();
    let senders = streams.into_iter().map(|stream| async {
        let mut connection = Connection { stream, answer: Vec::with_capacity(1024) };
        while started.elapsed() < time {
            let event = next.replace(next.get() + 1);
            let Some(request) = requests.get(event) else { break };
            let sent = Instant::now();
            let accepted = connection.exchange(request).await?;
            done.borrow_mut().push((event, accepted, sent.elapsed()));
        }
        Ok::<_, anyhow::Error>(())
    });
    futures_util::future::try_join_all(senders).await?;
    let took = started.elapsed();
    let done = done.into_inner();
    let accepted = || done.iter().filter(|(_, accepted, _)| *accepted);
    Ok(Outcome {
        acknowledged: accepted().map(|(event, ..)| image_id(requests.run, *event)).collect(),
        refused: done.len() - accepted().count(),
        took,
        latencies: accepted().map(|(.., latency)| *latency).collect(),
    })
}

struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    /// Posts one request and reads its answer; gives whether it was 200.
    async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<bool> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        while !whole(&self.answer)? {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                bail!("the server closed the connection");
            }
        }
        Ok(self.answer.starts_with(b"HTTP/1.1 200"))
    }
}

/// Whether an answer is there to its last byte.
fn whole(answer: &[u8]) -> anyhow::Result<bool> {
    let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(false);
    };
    let text = std::str::from_utf8(&answer[..head])?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    Ok(answer.len() >= head + 4 + length.context("an answer without length")??)
}
