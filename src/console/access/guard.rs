//! What every request for a page passes: `front` knows whoever asks and puts what went wrong into
//! words, `page` lets nobody in who may not, and takes no form that is not of their session.

use std::sync::Arc;

use actix_web::{
    Error, HttpMessage as _, Resource,
    body::BoxBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    http::Method,
    middleware::{Next, from_fn},
    web,
};

use super::{Scope, origin};
use crate::{
    console::{Console, trouble::Trouble, visit::Visit},
    pages::Fields,
};

/// Longest form, in bytes.
const MAX_FORM: usize = 64 * 1024;

/// Knows whoever asks, before anything else is done; what a page could not do is said here, in
/// their language.
pub(in crate::console) async fn front(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(console) = request.app_data::<web::Data<Console>>().cloned() else {
        return Ok(request.error_response(Trouble::NotFound));
    };
    let mut visit = Visit::new(request.request(), &console);
    let refused = console.refused(request.request());
    if refused.is_none() && visit.login.is_some() {
        visit.attention = console.attention().await;
    }
    let visit = Arc::new(visit);
    let answered = match refused {
        Some(trouble) => request.error_response(trouble),
        None => {
            request.extensions_mut().insert(Arc::clone(&visit));
            next.call(request).await?
        }
    };
    let trouble = answered.response().error().and_then(|error| error.as_error::<Trouble>());
    Ok(match trouble.cloned() {
        Some(trouble) => answered.into_response(trouble.answer(&visit, &console)),
        None => answered,
    })
}

/// A page that whoever may do `look` sees and whose forms whoever may do `change` sends.
pub(in crate::console) fn page(
    path: &str,
    look: Scope,
    change: Scope,
) -> Resource<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let check = move |request, next| guard((look, change), request, next);
    web::resource(path.to_owned()).wrap(from_fn(check))
}

async fn guard(
    (look, change): (Scope, Scope),
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_look = matches!(*request.method(), Method::GET | Method::HEAD);
    let needed = if is_look { look } else { change };
    match admitted(&mut request, is_look, needed).await {
        Ok(()) => next.call(request).await,
        Err(trouble) => Ok(request.error_response(trouble)),
    }
}

/// Lets somebody pass who may. A form is read here, so that no page can forget to ask whose it
/// is.
async fn admitted(
    request: &mut ServiceRequest,
    is_look: bool,
    needed: Scope,
) -> Result<(), Trouble> {
    let visit = request.extensions().get::<Arc<Visit>>().cloned().ok_or(Trouble::NotFound)?;
    let console = request.app_data::<web::Data<Console>>().cloned().ok_or(Trouble::NotFound)?;
    let public = console.settings.public_url.as_ref();
    if !is_look && !origin::is_ours(request.request(), public) {
        return Err(Trouble::ForeignForm);
    }
    let login = visit.login.as_ref().ok_or(Trouble::SignIn {
        comes_back: is_look,
        is_foreign_link: is_look && origin::is_foreign_link(request.request()),
    })?;
    if login.caller.scope < needed {
        return Err(Trouble::MayNot(needed));
    }
    if is_look {
        return Ok(());
    }
    let payload = request.extract::<web::Payload>().await.map_err(|_| Trouble::BadForm)?;
    let fields = Fields::read(payload, MAX_FORM).await.map_err(|_| Trouble::BadForm)?;
    if !login.is_own(fields.text("form")) {
        return Err(Trouble::OldForm);
    }
    request.extensions_mut().insert(Arc::new(fields));
    Ok(())
}
