//! Photos, one row each, whatever the number of their deliveries.

use jiff::Timestamp;
use serde::Serialize;

use super::{Ops, story::summary};
use crate::{
    destinations::Language,
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
    /// each other name each photo once; one that gets a newer one meanwhile, as it is planned
    /// anew, stands before them all from then on.
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
                if !self.is_first(filter, &delivery, None).await? {
                    continue;
                }
                let all = self.deliveries_of(&delivery).await?;
                let summary = summary(&all, &pauses, Language::En);
                let deliveries = all.into_iter().map(At::from).collect();
                rows.push(Row { photo: delivery.photo, summary, deliveries });
            }
        }
        Ok(Page { rows, next })
    }

    /// Whether this is the newest delivery of its photo that matches, of those up to a number.
    pub(super) async fn is_first(
        &self,
        filter: &Filter,
        delivery: &Delivery,
        upto: Option<DeliveryId>,
    ) -> Result<bool, JournalError> {
        let filter = Filter { photo: Some(delivery.photo.id.clone()), ..filter.clone() };
        let before = upto.map(|upto| DeliveryId(upto.0.saturating_add(1)));
        let newest = self.journal.list(&filter, before, 1).await?;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        journal::{Arrival, Bytes, Planned, memory::Memory},
        model::{Digest, PhotoId, Shape},
        system::Clock,
    };

    /// A photo in the spool for two destinations.
    fn arrival(id: &str, byte: u8) -> Arrival {
        let photo = Photo {
            id: PhotoId::parse(id).unwrap(),
            image_id: None,
            session: None,
            index: None,
            filename: None,
            media_type: None,
            size: Some(3),
            sha256: Some(Digest([byte; 32])),
            tags: Vec::new(),
            target: None,
            mode: None,
            topic: None,
            shape: Shape::Event,
            scheme: None,
            received_at: Timestamp::UNIX_EPOCH,
        };
        let planned = |to: &str| Planned {
            destination: DestinationName::parse(to).ok(),
            target: None,
            mode: None,
        };
        let plan = ["erp", "archive"].map(planned).into();
        Arrival { photo, bytes: Bytes::Stored, plan, held: None, is_doubtful: false }
    }

    #[tokio::test]
    async fn pages_name_each_photo_once_where_its_newest_matching_delivery_stands() {
        let ops = Ops::to_read(Arc::new(Memory::new()), Clock::stepped(Timestamp::UNIX_EPOCH));
        for (id, byte) in [("a", 1), ("b", 2), ("c", 3)] {
            ops.journal.accept(arrival(id, byte)).await.unwrap();
        }
        let erp = DestinationName::parse("erp").ok();
        let all = Filter::default();
        for filter in [Filter { destination: erp, ..Filter::default() }, all.clone()] {
            for limit in 1..4 {
                let (mut named, mut before) = (Vec::new(), None);
                loop {
                    let page = ops.photos(&filter, before, limit).await.unwrap();
                    assert!(page.rows.len() <= limit);
                    named.extend(page.rows.iter().map(|row| row.photo.id.to_string()));
                    before = page.next;
                    if before.is_none() {
                        break;
                    }
                }
                assert_eq!(named, ["c", "b", "a"], "{limit}");
            }
        }
        let page = ops.photos(&all, None, 1).await.unwrap();
        assert_eq!(page.rows[0].deliveries.len(), 2);
        assert_eq!(page.rows[0].summary, "due for erp and archive");
    }
}
