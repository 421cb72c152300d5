//! Photos, one row each, whatever the number of their deliveries.

use jiff::Timestamp;
use serde::Serialize;

use super::{Ops, story::summary};
use crate::{
    journal::JournalError,
    model::{Delivery, DeliveryId, DeliveryState, DestinationName, Filter, Photo},
};

/// Deliveries that are read at once.
const PAGE: usize = 200;

/// One photo.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The photo.
    pub photo: Photo,
    /// Where it stands, over all its deliveries, in one line.
    pub summary: String,
    /// Where each of its deliveries stands, oldest first.
    pub deliveries: Vec<At>,
}

/// Where a delivery stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct At {
    /// Its number.
    pub id: DeliveryId,
    /// Where it goes; `None` while no destination wants the photo.
    pub destination: Option<DestinationName>,
    /// Its state.
    pub state: DeliveryState,
    /// When it came to its end, if it did.
    pub settled_at: Option<Timestamp>,
}

/// Photos, and where the next page begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The photos.
    pub rows: Vec<Row>,
    /// What to ask for as `before` to get those after them; `None` where there are no more.
    pub next: Option<DeliveryId>,
}

impl Ops {
    /// Photos with a delivery that matches, those with the newest such delivery first, at most
    /// `limit`. A photo stands where its newest matching delivery stands, so pages that follow
    /// each other name each photo once.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn photos(
        &self,
        filter: &Filter,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Page, JournalError> {
        let pauses = self.journal.pauses().await?;
        let (mut rows, mut next) = (Vec::new(), before);
        while rows.len() < limit {
            let found = self.journal.list(filter, next, PAGE).await?;
            if found.is_empty() {
                return Ok(Page { rows, next: None });
            }
            for delivery in found {
                if rows.len() == limit {
                    break;
                }
                next = Some(delivery.id);
                if !self.is_first(filter, &delivery).await? {
                    continue;
                }
                let all = self.deliveries_of(&delivery).await?;
                let summary = summary(&all, &pauses);
                let deliveries = all.into_iter().map(At::from).collect();
                rows.push(Row { photo: delivery.photo, summary, deliveries });
            }
        }
        Ok(Page { rows, next })
    }

    /// Whether this is the newest delivery of its photo that matches.
    pub(super) async fn is_first(
        &self,
        filter: &Filter,
        delivery: &Delivery,
    ) -> Result<bool, JournalError> {
        let filter = Filter { photo: Some(delivery.photo.id.clone()), ..filter.clone() };
        let newest = self.journal.list(&filter, None, 1).await?;
        Ok(newest.first().is_none_or(|newest| newest.id <= delivery.id))
    }

    /// Every delivery of its photo, oldest first.
    async fn deliveries_of(&self, delivery: &Delivery) -> Result<Vec<Delivery>, JournalError> {
        let filter = Filter { photo: Some(delivery.photo.id.clone()), ..Filter::default() };
        let mut all = self.journal.list(&filter, None, PAGE).await?;
        all.reverse();
        Ok(all)
    }
}

impl From<Delivery> for At {
    fn from(delivery: Delivery) -> Self {
        let Delivery { id, destination, state, settled_at, .. } = delivery;
        Self { id, destination, state, settled_at }
    }
}
