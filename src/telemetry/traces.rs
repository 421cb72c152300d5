//! Facts as OpenTelemetry spans, sent by OTLP over HTTP. One photo is one trace.
//!
//! The ids of a photo's trace and of its first span are made from its photo id, that of an
//! attempt's span from the attempt's number, so that what a later run of the daemon does joins the
//! same trace and nothing has to be remembered. Spans carry what log lines carry and no more: no
//! secret, session id or link.

mod exporting;

use std::{
    cell::Cell,
    time::{Duration, SystemTime},
};

use http::{HeaderName, HeaderValue};
use opentelemetry::{
    Context, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{
        Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _, TraceState,
        Tracer as _, TracerProvider as _,
    },
};
use opentelemetry_sdk::{
    Resource,
    trace::{IdGenerator, RandomIdGenerator, Sampler, SdkTracer, SdkTracerProvider},
};
use prometheus::IntCounterVec;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::Fact;
use crate::{
    http::Http,
    model::{AttemptId, AttemptOutcome, Cause, Delivery, Photo, PhotoId},
};

/// Longest wait for the collector at the end.
const LAST: Duration = Duration::from_secs(5);

/// Where traces go, and which.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSettings {
    /// The collector's address; `v1/traces` is added unless it ends so.
    pub endpoint: Url,
    /// Headers for it; mark values that are secrets as sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Which part of the photos is traced, from 0 to 1. A photo is traced as a whole or not at
    /// all.
    pub sample: f64,
    /// What the collector knows this daemon as.
    pub service: String,
}

/// The way of spans to the collector.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

thread_local! {
    /// The ids of the span that is made next on this thread.
    static NEXT: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

/// Gives the ids that were asked for, or else random ones.
#[derive(Debug, Default)]
struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        NEXT.get().map_or_else(|| self.0.new_trace_id(), |next| next.0)
    }

    fn new_span_id(&self) -> SpanId {
        NEXT.get().map_or_else(|| self.0.new_span_id(), |next| next.1)
    }
}

fn first_bytes<const N: usize>(text: &str) -> [u8; N] {
    let digest = Sha256::digest(text.as_bytes());
    std::array::from_fn(|at| digest[at])
}

fn trace_id(photo: &PhotoId) -> TraceId {
    TraceId::from_bytes(first_bytes(photo.as_str()))
}

/// The id of a photo's first span.
fn root_id(photo: &PhotoId) -> SpanId {
    SpanId::from_bytes(first_bytes(&format!("photo {photo}")))
}

fn attempt_id(attempt: AttemptId, photo: &PhotoId) -> SpanId {
    SpanId::from_bytes(first_bytes(&format!("attempt {attempt} of {photo}")))
}

/// What goes below this span of a photo.
fn below(photo: &PhotoId, parent: SpanId) -> Context {
    let state = TraceState::default();
    let parent = SpanContext::new(trace_id(photo), parent, TraceFlags::SAMPLED, true, state);
    Context::new().with_remote_span_context(parent)
}

/// A span that ends now.
struct Ended<'a> {
    name: &'static str,
    photo: &'a PhotoId,
    kind: SpanKind,
    attributes: Vec<KeyValue>,
    cause: Option<&'a Cause>,
    took: Duration,
}

impl<'a> Ended<'a> {
    fn new(name: &'static str, photo: &'a PhotoId, kind: SpanKind, took: Duration) -> Self {
        let attributes = vec![KeyValue::new("apertur.photo.id", photo.to_string())];
        Self { name, photo, kind, attributes, cause: None, took }
    }

    fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.attributes.extend(value.map(|value| KeyValue::new(name, value.to_string())));
        self
    }

    fn failed(self, cause: Option<&'a Cause>) -> Self {
        let kind = cause.map(|cause| cause.kind);
        Self { cause, ..self.with("error.type", kind) }
    }

    /// Of a delivery's attempt.
    fn of(self, delivery: &Delivery, attempt: AttemptId) -> Self {
        self.with("apertur.delivery.id", Some(delivery.id))
            .with("apertur.destination", delivery.destination.as_ref())
            .with("apertur.target", delivery.target.as_ref())
            .with("apertur.attempt.id", Some(attempt))
    }
}

impl Traces {
    /// Starts the thread that sends. Call it from a task: requests are made by its runtime.
    ///
    /// # Errors
    /// When the exporter cannot be made.
    pub(super) fn start(
        settings: &TraceSettings,
        http: Http,
        exports: IntCounterVec,
    ) -> anyhow::Result<Self> {
        let resource = Resource::builder_empty()
            .with_service_name(settings.service.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_id_generator(Ids::default())
            .with_sampler(Sampler::TraceIdRatioBased(settings.sample))
            .with_span_processor(exporting::processor(settings, http, exports)?)
            .build();
        let tracer = provider.tracer(env!("CARGO_PKG_NAME"));
        Ok(Self { provider, tracer })
    }

    /// Sends what is left. Blocks for at most five seconds.
    pub(super) fn stop(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST) {
            tracing::debug!(%error, "the last traces were not sent");
        }
    }

    /// Makes the spans of a fact. Never blocks: what the collector does not take in time is lost.
    pub(super) fn trace(&self, fact: &Fact<'_>) {
        match fact {
            Fact::Request { photo: Some(photo), .. } => self.received(fact, photo),
            Fact::Polled { photo, is_new: true, unrouted, took } => {
                let span = Ended::new("poll", &photo.id, SpanKind::Client, *took);
                self.root(arrived(span, photo).failed(*unrouted));
            }
            Fact::Reconciled { photo, unrouted } => {
                let span = Ended::new("reconcile", &photo.id, SpanKind::Internal, Duration::ZERO);
                self.root(arrived(span, photo).failed(*unrouted));
            }
            Fact::Fetched { photo, size, took } => {
                self.fetch(photo, *took, |span| span.with("apertur.photo.bytes", Some(size)));
            }
            Fact::FetchLater { photo, cause, took, .. }
            | Fact::FetchHeld { photo, cause, took } => {
                self.fetch(photo, *took, |span| span.failed(Some(cause)));
            }
            Fact::Called { call, attempts, cause, took } => {
                for (delivery, attempt) in *attempts {
                    let photo = &delivery.photo.id;
                    let span = Ended::new(call, photo, SpanKind::Client, *took);
                    let span = span.of(delivery, *attempt).failed(*cause);
                    self.end(span, &below(photo, attempt_id(*attempt, photo)), None);
                }
            }
            Fact::Delivered { delivery, attempt, receipt, took, .. } => {
                let span = attempted((delivery, *attempt), AttemptOutcome::Done, *took);
                self.attempt(span.with("apertur.found", Some(receipt.found)), *attempt);
            }
            Fact::AttemptFailed { delivery, attempt, outcome, cause, took, .. } => {
                let span = attempted((delivery, *attempt), *outcome, *took);
                self.attempt(span.failed(Some(cause)), *attempt);
            }
            Fact::Held { delivery, attempt, cause, took } => {
                let span = attempted((delivery, *attempt), AttemptOutcome::Refused, *took);
                self.attempt(span.failed(Some(cause)), *attempt);
            }
            _ => {}
        }
    }

    /// A photo at the door, and within that its way to the disk.
    fn received(&self, fact: &Fact<'_>, photo: &Photo) {
        let Fact::Request { status, scheme, took, keeping, .. } = fact else { return };
        let span = Ended::new("receive", &photo.id, SpanKind::Server, *took);
        let span = arrived(span, photo)
            .with("apertur.status", Some(status))
            .with("apertur.scheme", scheme.as_ref());
        let parent = if *status == "accepted" {
            self.root(span)
        } else {
            self.end(span, &below(&photo.id, root_id(&photo.id)), None)
        };
        if let Some(keeping) = keeping {
            let span = Ended::new("accept", &photo.id, SpanKind::Internal, *keeping);
            self.end(span, &below(&photo.id, parent), None);
        }
    }

    fn fetch<'a>(
        &self,
        photo: &'a PhotoId,
        took: Duration,
        more: impl FnOnce(Ended<'a>) -> Ended<'a>,
    ) {
        let span = more(Ended::new("fetch", photo, SpanKind::Client, took));
        self.end(span, &below(photo, root_id(photo)), None);
    }

    fn attempt(&self, span: Ended<'_>, attempt: AttemptId) {
        let own = attempt_id(attempt, span.photo);
        let parent = below(span.photo, root_id(span.photo));
        self.end(span, &parent, Some(own));
    }

    fn root(&self, span: Ended<'_>) -> SpanId {
        let own = root_id(span.photo);
        self.end(span, &Context::new(), Some(own))
    }

    /// Makes a span under its own id, or a random one; gives the id.
    fn end(&self, ended: Ended<'_>, parent: &Context, own: Option<SpanId>) -> SpanId {
        let now = SystemTime::now();
        let started = now.checked_sub(ended.took).unwrap_or(now);
        let builder = SpanBuilder::from_name(ended.name)
            .with_kind(ended.kind)
            .with_attributes(ended.attributes)
            .with_start_time(started);
        NEXT.set(own.map(|own| (trace_id(ended.photo), own)));
        let mut span = self.tracer.build_with_context(builder, parent);
        NEXT.set(None);
        if let Some(cause) = ended.cause {
            span.set_status(Status::error(cause.what.clone()));
        }
        span.end_with_timestamp(now);
        span.span_context().span_id()
    }
}

/// What is known of a photo that arrived.
fn arrived<'a>(span: Ended<'a>, photo: &Photo) -> Ended<'a> {
    span.with("apertur.target", photo.target.as_ref())
        .with("apertur.photo.bytes", photo.size)
        .with("apertur.photo.shape", Some(photo.shape))
        .with("apertur.photo.media_type", photo.media_type.as_ref())
}

fn attempted(
    (delivery, attempt): (&Delivery, AttemptId),
    outcome: AttemptOutcome,
    took: Duration,
) -> Ended<'_> {
    let span = Ended::new("attempt", &delivery.photo.id, SpanKind::Client, took);
    span.of(delivery, attempt).with("apertur.outcome", Some(outcome))
}
