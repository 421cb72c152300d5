//! `/deliveries`: lists, counts, and one.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Api, Scope,
    facts::Delivery,
    operation::Operation,
    page,
    problem::Problem,
    query::{Page, Query, State, WANTED, Wanted},
};
use crate::model::{DeliveryId, Filter};

/// A page of deliveries.
#[derive(Debug, Serialize, ToSchema)]
struct Deliveries {
    /// The newest first.
    items: Vec<Delivery>,
    /// Leads to the next page; null on the last one.
    next_cursor: Option<String>,
}

/// How many deliveries there are, by sort.
#[derive(Debug, Serialize, ToSchema)]
struct Counts {
    items: Vec<Count>,
}

/// How many deliveries there are of a sort.
#[derive(Debug, Serialize, ToSchema)]
struct Count {
    /// The destination; null for photos that no destination wants.
    destination: Option<String>,
    #[schema(value_type = State)]
    state: &'static str,
    /// The kind of the last error, if there was one.
    error: Option<&'static str>,
    count: u64,
}

/// The operations below `/deliveries` that change nothing.
pub(super) fn operations() -> Vec<Operation> {
    let list = ("listDeliveries", "List deliveries, the newest first");
    let count = ("countDeliveries", "Count deliveries by destination, state and error");
    let show = ("showDelivery", "Show a delivery");
    vec![
        Operation::get("/deliveries", Scope::Read, list, self::list)
            .asked::<Wanted>()
            .asked::<Page>()
            .gives_with::<Deliveries>(200, "A page of deliveries.", page::LINK),
        Operation::get("/deliveries/counts", Scope::Read, count, self::counts)
            .asked::<Wanted>()
            .gives::<Counts>(200, "How many deliveries match, by sort."),
        Operation::get("/deliveries/{delivery}", Scope::Read, show, self::show)
            .gives::<Delivery>(200, "The delivery."),
    ]
}

async fn list(request: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Problem> {
    let asked = api.asked(&request, "deliveries").await?;
    // One more than is shown says whether there is another page.
    let mut found = api.ops.list(&asked.filter, asked.before, asked.size + 1).await?;
    let is_last = found.len() <= asked.size;
    found.truncate(asked.size);
    let last = found.last().filter(|_| !is_last).map(|delivery| delivery.id);
    let items = found.iter().map(Delivery::from).collect();
    let next = asked.next(&request, last);
    Ok(next.linked(&Deliveries { items, next_cursor: next.cursor() }))
}

async fn counts(request: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Problem> {
    let wanted = Query::read(request.query_string(), &WANTED)?.wanted()?;
    let counts = api.ops.count(&api.filter(&wanted).await?).await?;
    let count = |count: &crate::journal::Count| Count {
        destination: count.destination.as_ref().map(ToString::to_string),
        state: count.state.as_str(),
        error: count.error.map(crate::model::ErrorKind::as_str),
        count: count.count,
    };
    Ok(HttpResponse::Ok().json(Counts { items: counts.iter().map(count).collect() }))
}

async fn show(
    request: HttpRequest,
    part: web::Path<String>,
    api: web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    Query::read(request.query_string(), &[])?;
    let wrong = |_| Problem::invalid("delivery", "is no number of a delivery", "write digits");
    let id = DeliveryId(part.parse().map_err(wrong)?);
    let filter = Filter { ids: vec![id], ..Filter::default() };
    match api.ops.list(&filter, None, 1).await?.first() {
        Some(delivery) => Ok(HttpResponse::Ok().json(Delivery::from(delivery))),
        None => {
            let what = format!("there is no delivery {id}");
            Err(Problem::not_found(what, "see /api/v1/deliveries"))
        }
    }
}
