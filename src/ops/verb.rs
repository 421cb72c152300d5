//! What a verb would do, before anything is done.

use super::Ops;
use crate::{
    intake::session_of,
    journal::{JournalError, Way},
    model::{
        Delivery, DeliveryId, DeliveryState, DestinationName, Filter, Foreseen, Left, Preview, Verb,
    },
};

/// Deliveries that are planned for a preview between two looks at the journal.
const PAGE: usize = 500;

/// Whether a delivery is of this destination and error.
fn is_of(foreseen: &Foreseen, delivery: &Delivery) -> bool {
    let error = delivery.cause.as_ref().map(|cause| cause.kind);
    delivery.destination == foreseen.destination && error == foreseen.error
}

impl Ops {
    /// What a verb would do now with what matches: how many of which destination, state and error
    /// it would change, how many it would leave alone and why. A run does just that unless
    /// something changes meanwhile, and where of two held photos with the same bytes the second
    /// is left to the first that is replayed with it.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn preview(&self, verb: &Verb, filter: &Filter) -> Result<Preview, JournalError> {
        let mut counts = Vec::new();
        for foreseen in self.journal.foresee(verb, filter, &self.configured()).await? {
            if foreseen.left == Some(Left::Unrouted) && foreseen.state == DeliveryState::Held {
                counts.extend(self.routed(filter, foreseen).await?);
            } else {
                counts.push(foreseen);
            }
        }
        Ok(Preview::of(counts))
    }

    /// Which of the deliveries without a destination that is configured have a way by the routes
    /// of now, and which have none.
    async fn routed(
        &self,
        filter: &Filter,
        foreseen: Foreseen,
    ) -> Result<[Foreseen; 2], JournalError> {
        let narrowed = Filter {
            states: vec![foreseen.state],
            error: foreseen.error,
            destination: foreseen.destination.clone(),
            ..filter.clone()
        };
        let (mut routed, mut before) = (0, None);
        loop {
            let page = self.journal.list(&narrowed, before, PAGE).await?;
            before = page.last().map(|last| last.id);
            // A filter cannot ask for none.
            for delivery in page.iter().filter(|one| is_of(&foreseen, one)) {
                routed += u64::from(matches!(self.planned(delivery).await?, Way::Again(_)));
            }
            if before.is_none() {
                let left = foreseen.count.saturating_sub(routed);
                let again = Foreseen { left: None, count: routed, ..foreseen.clone() };
                return Ok([again, Foreseen { count: left, ..foreseen }]);
            }
        }
    }

    /// The way of a delivery that is found on a page of a run.
    pub(super) async fn way(
        &self,
        number: DeliveryId,
        destination: Option<&DestinationName>,
    ) -> Result<Way, JournalError> {
        if destination.is_some_and(|name| self.is_configured(name)) {
            return Ok(Way::On);
        }
        let filter = Filter { ids: vec![number], ..Filter::default() };
        match self.journal.list(&filter, None, 1).await.as_deref() {
            Ok([delivery]) => self.planned(delivery).await,
            // One that cannot be read does not keep the others back.
            Ok(_) | Err(JournalError::Damaged(_)) => Ok(Way::Nowhere),
            Err(error) => Err(error.clone()),
        }
    }

    /// Where a delivery goes by the routes of now.
    async fn planned(&self, delivery: &Delivery) -> Result<Way, JournalError> {
        let own = session_of(self.journal.as_ref(), &delivery.photo).await?;
        let plan = self.routes.load().plan(&delivery.photo, own.as_ref());
        let goes_nowhere =
            plan.is_empty() || plan.iter().any(|planned| planned.destination.is_none());
        Ok(if goes_nowhere { Way::Nowhere } else { Way::Again(plan) })
    }

    pub(super) fn configured(&self) -> Vec<DestinationName> {
        self.routes.load().destinations.iter().map(|(name, _)| name.clone()).collect()
    }

    fn is_configured(&self, name: &DestinationName) -> bool {
        self.routes.load().destinations.iter().any(|(configured, _)| configured == name)
    }
}
