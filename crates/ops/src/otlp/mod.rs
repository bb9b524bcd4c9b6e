//! Sends each ended run as an OpenTelemetry trace: OTLP over HTTP, as JSON. `spans` makes the spans from the
//! run's history, [`TraceExport`] sends them to the collector that the settings name.
//! <https://opentelemetry.io/docs/specs/otlp/#otlphttp>

mod spans;

use std::time::Duration;

use holdfast_core::model::settings::{Settings, TraceSettings};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::failure::Failure;
use crate::run_details::{states_taken, units_of};
use crate::run_summary::{ReadRuns, RunSummary};
use spans::{Span, spans, text};

/// Maximum number of spans in one request.
const SPANS_PER_REQUEST: usize = 512;
/// Time limit of one request.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// The tries of one request, and the wait before the next one, which doubles.
const TRIES: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Sends traces to a collector.
pub struct TraceExport {
    client: reqwest::Client,
    settings: TraceSettings,
    version: &'static str,
}

impl TraceExport {
    /// Returns the export that the settings ask for; `None` if they name no collector.
    ///
    /// # Errors
    /// A header can't be sent.
    pub fn of(settings: &Settings, version: &'static str) -> Result<Option<Self>, Failure> {
        let Some(settings) = settings.traces.clone() else {
            return Ok(None);
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &settings.headers {
            let header = HeaderName::try_from(name.as_str()).ok();
            let value = HeaderValue::try_from(value.expose_secret()).ok();
            let Some((header, mut value)) = header.zip(value) else {
                return Err(Failure::usage(format!(
                    "OTEL_EXPORTER_OTLP_HEADERS (environment): the header {name:?} or its value can't be sent"
                )));
            };
            value.set_sensitive(true);
            headers.insert(header, value);
        }
        // The client takes the process's default. An earlier call may have installed it.
        let _installed_already = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(TIME_LIMIT)
            .build();
        let client =
            client.map_err(|error| Failure::incomplete(format!("the client of traces can't be built: {error}")))?;
        Ok(Some(Self {
            client,
            settings,
            version,
        }))
    }

    /// Sends an ended run. What can't be sent is logged, and lost.
    pub async fn send(&self, runs: &dyn ReadRuns, record: &RunSummary) {
        let spans = match self.read(runs, record).await {
            Ok(spans) => spans,
            Err(failure) => {
                tracing::warn!(run = record.run.as_str(), %failure, "a run's trace can't be made");
                return;
            }
        };
        for spans in spans.chunks(SPANS_PER_REQUEST) {
            if let Err(problem) = self.post(spans).await {
                let url = &self.settings.url;
                tracing::warn!(run = record.run.as_str(), %problem, "a run's trace is not at {url}");
                return;
            }
        }
    }

    async fn read(&self, runs: &dyn ReadRuns, record: &RunSummary) -> Result<Vec<Span>, Failure> {
        let states = states_taken(&runs.history(record).await?);
        Ok(spans(record, &states, &units_of(runs, record).await?))
    }

    async fn post(&self, spans: &[Span]) -> Result<(), String> {
        let body = json!({ "resourceSpans": [{
            "resource": { "attributes": [
                text("service.name", &self.settings.service),
                text("service.version", self.version),
            ] },
            "scopeSpans": [{ "scope": { "name": "holdfast" }, "spans": spans }],
        }] });
        let mut wait = FIRST_WAIT;
        let mut problem = String::new();
        for attempt in 1..=TRIES {
            match self.client.post(self.settings.url.clone()).json(&body).send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                // OTLP names the answers after which a request is sent again.
                Ok(answer) if matches!(answer.status().as_u16(), 429 | 502 | 503 | 504) => {
                    problem = format!("the collector answers {}", answer.status());
                }
                Ok(answer) => return Err(format!("the collector answers {}", answer.status())),
                Err(error) => problem = error.without_url().to_string(),
            }
            if attempt < TRIES {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
        }
        Err(problem)
    }
}
