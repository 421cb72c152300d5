//! Servers that refuse everything in the words that were sent to them: what of these is a secret
//! is shown to nobody.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener},
    thread,
};

use apertur_bridge::system::Clock;
use quick_xml::escape::escape;

use super::Lab;
use crate::fakes::desk::{Core, Desk, Head, Request, Response, Server};

const SECRET: &str = "5ecret/of+the=mirror";

/// One that speaks HTTP.
struct Mirror(Core);

impl Mirror {
    fn start() -> Server<Self> {
        Server::start(|_| Self(Core::new(Clock::system())))
    }
}

impl Desk for Mirror {
    fn endpoint(_: &Head) -> &'static str {
        "anything"
    }

    fn core(&mut self) -> &mut Core {
        &mut self.0
    }

    fn answer(&mut self, request: &Request) -> Response {
        let Head { method, target, headers } = &request.head;
        let sent: Vec<_> = headers.iter().map(|(_, value)| value.as_str()).collect();
        let sent = format!("{target} {}", sent.join(" "));
        match method.as_str() {
            "HEAD" => Response::empty(403),
            "PROPFIND" => {
                let token = request.head.header("Authorization").unwrap_or_default();
                Response::new(207, "application/xml", format!("<a></{token}>"))
            }
            _ => {
                let error =
                    format!("<Error><Code>{0}</Code><Message>{0}</Message></Error>", escape(&sent));
                Response::new(403, "application/xml", error)
            }
        }
    }
}

/// Everything that the destination says when it is refused.
async fn said(keys: &str, secrets: &[&str]) -> String {
    let lab = Lab::new(keys, secrets.iter().map(|secret| (*secret).to_owned()).collect());
    let failure = lab.send(lab.item("img_1", "a.jpg", b"\xff\xd8\xff")).await.unwrap_err();
    // They look for secrets in what they give.
    format!("{failure:?} {:?} {:?}", lab.probe().await, lab.trial().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_repeats_the_request_gives_nothing_away() {
    let mirror = Mirror::start();
    let s3 = format!(
        "type = \"s3\"\nbucket = \"photos\"\nendpoint = \"{}\"\naccess_key_id = \"testaccesskey\"\n\
         secret_access_key = \"never sent\"\nsession_token = \"{SECRET}\"",
        mirror.url()
    );
    let said_by_s3 = said(&s3, &[SECRET]).await;
    assert!(said_by_s3.contains("/photos"), "{said_by_s3}");
    let encoded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let azure = format!(
        "type = \"azure_blob\"\naccount_name = \"acme\"\ncontainer_name = \"photos\"\n\
         endpoint = \"{}\"\nsas_token = \"sv=2022-11-02&sp=rwdc&sig={encoded}\"",
        mirror.url()
    );
    let said_by_azure = said(&azure, &[SECRET, &encoded]).await;
    assert!(said_by_azure.contains("/photos"), "{said_by_azure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webdav_server_that_repeats_the_token_gives_nothing_away() {
    let mirror = Mirror::start();
    let keys =
        format!("type = \"webdav\"\nurl = \"{}/photos\"\ntoken = \"{SECRET}\"", mirror.url());
    let said = said(&keys, &[SECRET]).await;
    assert!(said.contains("Bearer …"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ftp_server_that_repeats_the_password_gives_nothing_away() {
    let address = ftp();
    let keys = format!(
        "type = \"ftp\"\nhost = \"{}\"\nport = {}\nusername = \"bridge\"\npassword = \"{SECRET}\"\n\
         tls = \"none\"",
        address.ip(),
        address.port()
    );
    let said = said(&keys, &[SECRET]).await;
    assert!(said.contains("PASS … is not welcome"), "{said}");
}

/// One that speaks FTP as far as a log-in needs it.
fn ftp() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            stream.write_all(b"220 mirror\r\n").unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            for line in lines.map_while(Result::ok) {
                let answer = if line.starts_with("USER") { "331 go on" } else { "530 not" };
                let answer = format!("{answer}: {line} is not welcome\r\n");
                if stream.write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    address
}
