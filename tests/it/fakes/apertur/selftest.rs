//! The fake held to the contract and its vectors (`fixtures/contracts/apertur.md`,
//! `vectors.json`), without the bridge.

mod api;
mod posting;
mod vectors;

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use serde_json::{Value, json};

use super::{Answer, FakeApertur, WEBHOOK_DESTINATION};

/// Somebody who is posted to: gives these answers, one after the other, then 200.
struct Ear {
    url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

/// A request as it came.
#[derive(Debug, Clone)]
struct Heard {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Heard {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Ear {
    /// Status 0 is silence.
    fn new(answers: &[u16]) -> Ear {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/apertur/webhook", listener.local_addr().unwrap());
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let (ours, mut answers) = (Arc::clone(&heard), VecDeque::from(answers.to_vec()));
        thread::spawn(move || {
            let mut silent = Vec::new();
            for mut stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(&stream);
                let (mut headers, mut line) = (Vec::new(), String::new());
                reader.read_line(&mut line).unwrap();
                assert_eq!(line, "POST /apertur/webhook HTTP/1.1\r\n");
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    let Some((name, value)) = line.trim_end().split_once(": ") else { break };
                    headers.push((name.to_owned(), value.to_owned()));
                }
                let mut heard = Heard { headers, body: Vec::new() };
                let length = heard.header("content-length").parse().unwrap();
                reader.take(length).read_to_end(&mut heard.body).unwrap();
                ours.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
                match answers.pop_front().unwrap_or(200) {
                    0 => silent.push(stream),
                    status => {
                        let head = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
                        stream.write_all(head.as_bytes()).unwrap();
                    }
                }
            }
        });
        Ear { url, heard }
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Makes a session that goes to the webhook destination; its id.
fn session(fake: &FakeApertur, more: &Value) -> String {
    let mut asked = json!({"destination_ids": [WEBHOOK_DESTINATION], "tags": ["vip:gold"]});
    let object = asked.as_object_mut().unwrap();
    object.extend(more.as_object().unwrap().clone());
    object.retain(|_, value| !value.is_null());
    let made = fake.with(|api| api.sessions.create(&asked)).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

/// What the delivery status says of the first photo at its first destination.
fn standing(fake: &FakeApertur, session: &str) -> (String, u64, Value) {
    let status = fake.with(|api| api.sessions.delivery_status(session)).unwrap();
    let there = &status["files"][0]["destinations"][0];
    let word = there["status"].as_str().unwrap().to_owned();
    (word, there["attempts"].as_u64().unwrap(), there["last_error"].clone())
}

fn message(answer: &Answer) -> (u16, String) {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer.status, body["message"].as_str().unwrap_or_default().to_owned())
}
