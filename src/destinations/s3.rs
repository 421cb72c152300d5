//! Amazon S3 and what speaks its protocol: MinIO, Cloudflare R2, Backblaze B2, Wasabi, DigitalOcean
//! Spaces. Holds the settings and how they become a store; the work is done in `storage`.

use std::time::Duration;

use opendal::services::S3;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    Shared,
    key::KeyTemplate,
    storage::{
        Storage,
        objects::{Common, Objects, Words},
    },
};
use crate::model::Kind;

/// The settings of one S3 destination.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The bucket, which is there already.
    pub bucket: String,
    /// The region it is in; `auto` for R2, any for servers that have none.
    pub region: String,
    /// Where it is asked for; Amazon's own address of the region where there is none.
    pub endpoint: Option<Url>,
    /// Whether the bucket stands in the path instead of in the host name.
    pub path_style: bool,
    /// Who calls.
    pub credentials: Credentials,
    /// `AES256` or `aws:kms`, asked for with every object.
    pub server_side_encryption: Option<String>,
    /// `STANDARD_IA`, asked for with every object.
    pub storage_class: Option<String>,
    /// How objects are named.
    pub key_template: KeyTemplate,
    /// Longest time of one call; a part of 8 MiB has to be sent in it.
    pub timeout: Duration,
    /// Writes under way at once, at least 1; each holds up to 24 MiB in memory.
    pub concurrency: usize,
}

/// Who calls.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// An access key.
    Keys {
        /// Its public half.
        access_key_id: String,
        /// Its secret half.
        secret_access_key: SecretString,
        /// Goes with keys that expire.
        session_token: Option<SecretString>,
    },
    /// The daemon's environment as Amazon's own tools read it: variables, profiles, web
    /// identity, the role of the container or of the instance.
    Environment,
}

const WORDS: Words = Words {
    whom: "S3",
    bucket: "bucket",
    credentials: "check access_key_id and secret_access_key (and session_token, which expires), \
                  and this machine's time",
    source: "give the daemon AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or a role of \
             its instance or container; or set access_key_id and secret_access_key",
    permissions: "allow s3:ListBucket on the bucket and s3:GetObject, s3:PutObject, \
                  s3:DeleteObject and s3:AbortMultipartUpload on what is in it",
};

/// A destination that has touched nothing yet.
pub(super) fn storage(settings: Settings, shared: &Shared) -> Storage<Objects> {
    let common = Common {
        kind: Kind::S3,
        place: place(&settings),
        words: WORDS,
        expires: None,
        timeout: settings.timeout,
        concurrency: settings.concurrency,
    };
    let (http, clock) = (shared.http.clone(), shared.clock.clone());
    let objects = Objects::new(common, service(&settings), http, clock);
    Storage::new(objects, settings.key_template, shared)
}

fn place(settings: &Settings) -> String {
    let Settings { bucket, region, endpoint, .. } = settings;
    match endpoint {
        Some(endpoint) => format!("{}/{bucket}", endpoint.as_str().trim_end_matches('/')),
        None => format!("s3://{bucket} ({region})"),
    }
}

fn service(settings: &Settings) -> S3 {
    // Without an endpoint the environment would be asked for one.
    let endpoint = settings.endpoint.as_ref().map_or("https://s3.amazonaws.com", Url::as_str);
    let mut service =
        S3::default().bucket(&settings.bucket).region(&settings.region).endpoint(endpoint);
    if !settings.path_style {
        service = service.enable_virtual_host_style();
    }
    if let Some(encryption) = &settings.server_side_encryption {
        service = service.server_side_encryption(encryption);
    }
    if let Some(class) = &settings.storage_class {
        service = service.default_storage_class(class);
    }
    match &settings.credentials {
        Credentials::Environment => service,
        Credentials::Keys { access_key_id, secret_access_key, session_token } => {
            let service = service
                .disable_config_load()
                .disable_ec2_metadata()
                .access_key_id(access_key_id)
                .secret_access_key(secret_access_key.expose_secret());
            match session_token {
                Some(token) => service.session_token(token.expose_secret()),
                None => service,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::{
        destinations::{Destination as _, tests::shared},
        model::Severity,
    };

    /// Answers every request with this; gives its address.
    async fn answering(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 8192];
                assert!(stream.read(&mut request).await.unwrap() > 0);
                drop(stream.write_all(answer.as_bytes()).await);
            }
        });
        url
    }

    #[tokio::test]
    async fn a_console_at_the_endpoint_is_told_as_one() {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n\
             <!doctype html><title>Console</title>",
            "HTTP/1.1 404 x\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n\
             <html><h1>Not Found</h1></html>",
        ] {
            let settings = Settings {
                bucket: "photos".to_owned(),
                region: "us-east-1".to_owned(),
                endpoint: Some(answering(answer).await.parse().unwrap()),
                path_style: true,
                credentials: Credentials::Keys {
                    access_key_id: "a".to_owned(),
                    secret_access_key: "s".into(),
                    session_token: None,
                },
                server_side_encryption: None,
                storage_class: None,
                timeout: Duration::from_secs(10),
                concurrency: 1,
                key_template: KeyTemplate::default(),
            };
            let findings = storage(settings, &shared()).probe().await;
            assert_eq!(findings[0].severity, Severity::Error, "{answer}: {findings:?}");
            assert!(
                findings[0].what.contains("a web page answers where S3 should"),
                "{findings:?}"
            );
            assert!(findings[0].fix.contains("the address of the API"), "{findings:?}");
        }
    }
}
