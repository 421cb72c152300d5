//! A collector of traces: takes OTLP over HTTP and keeps what it was sent.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1,
};
use prost::Message as _;

/// A running collector. Its thread ends with the process.
#[derive(Debug)]
pub(super) struct Collector {
    port: u16,
    taken: Arc<Mutex<Taken>>,
}

/// What came.
#[derive(Debug, Clone, Default)]
pub(super) struct Taken {
    /// The heads of the requests, in small letters.
    pub(super) heads: Vec<String>,
    pub(super) spans: Vec<Span>,
    /// The attributes of what sent them.
    pub(super) resource: BTreeMap<String, String>,
}

/// A span.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) trace: Vec<u8>,
    pub(super) id: Vec<u8>,
    pub(super) parent: Vec<u8>,
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
    /// The words of the error, if it failed.
    pub(super) failed: Option<String>,
    pub(super) nanos: (u64, u64),
}

impl Collector {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::<Mutex<Taken>>::default();
        let ours = Arc::clone(&taken);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let ours = Arc::clone(&ours);
                std::thread::spawn(move || serve(&stream, &ours));
            }
        });
        Self { port, taken }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn taken(&self) -> Taken {
        self.taken.lock().unwrap().clone()
    }
}

/// Takes requests on one connection until it is closed.
fn serve(stream: &TcpStream, taken: &Mutex<Taken>) {
    let mut lines = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if lines.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let head = head.to_lowercase();
        let (_, length) = head.split_once("content-length: ").unwrap();
        let mut body = vec![0; length.lines().next().unwrap().parse().unwrap()];
        lines.read_exact(&mut body).unwrap();
        taken.lock().unwrap().take(head, &body);
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\n\
                      content-length: 0\r\n\r\n";
        (&mut &*stream).write_all(answer.as_bytes()).unwrap();
    }
}

impl Taken {
    fn take(&mut self, head: String, body: &[u8]) {
        self.heads.push(head);
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        for resource in request.resource_spans {
            self.resource = attributes(resource.resource.unwrap_or_default().attributes);
            let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.spans.extend(spans.map(Span::from));
        }
    }
}

impl Span {
    pub(super) fn has(&self, attribute: &str, value: &str) -> bool {
        self.attributes.get(attribute).is_some_and(|known| known == value)
    }
}

impl From<v1::Span> for Span {
    fn from(span: v1::Span) -> Self {
        let status = span.status.unwrap_or_default();
        Self {
            trace: span.trace_id,
            id: span.span_id,
            parent: span.parent_span_id,
            name: span.name,
            attributes: attributes(span.attributes),
            failed: (status.code == 2).then_some(status.message),
            nanos: (span.start_time_unix_nano, span.end_time_unix_nano),
        }
    }
}

fn attributes(all: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<Value>| match value {
        Some(Value::StringValue(text)) => text,
        other => panic!("{other:?}"),
    };
    all.into_iter().map(|pair| (pair.key, text(pair.value.and_then(|v| v.value)))).collect()
}
