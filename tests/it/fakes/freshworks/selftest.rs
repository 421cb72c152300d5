//! The fake against the contracts: every example, every trap.

use std::time::Duration;

use apertur_bridge::system::Clock;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{FakeFreshworks, KEY, Product, SCOPES, Switch, invalid};
use crate::fakes::desk::{Answer, Bearer, Client, Fault, Part, Shape, What, parts};

const FORM: &str = "multipart/form-data; boundary=XX";
const BOTH: [Product; 2] = [Product::Freshdesk, Product::Freshservice];

fn client(fake: &FakeFreshworks) -> Client {
    let basic = STANDARD.encode(format!("{KEY}:X"));
    Client::new(&fake.url(), &format!("Basic {basic}"))
}

fn first(product: Product) -> u64 {
    if product == Product::Freshdesk { 17 } else { 241 }
}

/// A text part.
fn text(name: &str, value: &str) -> String {
    format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

/// A part with a header of its own making.
fn part(disposition: &str, media: &str, value: &str) -> String {
    let media = if media.is_empty() { String::new() } else { format!("\r\nContent-Type: {media}") };
    format!("--XX\r\nContent-Disposition: form-data; {disposition}{media}\r\n\r\n{value}\r\n")
}

fn photo() -> String {
    let name = "name=\"attachments[]\"; filename=\"apertur-img_demo_1.jpg\"";
    part(name, "image/jpeg", "abc")
}

/// The note of the contracts' examples with other parts.
fn example(parts: &[String]) -> String {
    let body = text("body", "<p>Photo received (ref apertur-img_demo_1)</p>");
    format!("{body}{}--XX--\r\n", parts.concat())
}

async fn note(fake: &FakeFreshworks, ticket: u64, body: String) -> Answer {
    let path = format!("/tickets/{ticket}/notes");
    client(fake).send(("POST", &path), FORM, body).await.unwrap()
}

fn code(answer: &Answer) -> (u16, &str) {
    let code = &answer.body["errors"][0]["code"];
    let code = code.as_str().or_else(|| answer.body["code"].as_str());
    (answer.status, code.unwrap_or_default())
}

#[tokio::test]
async fn the_examples_of_the_contracts_come_true() {
    for product in BOTH {
        let fake = FakeFreshworks::start(product);
        let user = text("user_id", "5501");
        let flags = [text("private", "false"), text("incoming", "true"), user, photo()];
        let made = note(&fake, first(product), example(&flags)).await;
        assert_eq!(made.status, 201, "{made:?}");
        let shown = match product {
            Product::Freshdesk => made.body.clone(),
            Product::Freshservice => made.body["conversation"].clone(),
        };
        let place = format!("{}/api/v2/conversations/{}", fake.url(), shown["id"]);
        assert_eq!(made.header("location"), place);
        let told = json!([
            shown["ticket_id"],
            shown["user_id"],
            shown["incoming"],
            shown["private"],
            shown["body_text"],
            shown["attachments"][0]["name"],
            shown["attachments"][0]["content_type"],
        ]);
        let words = "Photo received (ref apertur-img_demo_1)";
        let file = "apertur-img_demo_1.jpg";
        let wanted = json!([first(product), 5501, true, false, words, file, "image/jpeg"]);
        assert_eq!(told, wanted);
        let kept = fake.conversations(first(product)).remove(0);
        assert_eq!(
            (kept.attachments[0].bytes.as_ref(), kept.user),
            (b"abc".as_slice(), Some(5501))
        );
        let Part { filename, .. } =
            parts(FORM, &fake.seen()[0].request.body).unwrap().pop().unwrap();
        assert_eq!(filename.as_deref(), Some("apertur-img_demo_1.jpg"));
        assert_eq!((fake.seen()[0].endpoint, fake.seen()[0].status), ("note", Some(201)));
    }
}

/// `freshdesk.md` section 4, row by row.
#[tokio::test]
async fn every_pitfall_is_refused_with_its_code() {
    let file = |named: &str, media| part(&format!("name=\"attachments[]\"{named}"), media, "abc");
    let rows = [
        (file("", "image/jpeg"), "datatype_mismatch"),
        (file("; filename=\"a.jpg\"", ""), "datatype_mismatch"),
        (file("; filename=\"\"", "image/jpeg"), "datatype_mismatch"),
        (file("; filename=\"é.jpg\"", "image/jpeg"), "datatype_mismatch"),
        (part("name=\"private\"; filename=\"\"", "", "true"), "missing_field"),
        (part("name=\"private\"; filename=\"x\"", "text/plain", "true"), "missing_field"),
        (
            part("name=\"attachments\"; filename=\"a.jpg\"", "image/jpeg", "abc"),
            "datatype_mismatch",
        ),
        (text("attachments[]", ""), "invalid_value"),
        (text("notify_emails", "a@example.com"), "datatype_mismatch"),
        (text("custom_fields[x]", "a"), "invalid_field"),
        (text("private", "no"), "datatype_mismatch"),
        (text("user_id", "x"), "datatype_mismatch"),
        (text("user_id", "77"), "invalid_value"),
        (text("body", " "), "missing_field"),
    ];
    for product in BOTH {
        let fake = FakeFreshworks::start(product);
        for (row, wanted) in &rows {
            let answer = note(&fake, first(product), example(std::slice::from_ref(row))).await;
            assert_eq!(code(&answer), (400, *wanted), "{row}");
        }
        let path = format!("/tickets/{}/notes", first(product));
        let call = ("POST", path.as_str());
        let client = client(&fake);
        let send = async |media, body: String| client.send(call, media, body).await.unwrap();
        assert_eq!(send("multipart/form-data", example(&[])).await.status, 415);
        assert_eq!(send("application/json", example(&[])).await.status, 415);
        assert_eq!(send("text/plain", example(&[])).await.status, 415);
        let other = "multipart/form-data; boundary=YY";
        assert_eq!(code(&send(other, example(&[])).await), (400, "missing_field"));
        assert_eq!(code(&send(FORM, "--XX--\r\n".to_owned()).await), (400, "missing_field"));
        assert_eq!(code(&send("application/json", "{".to_owned()).await), (400, "invalid_json"));
        let linked = json!({"body": "a", "attachments": ["https://example.com/a.jpg"]});
        let answer = client.json(call, &linked).await;
        assert_eq!(code(&answer), (400, "datatype_mismatch"));
        assert_eq!(fake.everything(), []);
        let plain = client.json(call, &json!({"body": "a"})).await;
        assert_eq!(plain.status, 201);
        let kept = fake.everything().remove(0);
        assert_eq!((kept.private, kept.incoming, kept.user), (true, false, Some(900)));
    }
}

#[tokio::test]
async fn a_ticket_that_takes_nothing_says_so() {
    for product in BOTH {
        let fake = FakeFreshworks::start(product);
        for (ticket, status) in [(1, 404), (90, 405), (91, 405), (92, 403), (93, 201), (94, 201)] {
            let answer = note(&fake, ticket, example(&[photo()])).await;
            assert_eq!(answer.status, status, "{ticket}");
        }
        fake.set(Switch::HidesSpam(true));
        assert_eq!(note(&fake, 90, example(&[])).await.status, 404);
        let public = text("private", "false");
        assert_eq!(code(&note(&fake, 95, example(&[public])).await), (400, "missing_field"));
        assert_eq!(note(&fake, 95, example(&[])).await.status, 201);
        let client = client(&fake);
        assert_eq!(client.get("/tickets/92").await.status, 403);
        assert_eq!(client.get("/tickets/+17").await.status, 404);
        let answer = client.json(("PUT", "/tickets/17"), &json!({})).await;
        assert_eq!(answer.status, 405);
    }
}

#[tokio::test]
async fn sizes_are_those_of_the_product() {
    let mib = |count: usize| {
        let name = "name=\"attachments[]\"; filename=\"a.jpg\"";
        part(name, "image/jpeg", &"x".repeat(count << 20))
    };
    let desk = FakeFreshworks::start(Product::Freshdesk);
    assert_eq!(note(&desk, 17, example(&[mib(12)])).await.status, 201);
    let over = note(&desk, 17, example(&[mib(9)])).await;
    assert_eq!(code(&over), (400, "invalid_size"), "the ticket's sum counts");
    assert_eq!(note(&desk, 18, example(&[mib(20)])).await.status, 201);
    let service = FakeFreshworks::start(Product::Freshservice);
    for _ in 0..2 {
        assert_eq!(note(&service, 241, example(&[mib(40)])).await.status, 201);
    }
    assert_eq!(code(&note(&service, 241, example(&[mib(41)])).await), (400, "invalid_size"));
    assert_eq!(note(&service, 241, example(&vec![photo(); 15])).await.status, 201);
    let many = note(&service, 241, example(&vec![photo(); 16])).await;
    assert_eq!(code(&many), (400, "invalid_value"));
}

#[tokio::test]
async fn only_good_credentials_come_in() {
    let clock = Clock::stepped(Timestamp::from_second(1_800_000_000).unwrap());
    for product in BOTH {
        let fake = FakeFreshworks::on(product, clock.clone());
        let path = format!("/tickets/{}", first(product));
        let ask = async |authorization: String| {
            let answer = Client::new(&fake.url(), &authorization).get(&path).await;
            (answer.status, answer.body["code"].as_str().unwrap_or_default().to_owned())
        };
        let basic = |words: &str| format!("Basic {}", STANDARD.encode(words));
        assert_eq!(ask(basic(&format!("{KEY}:X"))).await.0, 200);
        for wrong in ["", "wrong:X", KEY, &format!("{KEY}:"), &format!("X:{KEY}")] {
            assert_eq!(ask(basic(wrong)).await, (401, "invalid_credentials".to_owned()));
        }
        let absent = if product == Product::Freshdesk { 401 } else { 403 };
        assert_eq!(ask(String::new()).await.0, absent);
        fake.allow(Bearer::new("good", &clock, Duration::from_mins(30), SCOPES));
        fake.allow(Bearer::new(
            "poor",
            &clock,
            Duration::from_hours(9),
            "freshservice.assets.view",
        ));
        let bearer = async |token: &str| ask(format!("Bearer {token}")).await;
        if product == Product::Freshdesk {
            assert_eq!(bearer("good").await.0, 401, "Freshdesk has no OAuth");
            continue;
        }
        assert_eq!(bearer("good").await.0, 200);
        assert_eq!(bearer("poor").await, (403, "access_denied".to_owned()));
        assert_eq!(bearer("unknown").await, (401, "access_token_invalid".to_owned()));
        clock.step(Duration::from_mins(30));
        assert_eq!(bearer("good").await, (401, "access_token_expired".to_owned()));
        fake.forget_tokens();
        assert_eq!(bearer("good").await, (401, "access_token_invalid".to_owned()));
        fake.set(Switch::Key("other"));
        assert_eq!(ask(basic("other:X")).await.0, 200);
    }
}

#[tokio::test]
async fn listings_come_in_pages_and_late() {
    let clock = Clock::stepped(Timestamp::from_second(1_800_000_000).unwrap());
    for product in BOTH {
        let fake = FakeFreshworks::on(product, clock.clone());
        let (client, ticket) = (client(&fake), first(product));
        let ids: Vec<u64> = (0..7).map(|n| fake.add_note(ticket, &format!("{n}"), "")).collect();
        fake.add_note(ticket + 1, "elsewhere", "a.jpg");
        fake.set(Switch::PageOf(3));
        let mut path = format!("/tickets/{ticket}/conversations?page=1&per_page=100");
        let mut seen = Vec::new();
        for page in 1..=3 {
            let answer = client.get(&path).await;
            let list = if product == Product::Freshdesk {
                answer.body.clone()
            } else {
                answer.body["conversations"].clone()
            };
            seen.extend(list.as_array().unwrap().iter().filter_map(|note| note["id"].as_u64()));
            let link = answer.header("link");
            assert_eq!(link.ends_with("rel=\"next\""), page < 3, "{link}");
            path = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
        }
        assert_eq!(seen, ids);
        fake.set(Switch::LinksTo("https://elsewhere".to_owned()));
        let path = format!("/tickets/{ticket}/conversations");
        assert!(client.get(&path).await.header("link").starts_with("<https://elsewhere/api/v2/"));
        assert_eq!(code(&client.get(&format!("{path}?per_page=101")).await).0, 400);
        fake.set(Switch::ListsLag(Duration::from_secs(5)));
        fake.set(Switch::Wrapped(false));
        assert_eq!(client.get(&path).await.body, json!([]));
        clock.step(Duration::from_secs(5));
        assert_eq!(client.get(&path).await.body.as_array().unwrap().len(), 3);
        let oldest = format!("/conversations/{}", ids[0]);
        let removed = client.send(("DELETE", &oldest), "", "").await.unwrap();
        assert_eq!(removed.status, 204);
        assert_eq!(fake.conversations(ticket).len(), 6);
    }
}

#[tokio::test]
async fn what_is_asked_first_is_answered() {
    for product in BOTH {
        let fake = FakeFreshworks::start(product);
        let client = client(&fake);
        let me = client.get("/agents/me").await;
        let ticket = client.get(&format!("/tickets/{}", first(product))).await;
        let tickets = client.get("/tickets?per_page=1").await;
        assert_eq!((ticket.status, tickets.status), (200, 200));
        if product == Product::Freshdesk {
            assert_eq!((me.status, &me.body["id"]), (200, &json!(900)));
            assert_eq!(ticket.body["requester_id"], 5501);
            assert_eq!(tickets.body.as_array().unwrap().len(), 1);
        } else {
            assert_eq!(me.status, 404);
            assert_eq!(ticket.body["ticket"]["workspace_id"], 2);
            assert_eq!(tickets.body["tickets"].as_array().unwrap().len(), 1);
        }
    }
}

#[tokio::test]
async fn an_account_is_not_called_more_often_than_it_allows() {
    let clock = Clock::stepped(Timestamp::from_second(1_800_000_017).unwrap());
    for product in BOTH {
        let fake = FakeFreshworks::on(product, clock.clone());
        fake.set(Switch::Calls(Some(3)));
        let client = client(&fake);
        let path = format!("/tickets/{}", first(product));
        let one = client.get(&path).await;
        fake.set(Switch::OthersCall(1));
        let two = client.get(&path).await;
        let three = client.get(&path).await;
        let told: Vec<_> = one.headers.keys().map(ToString::to_string).collect();
        assert!(told.contains(&"x-ratelimit-used-currentrequest".to_owned()), "{told:?}");
        let left = |answer: &Answer| answer.header("x-ratelimit-remaining").to_owned();
        let wanted = match product {
            Product::Freshdesk => ["2", "0", "0"],
            Product::Freshservice => ["2.0", "0.0", "0.0"],
        };
        assert_eq!([left(&one), left(&two), left(&three)], wanted);
        let wait: f64 = three.header("retry-after").parse().unwrap();
        assert_eq!((two.status, three.status, fake.pace()), (200, 429, (3, 1)));
        clock.step(Duration::from_secs_f64(wait));
        assert_eq!(client.get(&format!("{path}?include=requester")).await.status, 200);
        assert_eq!(left(&client.get(&path).await), wanted[1]);
        fake.set(Switch::Calls(None));
        fake.set(Switch::Notes(Some(0)));
        assert_eq!(note(&fake, first(product), example(&[])).await.status, 429);
        clock.step(Duration::from_mins(1));
    }
}

#[tokio::test]
async fn faults_hit_what_they_are_meant_for() {
    let body = invalid("body", "no", "missing_field");
    let trials = [
        (What::LoseAnswer, None, 1),
        (What::CloseBefore, None, 0),
        (What::Cut(40), None, 0),
        (What::HalfAnswer, None, 1),
        (What::Status(502, Shape::Html), Some(502), 0),
        (What::RetryAfter(503, "7"), Some(503), 0),
        (What::After(500, Shape::Json(body)), Some(500), 1),
        (What::Stall(Duration::from_millis(5)), Some(201), 1),
        (What::Late(Duration::from_millis(5)), Some(201), 1),
        (What::Garbage, Some(201), 1),
        (What::Huge(1000), Some(201), 1),
    ];
    for (what, status, notes) in trials {
        let fake = FakeFreshworks::start(Product::Freshdesk);
        let told = format!("{what:?}");
        fake.fault(Fault::once("note", what));
        assert_eq!(client(&fake).get("/tickets/17").await.status, 200);
        let form = example(&[photo()]);
        let answer = client(&fake).send(("POST", "/tickets/17/notes"), FORM, form).await;
        assert_eq!(answer.map(|answer| answer.status), status, "{told}");
        assert_eq!(fake.everything().len(), notes, "{told}");
        assert_eq!(note(&fake, 17, example(&[])).await.status, 201, "{told}");
    }
    let fake = FakeFreshworks::start(Product::Freshdesk);
    let chunks = ["5\r\nab", "zz\r\n", "2\r\nabc\r\n0\r\n\r\n"];
    for wrong in chunks {
        let status = raw(&fake, &format!("Transfer-Encoding: chunked\r\n\r\n{wrong}"));
        assert!(status != Some(201), "{wrong}");
    }
    let json = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let good = "c\r\n{\"body\":\"a\"}\r\n0\r\n\r\n";
    assert_eq!(raw(&fake, &format!("{json}{good}")), Some(201));
    assert!(fake.seen().pop().unwrap().request.chunked);
    assert_eq!(
        serde_json::from_slice::<Value>(&fake.seen().pop().unwrap().request.body).unwrap(),
        json!({"body": "a"})
    );
}

/// Sends bytes as they are; gives the status of the answer.
fn raw(fake: &FakeFreshworks, rest: &str) -> Option<u16> {
    use std::io::{Read as _, Write as _};
    let url = fake.url();
    let mut stream = std::net::TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    let basic = STANDARD.encode(format!("{KEY}:X"));
    let head = "POST /api/v2/tickets/17/notes HTTP/1.1\r\nHost: x\r\n";
    write!(stream, "{head}Authorization: Basic {basic}\r\n{rest}").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}
