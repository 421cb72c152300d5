//! `/doctor`: everything that may be wrong, looked at now.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Api, Scope,
    facts::{Finding, Severity},
    operation::Operation,
    problem::Problem,
    query::Query,
};
use crate::doctor;

/// Longest wait for all that is looked at.
const PATIENCE: Duration = Duration::from_mins(2);

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
struct Report {
    /// The worst of all findings.
    severity: Severity,
    /// When it was looked.
    at: Timestamp,
    /// The version that looked.
    version: &'static str,
    areas: Vec<Area>,
}

/// What was found about one thing.
#[derive(Debug, Serialize, ToSchema)]
struct Area {
    /// What it is about.
    #[schema(example = "destination erp")]
    name: String,
    findings: Vec<Finding>,
}

impl From<doctor::Report> for Report {
    fn from(it: doctor::Report) -> Self {
        let area = |area: doctor::Area| Area {
            name: area.name,
            findings: area.findings.into_iter().map(Finding::from).collect(),
        };
        Self {
            severity: Severity::from(it.severity),
            at: it.at,
            version: it.version,
            areas: it.areas.into_iter().map(area).collect(),
        }
    }
}

/// The operation `/doctor`.
pub(super) fn operations() -> Vec<Operation> {
    let examine = ("examine", "Look at everything that may be wrong");
    let looked = Operation::get("/doctor", Scope::Admin, examine, self::examine);
    vec![
        looked
            .gives::<Report>(200, "What was found, also where something is wrong.")
            .fails(504, "Others take too long to answer."),
    ]
}

async fn examine(request: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Problem> {
    Query::read(request.query_string(), &[])?;
    let (doctor, place) = (Arc::clone(&api.doctor), api.place_to_test()?);
    let work = async move {
        let report = doctor.examine().await;
        drop(place);
        report
    };
    let report = api.finished(work, PATIENCE).await?.map_err(|error| {
        tracing::warn!(error = format!("{error:#}"), "the doctor can look at nothing");
        Problem::internal("nothing can be looked at")
    })?;
    Ok(HttpResponse::Ok().json(Report::from(report)))
}
