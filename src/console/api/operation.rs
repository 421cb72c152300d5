//! One operation of the API, said once: its address, who may use it, what it takes and gives, and
//! what carries it out. Routes and the OpenAPI document are both made of it.

use actix_web::{
    FromRequest, Handler, Responder, Route,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    middleware::{Next, from_fn},
    web,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Content, HttpMethod, Ref, RefOr, Required, ResponseBuilder, Schema,
        header::HeaderBuilder,
        path::{Operation as Description, OperationBuilder, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::{ObjectBuilder, SchemaType, Type},
        security::SecurityRequirement,
    },
};

use super::{
    caller,
    problem::{self, Problem},
};
use crate::console::Scope;

/// The name of the security scheme in the document.
pub(super) const TOKEN: &str = "token";

/// Named schemas that something refers to.
pub(super) type Schemas = Vec<(String, RefOr<Schema>)>;

/// An operation: an address with a method.
pub(super) struct Operation {
    /// Below `/api/v1`, with its parameters in braces.
    pub(super) path: &'static str,
    pub(super) method: Method,
    /// What carries it out.
    route: Route,
    description: OperationBuilder,
    schemas: Schemas,
}

impl Operation {
    /// An operation that changes nothing.
    pub(super) fn get<F, A>(path: &'static str, scope: Scope, words: Words, handler: F) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new((Method::GET, path), scope, words, web::get().to(handler))
    }

    /// An operation that changes something, or asks another system.
    pub(super) fn post<F, A>(path: &'static str, scope: Scope, words: Words, handler: F) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self::new((Method::POST, path), scope, words, web::post().to(handler))
    }

    fn new(
        (method, path): (Method, &'static str),
        scope: Scope,
        (id, does): Words,
        route: Route,
    ) -> Self {
        let route = route.wrap(from_fn(move |request, next| within(scope, request, next)));
        let group = path.split('/').nth(1).unwrap_or_default();
        let needs = SecurityRequirement::new(TOKEN, [scope.as_str()]);
        let description = OperationBuilder::new()
            .operation_id(Some(id))
            .summary(Some(does))
            .description(Some(format!("Needs the scope `{scope}`.")))
            .tag(group)
            .security(needs);
        let operation = Self { path, method, route, description, schemas: Vec::new() };
        let operation = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{').and_then(|part| part.strip_suffix('}')))
            .fold(operation, Self::in_path);
        let operation = [
            (401, "No token was sent, or one that there is not."),
            (403, "The token has not the scope that this needs."),
            (429, "Too many wrong tokens came from this address."),
            (500, "A fault of the bridge."),
            (503, "The journal or another system cannot be used now."),
        ]
        .into_iter()
        .fold(operation, |all, (status, what)| all.fails(status, what));
        match path.contains('{') {
            true => operation
                .fails(400, "A part of the address cannot be understood.")
                .fails(404, "There is nothing of that name."),
            false => operation,
        }
    }

    fn in_path(mut self, name: &str) -> Self {
        let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(schema));
        self.description = self.description.parameter(parameter);
        self
    }

    /// Takes the fields of a type in its query; of a list each value has a field of its own.
    pub(super) fn asked<Q: PartialSchema>(mut self) -> Self {
        let RefOr::T(Schema::Object(fields)) = Q::schema() else { return self };
        for (name, mut schema) in fields.properties {
            // What a query does not say is left out, and null in a body alone.
            if let RefOr::T(Schema::Object(object)) = &mut schema
                && let SchemaType::Array(types) = &mut object.schema_type
            {
                types.retain(|one| *one != Type::Null);
            }
            let parameter = ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Query)
                .schema(Some(schema));
            self.description = self.description.parameter(parameter);
        }
        self.fails(400, "A field of the query cannot be understood.")
    }

    /// Takes a JSON body.
    pub(super) fn takes<T: ToSchema>(mut self, required: Required) -> Self {
        let content = Content::new(Some(self.named::<T>()));
        let body = RequestBodyBuilder::new()
            .content("application/json", content)
            .required(Some(required))
            .build();
        self.description = self.description.request_body(Some(body));
        self.fails(400, "The body cannot be understood.")
            .fails(413, "The body is too large.")
            .fails(415, "The body is not JSON.")
    }

    /// Answers with JSON.
    pub(super) fn gives<T: ToSchema>(mut self, status: u16, what: &str) -> Self {
        let content = Content::new(Some(self.named::<T>()));
        self.answer(
            status,
            ResponseBuilder::new().description(what).content("application/json", content),
        )
    }

    /// Answers with JSON and a header.
    pub(super) fn gives_with<T: ToSchema>(
        mut self,
        status: u16,
        what: &str,
        (header, says): (&str, &str),
    ) -> Self {
        let content = Content::new(Some(self.named::<T>()));
        let text = ObjectBuilder::new().schema_type(Type::String);
        let header_of = HeaderBuilder::new().schema(Some(text)).description(Some(says)).build();
        let response = ResponseBuilder::new()
            .description(what)
            .header(header, header_of)
            .content("application/json", content);
        self.answer(status, response)
    }

    /// Answers with the bytes of a file of one of these types.
    pub(super) fn gives_file(self, what: &str, types: &[&str]) -> Self {
        let bytes = ResponseBuilder::new().description(what);
        let bytes = types
            .iter()
            .fold(bytes, |all, media_type| all.content(*media_type, Content::default()));
        self.answer(200, bytes)
    }

    /// May fail so.
    pub(super) fn fails(mut self, status: u16, what: &str) -> Self {
        let content = Content::new(Some(self.named::<Problem>()));
        let response =
            ResponseBuilder::new().description(what).content(problem::MEDIA_TYPE, content);
        self.answer(status, response)
    }

    fn answer(mut self, status: u16, response: ResponseBuilder) -> Self {
        self.description = self.description.response(status.to_string(), response.build());
        self
    }

    /// A reference to the schema of a type, which is kept.
    fn named<T: ToSchema>(&mut self) -> Ref {
        T::schemas(&mut self.schemas);
        self.schemas.push((T::name().into_owned(), T::schema()));
        Ref::from_schema_name(T::name())
    }

    /// What carries it out, with its address and method.
    pub(super) fn into_route(self) -> (&'static str, Method, Route) {
        (self.path, self.method, self.route)
    }

    /// What the document says about it.
    pub(super) fn describe(self) -> (&'static str, HttpMethod, Description, Schemas) {
        let method = if self.method == Method::POST { HttpMethod::Post } else { HttpMethod::Get };
        (self.path, method, self.description.build(), self.schemas)
    }
}

/// Its name in the document, and what it does.
type Words = (&'static str, &'static str);

/// Lets in who may do this.
async fn within(
    scope: Scope,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let may = caller(request.request()).map(|caller| (caller.scope >= scope, caller.scope));
    let problem = match may {
        Some((true, _)) => return next.call(request).await,
        Some((false, has)) => Problem::forbidden(has, scope),
        None => Problem::unauthorized("no token was sent"),
    };
    Ok(request.into_response(problem.response()))
}
