//! The fake's promises to the tests that use it.

mod faults;
mod service;
mod versions;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::client::{Answer, execute, result};
use super::value::Value;
use super::{FakeOdoo, Fault, What};

pub(super) const VERSIONS: [u32; 4] = [16, 17, 18, 19];

pub(super) fn none() -> Value {
    Value::Struct(Vec::new())
}

pub(super) fn photo(bytes: &[u8], model: &str, record: i64) -> Value {
    Value::object([
        ("name", Value::str("photo.jpg")),
        ("datas", Value::Str(STANDARD.encode(bytes))),
        ("mimetype", Value::str("image/jpeg")),
        ("res_model", Value::str(model)),
        ("res_id", Value::Int(record)),
        ("description", Value::str("apertur:1")),
    ])
}

pub(super) fn attach(odoo: &FakeOdoo) -> Option<Answer> {
    execute(
        odoo,
        "ir.attachment",
        "create",
        vec![photo(b"\xFF\xD8\xFF", "res.partner", 42)],
        none(),
    )
}

pub(super) fn post(odoo: &FakeOdoo, kwargs: Value) -> Result<Value, (Value, String)> {
    result(
        &execute(odoo, "res.partner", "message_post", vec![Value::ids([42])], kwargs)
            .expect("an answer"),
    )
}

pub(super) fn plant(odoo: &FakeOdoo, on: &str, times: u32, what: What) {
    odoo.fault(Fault { on: on.to_owned(), times, what });
}

/// Plants a fault on one attachment and sends it.
pub(super) fn attach_with(what: What) -> (FakeOdoo, Option<Answer>) {
    let odoo = FakeOdoo::start(18);
    plant(&odoo, "ir.attachment.create", 1, what);
    let answer = attach(&odoo);
    (odoo, answer)
}
