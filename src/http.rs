//! The one outgoing HTTP client: limits, vetted addresses, statuses to failures.
//! Placeholder until the collector's branch lands.
/// x
#[derive(Debug, Clone)]
pub struct Http;
