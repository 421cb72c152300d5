//! The OpenAPI document: what [`super::operations`] says, for programs.

use std::collections::BTreeMap;

use utoipa::openapi::{
    Components, Info, License, OpenApi, OpenApiBuilder, PathItem, Paths, Server,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use super::operation::{Operation, TOKEN};

/// What the document begins with.
const ABOUT: &str = "Find, understand and replay photos of this bridge. Lists come in pages: \
                     `next_cursor`, and the header `Link: <..>; rel=\"next\"`, lead on. What goes \
                     wrong is told as `application/problem+json` with the next step in `fix`.";

/// The document of these operations.
pub(super) fn of(operations: Vec<Operation>) -> OpenApi {
    let mut paths = Paths::new();
    let mut schemas = BTreeMap::new();
    for operation in operations {
        let (path, method, description, named) = operation.describe();
        schemas.extend(named);
        let item = PathItem::new(method, description);
        paths.paths.entry(path.to_owned()).or_default().merge_operations(item);
    }
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "A token of `console.tokens`. Its scope is read, operate or admin; each may do what \
             the ones before it may.",
        ))
        .build();
    let mut components = Components::new();
    components.schemas = schemas.into_iter().collect();
    components.add_security_scheme(TOKEN, SecurityScheme::Http(token));
    let mut info = Info::new("apertur-bridge", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    info.license = Some(license());
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new("/api/v1")]))
        .paths(paths)
        .components(Some(components))
        .build()
}

fn license() -> License {
    let mut license = License::new(env!("CARGO_PKG_LICENSE"));
    license.identifier = Some(env!("CARGO_PKG_LICENSE").to_owned());
    license
}
