//! A webhook for small JSON messages, signed and sent as photos are.

use std::time::Duration;

use super::{
    Format, Settings, Signer,
    request::{Payload, Wire},
    settings::Address,
};
use crate::{http::Http, model::Failure, system::Clock};

/// Longest time from the first byte sent to the answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Where messages are posted.
#[derive(Debug, Clone)]
pub struct HookSettings {
    /// The address. A name in it may lead into the own network.
    pub address: Address,
    /// What messages are signed with.
    pub signer: Signer,
}

/// A receiver of small JSON messages.
#[derive(Debug)]
pub struct Hook(Wire);

impl Hook {
    /// A receiver that was sent nothing yet.
    #[must_use]
    pub fn new(settings: HookSettings, http: Http, clock: Clock) -> Self {
        let settings = Settings {
            address: settings.address,
            signer: settings.signer,
            format: Format::JsonBase64,
            headers: Vec::new(),
            timeout: TIMEOUT,
            max_size: 0,
            allow_private: true,
            concurrency: 1,
        };
        Self(Wire { settings, http, clock })
    }

    /// Posts a JSON message. `id` is ASCII and the same in every try: it goes along as
    /// `X-Apertur-Delivery-Id` and `Idempotency-Key`.
    ///
    /// # Errors
    /// When it is not answered by a 2xx; [`Failure::Unknown`] when it may have been taken.
    pub async fn post(&self, id: &str, message: Vec<u8>) -> Result<(), Failure> {
        let answer = self.0.post(id, &Payload::Ping(message)).await?;
        if answer.is_taken() { Ok(()) } else { Err(answer.failure()) }
    }
}
