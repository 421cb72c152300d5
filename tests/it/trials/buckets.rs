//! S3, Azure Blob and Google Cloud Storage. What their emulators cannot refuse, a gate before them
//! does, in the form of the services' own answers.

use super::{NOBODY, Story, gate::gate};
use crate::storage_contract::{
    Shore,
    azure::{self, Azurite},
    gcs::Emulator,
    s3::{Moto, Rclone},
};

const DENIED: (&str, &str) = (
    "403 Forbidden",
    "<Error><Code>AccessDenied</Code><Message>User b is not authorized</Message></Error>",
);
const OTHER_REGION: (&str, &str) = (
    "400 Bad Request",
    "<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is \
     malformed; the region 'us-east-1' is wrong; expecting 'eu-central-1'</Message></Error>",
);
const OTHER_ENDPOINT: (&str, &str) = (
    "301 Moved Permanently",
    "<Error><Code>PermanentRedirect</Code><Message>The bucket must be addressed using the \
     specified endpoint.</Message></Error>",
);
const OTHER_CLOCK: (&str, &str) = (
    "403 Forbidden",
    "<Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and \
     the current time is too large.</Message></Error>",
);
const FULL: (&str, &str) = (
    "507 Insufficient Storage",
    "<Error><Code>XMinioStorageFull</Code><Message>Storage backend has reached its minimum free \
     drive threshold.</Message></Error>",
);
const GOOGLE_DENIED: (&str, &str) = (
    "403 Forbidden",
    "{\"error\":{\"message\":\"b@p.iam.gserviceaccount.com does not have access\",\
     \"errors\":[{\"reason\":\"forbidden\"}]}}",
);
const GOOGLE_NO_BUCKET: (&str, &str) = (
    "404 Not Found",
    "{\"error\":{\"message\":\"The specified bucket does not exist.\",\
     \"errors\":[{\"reason\":\"notFound\"}]}}",
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_says_what_works_and_what_is_wrong() {
    let (mut moto, mut rclone) = (Moto::start().await, Rclone::start().await);
    let (at, other) = (moto.server().address(), rclone.server().address());
    let mut story = Story::of("s3", [moto.secrets(), rclone.secrets()].concat());
    story.works(&moto.keys(at), &[]);
    story.fails("wrong bucket", &moto.missing(at), &[]);
    story.fails("wrong secret", &rclone.wrong_credentials(other), &[]);
    for (mistake, method, answer) in [
        ("wrong region", "GET", OTHER_REGION),
        ("wrong endpoint", "GET", OTHER_ENDPOINT),
        ("wrong clock", "GET", OTHER_CLOCK),
        ("may not read", "GET", DENIED),
        ("may not write", "PUT", DENIED),
        ("may not look", "HEAD", DENIED),
        ("may not remove", "DELETE", DENIED),
        ("full", "PUT", FULL),
    ] {
        story.fails(mistake, &moto.keys(gate(at, method, answer)), &[]);
    }
    story.fails("nobody there", &moto.keys(NOBODY.into()), &[]);
    story.ends();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure_says_what_works_and_what_is_wrong() {
    let mut shore = Azurite::start().await;
    let at = shore.server().address();
    let mut story = Story::of("azure", shore.secrets());
    story.works(&shore.keys(at), &[]);
    story.fails("wrong container", &shore.missing(at), &[]);
    story.fails("wrong key", &shore.wrong_credentials(at), &[]);
    let ended = azure::sas_until("2020-01-01T00:00:00Z", "rcwd");
    for (mistake, sas) in [
        ("a token that ended", ended),
        ("a token that may not read", azure::sas("cwd")),
        ("a token that may not write", azure::sas("r")),
        ("a token that may not remove", azure::sas("rcw")),
    ] {
        let keys = azure::keys(at, "photos", &format!("sas_token = \"{sas}\""));
        story.fails(mistake, &keys, &[]);
    }
    story.fails("nobody there", &shore.keys(NOBODY.into()), &[]);
    story.ends();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn google_cloud_storage_says_what_works_and_what_is_wrong() {
    let mut shore = Emulator::start().await;
    let at = shore.server().address();
    let mut story = Story::of("gcs", Vec::new());
    story.works(&shore.keys(at), &[]);
    for (mistake, method, answer) in [
        ("wrong bucket", "GET", GOOGLE_NO_BUCKET),
        ("may not read", "GET", GOOGLE_DENIED),
        ("may not write", "POST", GOOGLE_DENIED),
        ("may not remove", "DELETE", GOOGLE_DENIED),
    ] {
        story.fails(mistake, &shore.keys(gate(at, method, answer)), &[]);
    }
    story.fails("nobody there", &shore.keys(NOBODY.into()), &[]);
    story.ends();
}
