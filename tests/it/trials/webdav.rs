//! WebDAV, by nginx. What it cannot refuse by itself, a gate before it does.

use super::{NOBODY, Story, gate::gate};
use crate::storage_contract::{Shore, s3::Moto, webdav::Nginx};

const FORBIDDEN: &str = "403 Forbidden";
const NOT_ALLOWED: &str = "405 Method Not Allowed";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webdav_says_what_works_and_what_is_wrong() {
    let (mut shore, mut moto) = (Nginx::start().await, Moto::start().await);
    let at = shore.server().address();
    let mut story = Story::of("webdav", shore.secrets());
    story.works(&shore.keys(at), &[]);
    story.fails("wrong folder", &shore.missing(at), &[]);
    story.fails("wrong password", &shore.wrong_credentials(at), &[]);
    let other = format!("type = \"webdav\"\nurl = \"http://{}/x\"", moto.server().address());
    story.fails("no WebDAV", &other, &[]);
    for (mistake, method, status) in [
        ("may not look", "PROPFIND", FORBIDDEN),
        ("may not write", "PUT", FORBIDDEN),
        ("may not rename", "MOVE", FORBIDDEN),
        ("cannot rename", "MOVE", NOT_ALLOWED),
        ("may not read", "GET", FORBIDDEN),
        ("may not remove", "DELETE", FORBIDDEN),
        ("cannot remove", "DELETE", NOT_ALLOWED),
        ("full", "PUT", "507 Insufficient Storage"),
    ] {
        story.fails(mistake, &shore.keys(gate(at, method, (status, ""))), &[]);
    }
    story.fails("nobody there", &shore.keys(NOBODY.into()), &[]);
    story.ends();
}
