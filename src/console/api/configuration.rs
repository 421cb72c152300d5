//! `/config`: the configuration as it runs, without its secrets.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, Scope, operation::Operation, problem::Problem, query::Query};
use crate::console;

/// The configuration as it runs.
#[derive(Debug, Serialize, ToSchema)]
struct Configuration {
    /// In the order of `apertur-bridge config example`.
    items: Vec<Setting>,
}

/// A value of the configuration.
#[derive(Debug, Serialize, ToSchema)]
struct Setting {
    /// Its key.
    #[schema(example = "destination.erp.url")]
    path: String,
    /// What it is, as it would be written in the file; nothing of a secret.
    value: String,
    origin: Origin,
    /// The line of the file, from 1, where it is from there and that is known.
    line: Option<usize>,
    /// The variable of the environment, where it is from one.
    variable: Option<String>,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Origin {
    File,
    Environment,
    Default,
}

impl From<&console::Setting> for Setting {
    fn from(it: &console::Setting) -> Self {
        let (origin, line, variable) = match &it.origin {
            console::Origin::File(line) => (Origin::File, *line, None),
            console::Origin::Variable(name) => (Origin::Environment, None, Some(name.clone())),
            console::Origin::Default => (Origin::Default, None, None),
        };
        Self { path: it.path.clone(), value: it.value.clone(), origin, line, variable }
    }
}

/// The operation `/config`.
pub(super) fn operations() -> Vec<Operation> {
    let show = ("showConfiguration", "Show the configuration as it runs, without its secrets");
    let shown = Operation::get("/config", Scope::Admin, show, self::show);
    vec![shown.gives::<Configuration>(200, "The configuration.")]
}

async fn show(request: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Problem> {
    Query::read(request.query_string(), &[])?;
    let items = api.setup.load().configuration.iter().map(Setting::from).collect();
    Ok(HttpResponse::Ok().json(Configuration { items }))
}
