//! Azure Blob: Azurite, Microsoft's own emulator, which checks keys and signatures.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{net::SocketAddr, process::Command};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Client, Method, RequestBuilder};
use sha2::Sha256;

use apertur_bridge::model::{ErrorKind, Failure, Severity};

use super::{
    Lab, Shore, key,
    s3::{Disk, texts, url},
};
use crate::{
    fakes::apertur::Photo,
    servers::{Place, Server, program},
};

/// The account and the key that every Azurite has, publicly known.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

fn azurite(place: &Place) -> Command {
    let mut command = program("node/node_modules/.bin/azurite-blob");
    command.args(["--blobHost", "127.0.0.1", "--blobPort", &place.port.to_string()]);
    command.args(["--location", &place.path("azurite"), "--skipApiVersionCheck"]);
    command.args(["--disableTelemetry", "--silent"]);
    command
}

fn hmac(key: &[u8], text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// A signature for the whole account with these permissions.
pub(crate) fn sas(permissions: &str) -> String {
    sas_until("2099-01-01T00:00:00Z", permissions)
}

pub(crate) fn sas_until(until: &str, permissions: &str) -> String {
    let version = "2022-11-02";
    let text = format!("{ACCOUNT}\n{permissions}\nb\nsco\n\n{until}\n\nhttps,http\n{version}\n\n");
    let signature = hmac(&STANDARD.decode(KEY).unwrap(), &text);
    let encoded: String = url::form_urlencoded::byte_serialize(signature.as_bytes()).collect();
    format!("sv={version}&ss=b&srt=sco&sp={permissions}&se={until}&spr=https,http&sig={encoded}")
}

pub(crate) fn keys(address: SocketAddr, container: &str, login: &str) -> String {
    format!(
        "type = \"azure_blob\"\naccount_name = \"{ACCOUNT}\"\ncontainer_name = \"{container}\"\n\
         endpoint = \"http://{address}/{ACCOUNT}\"\n{login}"
    )
}

fn by_key(key: &str) -> String {
    format!("account_key = \"{key}\"")
}

/// Azurite, used with the account's key.
pub(crate) struct Azurite(Server);

impl Azurite {
    fn ask(&self, method: Method, key: &str, query: &str) -> RequestBuilder {
        let mut url = url(&format!("http://{}/{ACCOUNT}/photos", self.0.address()), key);
        url.set_query(Some(&format!("{query}&{}", sas("rwdlac"))));
        Client::new().request(method, url).header("content-length", "0")
    }
}

impl Shore for Azurite {
    const TEMPLATE: &'static str = "blob_template";

    async fn start() -> Self {
        let shore = Self(Server::start(azurite));
        shore.remake().await;
        shore
    }

    /// Azurite writes down every few seconds which containers there are.
    async fn remake(&self) {
        let made = self.ask(Method::PUT, "", "restype=container").send().await.unwrap();
        let status = made.status().as_u16();
        assert!(matches!(status, 201 | 409), "{}", made.text().await.unwrap());
    }

    fn server(&mut self) -> &mut Server {
        &mut self.0
    }

    fn keys(&self, address: SocketAddr) -> String {
        keys(address, "photos", &by_key(KEY))
    }

    fn wrong_credentials(&self, address: SocketAddr) -> String {
        keys(address, "photos", &by_key(&STANDARD.encode("wrong")))
    }

    fn missing(&self, address: SocketAddr) -> String {
        keys(address, "nothing", &by_key(KEY))
    }

    fn secrets(&self) -> Vec<String> {
        vec![KEY.to_owned(), STANDARD.encode("wrong"), "sig=".to_owned()]
    }

    async fn list(&self) -> Vec<String> {
        let query = "restype=container&comp=list";
        let listed = self.ask(Method::GET, "", query).send().await.unwrap();
        texts(&listed.text().await.unwrap(), "<Name>", "</Name>")
    }

    async fn get(&self, key: &str) -> Vec<u8> {
        let got = self.ask(Method::GET, key, "").send().await.unwrap();
        got.error_for_status().unwrap().bytes().await.unwrap().to_vec()
    }

    async fn media_type(&self, key: &str) -> Option<String> {
        let got = self.ask(Method::HEAD, key, "").send().await.unwrap();
        assert!(got.headers().contains_key("x-ms-meta-sha256"));
        Some(got.headers()["content-type"].to_str().unwrap().to_owned())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_that_ended_is_told_with_its_day() {
    let mut azurite = Azurite::start().await;
    let token = sas_until("2020-01-15T00:00:00Z", "rwdc");
    let keys = keys(azurite.server().address(), "photos", &format!("sas_token = \"{token}\""));
    let lab = Lab::new(&keys, vec!["sig=".to_owned()]);
    let failure = lab.send(lab.item("img_1", "a.jpg", b"photo")).await.unwrap_err();
    let Failure::Broken { cause } = &failure else { panic!("{failure:?}") };
    assert_eq!(cause.kind, ErrorKind::Unauthorized);
    assert!(cause.what.ends_with("expired on 2020-01-15"), "{cause}");
}

/// Azurite, used with a signature.
pub(crate) struct AzuriteBySas(Azurite);

impl Shore for AzuriteBySas {
    const TEMPLATE: &'static str = Azurite::TEMPLATE;

    async fn start() -> Self {
        Self(Azurite::start().await)
    }

    fn server(&mut self) -> &mut Server {
        self.0.server()
    }

    fn keys(&self, address: SocketAddr) -> String {
        keys(address, "photos", &format!("sas_token = \"?{}\"", sas("rwdc")))
    }

    fn wrong_credentials(&self, address: SocketAddr) -> String {
        let token = sas("rwdc").replace("sp=rwdc", "sp=rwdlc");
        keys(address, "photos", &format!("sas_token = \"{token}\""))
    }

    fn missing(&self, address: SocketAddr) -> String {
        self.0.missing(address)
    }

    fn secrets(&self) -> Vec<String> {
        let token = sas("rwdc");
        vec![token.split_once("sig=").unwrap().1.to_owned(), "sig=".to_owned()]
    }

    async fn list(&self) -> Vec<String> {
        self.0.list().await
    }

    async fn get(&self, key: &str) -> Vec<u8> {
        self.0.get(key).await
    }

    async fn media_type(&self, key: &str) -> Option<String> {
        self.0.media_type(key).await
    }
}

/// A connection string as the portal shows it.
fn connection(address: SocketAddr, login: &str) -> String {
    format!(
        "type = \"azure_blob\"\ncontainer_name = \"photos\"\nconnection_string = \
         \"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};{login};\
         BlobEndpoint=http://{address}/{ACCOUNT};\""
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_string_holds_a_key_or_a_signature() {
    let mut shore = Azurite::start().await;
    let address = shore.server().address();
    for (n, login) in
        [format!("AccountKey={KEY}"), format!("SharedAccessSignature={}", sas("rwdc"))]
            .iter()
            .enumerate()
    {
        let lab = Lab::new(&connection(address, login), shore.secrets());
        let bytes = Photo::of_size("img", 9_000_000).bytes;
        let sent = lab.send(lab.item(&format!("img_{n}"), "a.jpg", &bytes)).await.unwrap();
        assert!(shore.get(key(&sent)).await == bytes);
        let findings = lab.trial().await;
        assert!(findings.iter().all(|f| f.severity == Severity::Ok), "{findings:?}");
    }
    let wrong = format!("AccountKey={}", STANDARD.encode("wrong"));
    let lab = Lab::new(&connection(address, &wrong), shore.secrets());
    let failure = lab.send(lab.item("img_3", "a.jpg", b"\xff")).await.unwrap_err();
    assert_eq!(failure.cause().kind, ErrorKind::Unauthorized, "{failure:?}");
    assert_eq!(shore.list().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_may_too_little_is_told() {
    let mut shore = Azurite::start().await;
    let address = shore.server().address();
    let login = format!("sas_token = \"{}\"", sas("r"));
    let lab = Lab::new(&keys(address, "photos", &login), shore.secrets());
    let failure = lab.send(lab.item("img_1", "a.jpg", b"\xff")).await.unwrap_err();
    let Failure::Broken { cause } = &failure else { panic!("{failure:?}") };
    assert!(cause.kind == ErrorKind::Forbidden && cause.fix.contains("sp=rcwd"), "{cause:?}");
    assert_eq!(shore.list().await, [""; 0]);
}

/// Its folder is a file system of 12 MiB.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_nothing_half() {
    let mut shore = Azurite::start().await;
    shore.server().kill9();
    let folder = shore.server().home().join("azurite");
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    let disk = Disk::small(&folder);
    shore.server().restart();
    shore.remake().await;
    let address = shore.server().address();
    let lab = Lab::new(&shore.keys(address), shore.secrets());
    let bytes = Photo::of_size("img_1", 20 * 1024 * 1024).bytes;
    let failure = lab.send(lab.item("img_1", "a.jpg", &bytes)).await.unwrap_err();
    assert!(!matches!(failure, Failure::Refused { .. }), "{failure:?}");
    assert!(!failure.cause().fix.is_empty(), "{failure:?}");
    assert_eq!(shore.list().await, [""; 0], "{failure:?}");
    disk.grow();
    // Azurite drops the connections that it had trouble with.
    let mut sent = lab.send(lab.item("img_1", "a.jpg", &bytes)).await;
    for _ in 0..3 {
        if let Err(Failure::Later { .. } | Failure::Unknown { .. }) = sent {
            sent = lab.send(lab.item("img_1", "a.jpg", &bytes)).await;
        }
    }
    let sent = sent.unwrap();
    assert!(shore.get(key(&sent)).await == bytes);
}
