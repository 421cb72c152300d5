//! S3: moto, which keeps metadata and obeys If-None-Match but checks no signature, and rclone,
//! which is the other way round.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{net::SocketAddr, process::Command, time::Duration};

use apertur_bridge::{model::Failure, system::Clock};
use reqwest::{Client, Method, RequestBuilder, Url};

use super::{Lab, Shore, key, proxy::Proxy};
use crate::{
    fakes::{
        apertur::Photo,
        desk::{self, Core, Desk, Fault, Head, Request, Response, Shape, What},
    },
    look,
    servers::{Place, Server, moto, program},
};

const SECRET: &str = "a-secret-access-key-that-nobody-sees";

fn keys(address: SocketAddr, bucket: &str, secret: &str) -> String {
    format!(
        "type = \"s3\"\nbucket = \"{bucket}\"\nendpoint = \"http://{address}\"\n\
         access_key_id = \"testaccesskey\"\nsecret_access_key = \"{secret}\""
    )
}

/// An address of the bucket `photos`, or of a key in it.
pub(super) fn url(server: &str, key: &str) -> Url {
    let mut url = Url::parse(server).unwrap();
    if !key.is_empty() {
        url.path_segments_mut().unwrap().extend(key.split('/'));
    }
    url
}

/// The texts between two marks, as XML.
pub(super) fn texts(xml: &str, from: &str, to: &str) -> Vec<String> {
    let texts = xml.split(from).skip(1).filter_map(|rest| rest.split_once(to));
    texts.map(|(text, _)| quick_xml::escape::unescape(text).unwrap().into_owned()).collect()
}

/// moto.
pub(crate) struct Moto(Server);

impl Moto {
    /// Uploads that are open.
    async fn uploads(&self) -> usize {
        let url = format!("http://{}/photos?uploads", self.0.address());
        let listed = self.ask_url(Method::GET, url.parse().unwrap()).send().await.unwrap();
        texts(&listed.text().await.unwrap(), "<UploadId>", "</UploadId>").len()
    }

    fn ask(&self, method: Method, key: &str) -> RequestBuilder {
        let mut url = url(&format!("http://{}/photos", self.0.address()), key);
        if key.is_empty() && method == Method::GET {
            url.set_query(Some("list-type=2"));
        }
        self.ask_url(method, url)
    }

    fn ask_url(&self, method: Method, url: Url) -> RequestBuilder {
        // It wants to be asked by somebody, whoever that is.
        let somebody = "AWS4-HMAC-SHA256 Credential=look/20260101/us-east-1/s3/aws4_request, \
                        SignedHeaders=host, Signature=0";
        Client::new().request(method, url).header("authorization", somebody)
    }
}

impl Moto {
    /// Uploads in parts that were neither ended nor taken back.
    pub(super) async fn open_uploads(&self) -> usize {
        let mut question = self.ask(Method::GET, "").build().unwrap();
        question.url_mut().set_query(Some("uploads"));
        let told = Client::new().execute(question).await.unwrap().text().await.unwrap();
        texts(&told, "<UploadId>", "</UploadId>").len()
    }
}

impl Shore for Moto {
    async fn start() -> Self {
        let shore = Self(Server::start(moto));
        shore.remake().await;
        shore
    }

    /// It keeps everything in memory.
    async fn remake(&self) {
        let made = self.ask(Method::PUT, "").send().await.unwrap();
        assert_eq!(made.status(), 200);
    }

    fn server(&mut self) -> &mut Server {
        &mut self.0
    }

    fn keys(&self, address: SocketAddr) -> String {
        keys(address, "photos", SECRET)
    }

    fn wrong_credentials(&self, address: SocketAddr) -> String {
        keys(address, "photos", "wrong")
    }

    fn missing(&self, address: SocketAddr) -> String {
        keys(address, "nothing", SECRET)
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.to_owned()]
    }

    async fn list(&self) -> Vec<String> {
        let listed = self.ask(Method::GET, "").send().await.unwrap();
        texts(&listed.text().await.unwrap(), "<Key>", "</Key>")
    }

    async fn get(&self, key: &str) -> Vec<u8> {
        let got = self.ask(Method::GET, key).send().await.unwrap();
        got.error_for_status().unwrap().bytes().await.unwrap().to_vec()
    }

    async fn media_type(&self, key: &str) -> Option<String> {
        let got = self.ask(Method::HEAD, key).send().await.unwrap();
        assert!(got.headers().contains_key("x-amz-meta-sha256"));
        Some(got.headers()["content-type"].to_str().unwrap().to_owned())
    }
}

/// rclone, which keeps objects as files.
pub(crate) struct Rclone(Server);

fn rclone(place: &Place) -> Command {
    std::fs::create_dir_all(place.path("photos")).unwrap();
    let mut command = program("python/bin/rclone");
    command.args(["serve", "s3", "--addr", &format!("127.0.0.1:{}", place.port)]);
    command.args(["--auth-key", &format!("testaccesskey,{SECRET}")]);
    command.arg("--config").arg(place.home.with_file_name("rclone.conf")).arg(&place.home);
    command
}

impl Shore for Rclone {
    async fn start() -> Self {
        Self(Server::start(rclone))
    }

    fn server(&mut self) -> &mut Server {
        &mut self.0
    }

    fn keys(&self, address: SocketAddr) -> String {
        keys(address, "photos", SECRET)
    }

    fn wrong_credentials(&self, address: SocketAddr) -> String {
        keys(address, "photos", "wrong-secret-that-nobody-sees")
    }

    fn missing(&self, address: SocketAddr) -> String {
        keys(address, "nothing", SECRET)
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.to_owned(), "wrong-secret-that-nobody-sees".to_owned()]
    }

    async fn list(&self) -> Vec<String> {
        // An open upload is a file of rclone's own; S3 shows none.
        let is_open = |name: &str| name.contains(".rclone_temp_multipart_");
        let files = look::files(self.0.home()).into_iter();
        let files = files.filter(|file| !is_open(&file.to_string_lossy()));
        let below = files.map(|file| file.strip_prefix(self.0.home()).unwrap().to_owned());
        let below = below.map(|file| file.to_str().unwrap().to_owned());
        below
            .map(|file| file.strip_prefix("photos/").map_or(format!("/{file}"), Into::into))
            .collect()
    }

    async fn get(&self, key: &str) -> Vec<u8> {
        std::fs::read(self.0.home().join("photos").join(key)).unwrap()
    }
}

/// A file system of 12 MiB over a folder, until dropped.
pub(super) struct Disk<'a>(&'a std::path::Path);

impl<'a> Disk<'a> {
    pub(super) fn small(folder: &'a std::path::Path) -> Self {
        mount(&["-t", "tmpfs", "-o", "size=12m", "tmpfs"], folder);
        Self(folder)
    }

    pub(super) fn grow(&self) {
        mount(&["-o", "remount,size=64m"], self.0);
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0).status());
    }
}

fn mount(args: &[&str], folder: &std::path::Path) {
    let done = Command::new("mount").args(args).arg(folder).output().unwrap();
    assert!(done.status.success(), "mount wants root: {}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_on_the_far_side_leaves_nothing_half() {
    let mut rclone = Rclone::start().await;
    let folder = rclone.0.home().join("photos");
    let disk = Disk::small(&folder);
    let address = rclone.server().address();
    let lab = Lab::new(&rclone.keys(address), rclone.secrets());
    let bytes = Photo::of_size("img_1", 20 * 1024 * 1024).bytes;
    let item = || lab.item("img_1", "a.jpg", &bytes);
    let failure = lab.send(item()).await.unwrap_err();
    assert!(!failure.cause().fix.is_empty() && !matches!(failure, Failure::Refused { .. }));
    assert_eq!(rclone.list().await, [""; 0], "{failure:?}");
    disk.grow();
    let sent = lab.send(item()).await.unwrap();
    assert!(rclone.get(key(&sent)).await == bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_given_up_half_way_is_ended_there() {
    let mut moto = Moto::start().await;
    let proxy = Proxy::before(moto.server().address());
    let lab = Lab::new(&moto.keys(proxy.address()), moto.secrets());
    let item = lab.item("img_1", "a.jpg", &Photo::of_size("img_1", 20 * 1024 * 1024).bytes);
    proxy.hold_after(10 * 1024 * 1024);
    tokio::select! {
        sent = lab.send(item) => panic!("{sent:?}"),
        () = proxy.wait_until_held() => {}
    }
    assert_eq!(moto.uploads().await, 1);
    proxy.heal();
    let ended = async {
        while moto.uploads().await > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(8), ended).await.unwrap();
    assert_eq!(moto.list().await, [""; 0]);
}

/// As much of S3 as one upload in parts needs.
struct Parts(Core);

impl Desk for Parts {
    fn endpoint(head: &Head) -> &'static str {
        let query = head.query();
        let has = |name: &str| query.iter().any(|(known, _)| known == name);
        match head.method.as_str() {
            "POST" if has("uploadId") => "complete",
            "POST" => "begin",
            "PUT" => "part",
            "DELETE" => "abort",
            _ => "look",
        }
    }

    fn core(&mut self) -> &mut Core {
        &mut self.0
    }

    fn answer(&mut self, request: &Request) -> Response {
        let xml = |body: &str| Response::new(200, "application/xml", body.to_owned());
        match Self::endpoint(&request.head) {
            "begin" => xml("<InitiateMultipartUploadResult><UploadId>u</UploadId>\
                            </InitiateMultipartUploadResult>"),
            "part" => Response::empty(200).with("ETag", "\"e\""),
            "complete" => xml("<CompleteMultipartUploadResult><ETag>e</ETag>\
                               </CompleteMultipartUploadResult>"),
            "abort" => Response::empty(204),
            _ => Response::empty(404),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_may_have_become_the_photo_is_not_ended() {
    for (what, aborts) in [
        (What::LoseAnswer, 0),
        (What::Status(500, Shape::Empty), 0),
        (What::Status(403, Shape::Empty), 1),
    ] {
        let server = desk::Server::start(|_| Parts(Core::new(Clock::system())));
        let address = server.url().trim_start_matches("http://").parse().unwrap();
        let lab = Lab::new(&keys(address, "photos", SECRET), vec![SECRET.to_owned()]);
        server.desk().core().faults.push(Fault::once("complete", what.clone()));
        let item = lab.item("img_1", "a.jpg", &Photo::of_size("img_1", 9 * 1024 * 1024).bytes);
        let failure = lab.send(item).await.unwrap_err();
        assert_eq!(matches!(failure, Failure::Unknown { .. }), aborts == 0, "{failure:?}");
        let seen = server.desk().core().seen.clone();
        let aborted = seen.iter().filter(|seen| seen.endpoint == "abort").count();
        assert_eq!(aborted, aborts, "{what:?}");
    }
}
