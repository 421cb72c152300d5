//! Spans on their way to the collector: in batches, by a thread of their own, through the
//! daemon's one HTTP client.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor};
use prometheus::IntCounterVec;
use tokio::runtime::Handle;
use url::Url;

use super::TraceSettings;
use crate::http::Http;

/// Spans that wait at most; what comes then is lost.
const QUEUE: usize = 8192;
/// Spans sent at once at most.
const BATCH: usize = 512;
/// Longest time until a span is sent.
const EVERY: Duration = Duration::from_secs(2);
/// Longest time for one batch, repetitions included.
const DEADLINE: Duration = Duration::from_secs(10);
/// Longest answer that is read.
const ANSWER: usize = 64 * 1024;

/// What sends the spans that ended.
pub(super) fn processor(
    settings: &TraceSettings,
    http: Http,
    exports: IntCounterVec,
) -> anyhow::Result<BatchSpanProcessor> {
    let client = Client {
        http,
        headers: settings.headers.clone(),
        runtime: Handle::current(),
        exports,
        fails: Arc::default(),
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint(&settings.endpoint))
        .with_timeout(DEADLINE)
        .build()?;
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(EVERY)
        .build();
    Ok(BatchSpanProcessor::builder(exporter).with_batch_config(config).build())
}

/// Where traces are posted to below the collector's address.
fn endpoint(base: &Url) -> String {
    const PATH: &str = "v1/traces";
    let mut url = base.clone();
    let path = base.path().trim_end_matches('/');
    if !path.ends_with(PATH) {
        url.set_path(&format!("{path}/{PATH}"));
    }
    url.into()
}

/// The daemon's client on the exporter's thread, which is none of the runtime's.
struct Client {
    http: Http,
    headers: Vec<(HeaderName, HeaderValue)>,
    runtime: Handle,
    exports: IntCounterVec,
    /// Whether the last request failed, so that only changes are told.
    fails: Arc<AtomicBool>,
}

/// Without the headers.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    fn tell(&self, failed: Option<&str>) {
        let word = if failed.is_some() { "failed" } else { "done" };
        self.exports.with_label_values(&[word]).inc();
        match (self.fails.swap(failed.is_some(), Relaxed), failed) {
            (false, Some(error)) => {
                tracing::warn!(error, "traces are not taken; photos go on all the same");
            }
            (true, None) => tracing::info!("traces are taken again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        request.headers_mut().extend(self.headers.iter().cloned());
        let http = self.http.clone();
        let relay = async move { http.relay(request, ANSWER, DEADLINE).await };
        let answer = self.runtime.spawn(relay).await.map_err(anyhow::Error::from).flatten();
        match &answer {
            Ok(answer) if answer.status().is_success() => self.tell(None),
            Ok(answer) => self.tell(Some(&format!("the collector says {}", answer.status()))),
            Err(error) => self.tell(Some(&format!("{error:#}"))),
        }
        Ok(answer?)
    }
}

#[test]
fn the_path_of_traces_is_added_where_it_is_missing() {
    for (base, expected) in [
        ("http://localhost:4318", "http://localhost:4318/v1/traces"),
        ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
        ("https://host/otlp/", "https://host/otlp/v1/traces"),
        ("https://host/otlp/v1/traces", "https://host/otlp/v1/traces"),
    ] {
        let base = Url::parse(base).ok();
        assert_eq!(base.map(|base| endpoint(&base)).as_deref(), Some(expected));
    }
}
