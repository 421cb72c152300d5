//! Google Cloud Storage: `gcp-storage-emulator`, which knows no credentials and no conditions.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{net::SocketAddr, process::Command};

use reqwest::{Client, Url};
use serde_json::Value;

use super::Shore;
use crate::servers::{Place, Server, program};

fn emulator(place: &Place) -> Command {
    let mut command = program("python/bin/gcp-storage-emulator");
    command.args(["start", "--host", "127.0.0.1", "--port", &place.port.to_string()]);
    command.args(["--in-memory", "--default-bucket", "photos"]);
    command
}

fn keys(address: SocketAddr, bucket: &str) -> String {
    format!(
        "type = \"gcs\"\nbucket = \"{bucket}\"\ncredentials = \"none\"\n\
         base_url = \"http://{address}\""
    )
}

/// The emulator.
pub(crate) struct Emulator(Server);

impl Emulator {
    async fn ask(&self, key: Option<&str>, query: &str) -> reqwest::Response {
        let text = format!("http://{}/storage/v1/b/photos/o?{query}", self.0.address());
        let mut url = Url::parse(&text).unwrap();
        url.path_segments_mut().unwrap().extend(key);
        Client::new().get(url).send().await.unwrap().error_for_status().unwrap()
    }

    async fn json(&self, key: Option<&str>, query: &str) -> Value {
        serde_json::from_slice(&self.ask(key, query).await.bytes().await.unwrap()).unwrap()
    }
}

impl Shore for Emulator {
    async fn start() -> Self {
        Self(Server::start(emulator))
    }

    fn server(&mut self) -> &mut Server {
        &mut self.0
    }

    fn keys(&self, address: SocketAddr) -> String {
        keys(address, "photos")
    }

    fn wrong_credentials(&self, address: SocketAddr) -> String {
        self.keys(address)
    }

    fn missing(&self, address: SocketAddr) -> String {
        keys(address, "nothing")
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    async fn list(&self) -> Vec<String> {
        let listed = self.json(None, "maxResults=2000").await;
        let items = listed["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    }

    async fn get(&self, key: &str) -> Vec<u8> {
        self.ask(Some(key), "alt=media").await.bytes().await.unwrap().to_vec()
    }

    async fn media_type(&self, key: &str) -> Option<String> {
        Some(self.json(Some(key), "").await["contentType"].as_str().unwrap().to_owned())
    }
}
