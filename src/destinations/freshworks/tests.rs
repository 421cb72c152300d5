//! The room against a scripted server: what goes over the wire, and what comes of the answers.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use jiff::Timestamp;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{settings::tests::settings, *};
use crate::{
    destinations::{
        Item,
        tests::{Steps, delivery},
    },
    http::Http,
    model::{Digest, ErrorKind, Mode, PhotoId, Severity},
    spool::SpooledFile,
    system::Clock,
};

/// What the bridge sent.
#[derive(Debug, Clone)]
struct Request {
    /// Request line and headers.
    head: String,
    body: String,
}

impl Request {
    fn line(&self) -> &str {
        self.head.lines().next().unwrap().trim_end_matches(" HTTP/1.1")
    }

    /// The parts of a form: the lines of their headers, and their content.
    fn parts(&self) -> Vec<(Vec<&str>, &str)> {
        let boundary = self.head.split("boundary=").nth(1).unwrap().lines().next().unwrap();
        let mark = format!("--{boundary}");
        let parts = self.body.split(mark.as_str()).skip(1).map(|part| part.trim_start());
        parts
            .filter(|part| *part != "--\r\n" && !part.starts_with("--"))
            .map(|part| {
                let (head, content) = part.split_once("\r\n\r\n").unwrap();
                (head.lines().collect(), content.strip_suffix("\r\n").unwrap())
            })
            .collect()
    }

    fn texts(&self) -> Vec<String> {
        let texts = self.parts();
        let texts = texts.iter().filter(|(head, _)| !head[0].contains("filename"));
        texts
            .map(|(head, content)| {
                assert_eq!(head.len(), 1, "{head:?}");
                let name = head[0].split('"').nth(1).unwrap();
                format!("{name}={content}")
            })
            .collect()
    }
}

/// A server that gives these answers in their order, and a destination that points at it.
struct Lab {
    desk: Freshworks,
    clock: Clock,
    requests: Arc<Mutex<Vec<Request>>>,
    home: tempfile::TempDir,
}

impl Lab {
    async fn new(product: Product, answers: &[String]) -> Self {
        Self::with(product, answers, |_| {}).await
    }

    async fn with(
        product: Product,
        answers: &[String],
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        tokio::spawn(serve(listener, answers.to_vec(), Arc::clone(&requests)));
        let home = tempfile::tempdir().unwrap();
        let clock = Clock::stepped(Timestamp::UNIX_EPOCH);
        let shared = Shared::new(Http::new().unwrap(), clock.clone(), home.path());
        let mut settings = settings(product, &url);
        change(&mut settings);
        let desk = Freshworks::new(DestinationName::parse("desk").unwrap(), settings, &shared);
        Self { desk, clock, requests, home }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    fn lines(&self) -> Vec<String> {
        self.requests().iter().map(|request| request.line().to_owned()).collect()
    }

    fn path(&self) -> PathBuf {
        self.home.path().join("photo")
    }

    async fn deliver(&self, deliveries: Vec<Delivery>) -> Result<Vec<Receipt>, Failure> {
        std::fs::write(self.path(), b"jpg").unwrap();
        let file = SpooledFile::at(self.path(), 3, Digest([0; 32]));
        let item = |delivery| Item { delivery, file: file.clone() };
        let parcel = Parcel { items: deliveries.into_iter().map(item).collect() };
        let progress = Progress(Arc::new(Steps::default()));
        self.desk.deliver(&parcel, &progress).await
    }
}

/// One connection an answer; none for an empty one.
async fn serve(listener: TcpListener, answers: Vec<String>, requests: Arc<Mutex<Vec<Request>>>) {
    for answer in answers {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read(&mut stream).await;
        requests.lock().unwrap().push(request);
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

async fn read(stream: &mut TcpStream) -> Request {
    let mut bytes = Vec::new();
    loop {
        let mut block = [0; 4096];
        let read = stream.read(&mut block).await.unwrap();
        assert!(read > 0, "the request ends early");
        bytes.extend_from_slice(&block[..read]);
        let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") else { continue };
        let (head, body) = (String::from_utf8_lossy(&bytes[..end]), &bytes[end + 4..]);
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        if body.len() >= length {
            assert_eq!(body.len(), length);
            let body = String::from_utf8_lossy(body).into_owned();
            return Request { head: head.into_owned(), body };
        }
    }
}

fn answer(status: u16, headers: &[&str], body: &str) -> String {
    let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    format!("{head}content-length: {}\r\n\r\n{body}", body.len())
}

fn ok(body: &str) -> String {
    answer(200, &[], body)
}

fn created(body: &str) -> String {
    answer(201, &[], body)
}

fn of(target: &str, mode: Option<Mode>) -> Delivery {
    Delivery { target: Some(target.parse().unwrap()), mode, ..delivery() }
}

fn another(delivery: &Delivery, photo: &str) -> Delivery {
    let mut other = delivery.clone();
    other.photo.id = PhotoId::parse(photo).unwrap();
    other
}

fn ids(receipt: &Receipt) -> Vec<String> {
    receipt.ids.iter().map(|step| format!("{}={}", step.name, step.value)).collect()
}

const MADE: &str = r#"{"id":9001,"ticket_id":17,"attachments":
    [{"id":77,"name":"apertur-img_1.jpg","size":3,"attachment_url":"https://s3/?sig=hush"}]}"#;

#[tokio::test]
async fn a_note_is_posted_as_the_traps_demand() {
    let lab = Lab::new(Product::Freshdesk, &[created(MADE)]).await;
    let receipts = lab.deliver(vec![of("freshdesk:17", Some(Mode::Public))]).await.unwrap();
    let [request] = &lab.requests()[..] else { panic!() };
    assert_eq!(request.line(), "POST /api/v2/tickets/17/notes");
    // `key-1:X`.
    assert!(request.head.contains("authorization: Basic a2V5LTE6WA=="), "{}", request.head);
    assert!(!request.head.contains("transfer-encoding"), "{}", request.head);
    let body = "body=<p>Photo received: photo 1.jpg (ref apertur-img_1)</p>";
    assert_eq!(request.texts(), [body, "private=false", "incoming=false"]);
    let parts = request.parts();
    let (head, content) = parts.last().unwrap();
    let disposition = "Content-Disposition: form-data; name=\"attachments[]\"; \
                       filename=\"apertur-img_1.jpg\"";
    assert_eq!(head[..], [disposition, "Content-Type: image/jpeg"]);
    assert_eq!(*content, "jpg");
    assert_eq!(ids(&receipts[0]), ["conversation=9001", "attachment=77"]);
    assert_eq!(receipts[0].url.as_deref(), Some("https://acme.freshdesk.com/a/tickets/17"));
    assert_eq!(receipts[0].note, None);
}

#[tokio::test]
async fn photos_of_a_parcel_share_a_note_and_have_their_own_receipts() {
    let body = r#"{"conversation":{"id":33,"attachments":[
        {"id":6,"name":"apertur-img_10.jpg"},{"id":5,"name":"apertur-img_1.jpg"}]}}"#;
    let lab = Lab::new(Product::Freshservice, &[created(body)]).await;
    let one = of("freshservice:2:241", None);
    let three = vec![one.clone(), another(&one, "img_10"), another(&one, "img_2")];
    let receipts = lab.deliver(three).await.unwrap();
    assert_eq!(ids(&receipts[0]), ["conversation=33", "attachment=5", "workspace=2"]);
    assert_eq!(ids(&receipts[1]), ["conversation=33", "attachment=6", "workspace=2"]);
    assert_eq!(ids(&receipts[2]), ["conversation=33", "workspace=2"]);
    let notes: Vec<_> = receipts.iter().map(|receipt| receipt.note.as_deref()).collect();
    let unlisted = "the text was added, but its file is not listed with it: look on the ticket";
    assert_eq!(notes, [None, None, Some(unlisted)]);
    let requests = lab.requests();
    let files = requests[0].parts().iter().filter(|(head, _)| head.len() == 2).count();
    assert_eq!((requests.len(), files), (1, 3));
}

const REFUSED: &str = r#"{"description":"Validation failed","errors":[{"field":"user_id",
    "message":"There is no contact matching the given user_id","code":"invalid_value"}]}"#;

#[tokio::test]
async fn a_note_that_is_refused_without_the_requester_too_is_not_tried_a_third_time() {
    let again = answer(400, &[], REFUSED);
    let answers = [ok(r#"{"id":17,"requester_id":1}"#), again.clone(), again];
    let lab = Lab::new(Product::Freshdesk, &answers).await;
    let failed = lab.deliver(vec![of("freshdesk:17", Some(Mode::Contact))]).await.unwrap_err();
    assert!(matches!(failed, Failure::Refused { .. }), "{failed:?}");
    assert_eq!(lab.requests().len(), 3);
}

#[tokio::test]
async fn a_201_is_a_success_whatever_it_says_and_a_200_only_with_an_id() {
    for body in ["", "{}", "<html>"] {
        let lab = Lab::new(Product::Freshdesk, &[created(body)]).await;
        let receipts = lab.deliver(vec![of("freshdesk:17", None)]).await.unwrap();
        assert_eq!(ids(&receipts[0]), [""; 0]);
    }
    let lab = Lab::new(Product::Freshdesk, &[ok("<html>log in</html>")]).await;
    let failed = lab.deliver(vec![of("freshdesk:17", None)]).await.unwrap_err();
    assert!(matches!(failed, Failure::Unknown { .. }), "{failed:?}");
    let lab = Lab::new(Product::Freshdesk, &[ok(MADE)]).await;
    assert!(lab.deliver(vec![of("freshdesk:17", None)]).await.is_ok());
}

#[tokio::test]
async fn what_is_for_another_s_ticket_is_refused_before_it_is_sent() {
    let lab = Lab::new(Product::Freshdesk, &[]).await;
    let stray = lab.deliver(vec![of("zendesk:9", None)]).await.unwrap_err();
    assert_eq!(stray.cause().kind, ErrorKind::NotAllowed);
    assert_eq!(stray.cause().what, "zendesk:9 is no ticket of Freshdesk");
    assert_eq!(lab.requests().len(), 0);
}

fn page(names: &[&str], ids_from: u64) -> String {
    let one = |(at, name): (usize, &&str)| {
        let id = ids_from + at as u64;
        format!(
            r#"{{"id":{id},"body":"<p>{name}</p>","attachments":[{{"id":1,"name":"{name}"}}]}}"#
        )
    };
    let all: Vec<_> = names.iter().enumerate().map(one).collect();
    format!("[{}]", all.join(","))
}

/// The pages that a look asks for, and how it ends: what was found, or the kind of failure.
async fn walked(answers: &[String]) -> (usize, String) {
    let lab = Lab::new(Product::Freshdesk, answers).await;
    let ended = match lab.desk.find(&[of("freshdesk:17", None)]).await {
        Ok(found) => format!("{}", found[0].is_some()),
        Err(Failure::Later { cause, .. }) => format!("later {}: {}", cause.kind, cause.what),
        Err(other) => panic!("{other:?}"),
    };
    (lab.requests().len(), ended)
}

#[tokio::test]
async fn a_page_that_comes_again_is_no_end_of_the_list() {
    let first = page(&["x", "y"], 1);
    let linked = |page: u32, body: &str| {
        answer(200, &[&format!("Link: <https://a/?page={page}>; rel=next")], body)
    };
    let repeats = "later protocol: Freshdesk did not list the conversations: page 2 of ticket 17 \
                   repeats those before it";
    for again in [linked(2, &first), ok(&first), linked(3, &page(&["y"], 2))] {
        assert_eq!(walked(&[linked(2, &first), again]).await, (2, repeats.to_owned()));
    }
    let many = page(&["x"; 100], 1);
    assert_eq!(walked(&[ok(&many), ok(&many)]).await, (2, repeats.to_owned()));
    // Nothing at all is an end, unless it links on.
    assert_eq!(walked(&[linked(2, &first), ok("[]")]).await, (2, "false".to_owned()));
    let photo = page(&["apertur-img_1.jpeg"], 9);
    let answers = [linked(2, &first), linked(3, "[]"), ok(&photo)];
    assert_eq!(walked(&answers).await, (3, "true".to_owned()));
}

#[tokio::test]
async fn without_links_a_list_is_read_on_until_a_page_is_shorter_than_any_server_makes_it() {
    let photo = || ok(&page(&["apertur-img_1.jpg"], 900));
    for (sizes, calls, found) in [
        (&[29][..], 1, "false"),
        (&[30], 2, "true"),
        (&[50, 50], 3, "true"),
        (&[100, 100, 12], 3, "false"),
    ] {
        let full = |(at, size): (usize, &usize)| ok(&page(&vec!["x"; *size], 1 + 100 * at as u64));
        let mut answers: Vec<_> = sizes.iter().enumerate().map(full).collect();
        answers.push(photo());
        assert_eq!(walked(&answers).await, (calls, found.to_owned()), "{sizes:?}");
    }
    // Where links are, a page without one is the last, and costs no further call.
    let link = "Link: <https://a/?page=2>; rel=next";
    let answers = [answer(200, &[link], &page(&["x"; 50], 1)), ok(&page(&["x"; 49], 51)), photo()];
    assert_eq!(walked(&answers).await, (2, "false".to_owned()));
}

#[tokio::test]
async fn a_refusal_of_the_ticket_is_the_tickets_only_where_the_account_lets_us_in() {
    let agent = r#"{"id":1,"contact":{"name":"Ada","email":"ada@acme.example"}}"#;
    for (status, kind, what) in [
        (404, ErrorKind::NotFound, "there is no ticket 17 at 127.0.0.1"),
        (403, ErrorKind::Forbidden, "HTTP 403"),
    ] {
        let lab = Lab::new(Product::Freshdesk, &[answer(status, &[], ""), ok(agent)]).await;
        let failed = lab.deliver(vec![of("freshdesk:17", None)]).await.unwrap_err();
        assert!(matches!(failed, Failure::Refused { .. }), "{failed:?}");
        assert_eq!(failed.cause().kind, kind);
        assert_eq!(failed.cause().what, format!("Freshdesk did not post the note: {what}"));
        assert_eq!(lab.lines()[1], "GET /api/v2/agents/me");

        let both = [answer(status, &[], ""), answer(status, &[], "")];
        let lab = Lab::new(Product::Freshservice, &both).await;
        let failed = lab.deliver(vec![of("freshservice:17", None)]).await.unwrap_err();
        assert!(matches!(failed, Failure::Broken { .. }), "{failed:?}");
        assert_eq!(failed.cause().kind, kind);
        assert_eq!(lab.lines()[1], "GET /api/v2/tickets?per_page=1");
    }
}

#[tokio::test]
async fn a_refusal_of_one_ticket_holds_its_photo_and_stops_nothing_else() {
    let feature = r#"{"code":"require_feature","message":"not for chats"}"#;
    for (refusal, kind) in [
        (answer(403, &[], feature), ErrorKind::Forbidden),
        (answer(302, &["Location: /support/login"], ""), ErrorKind::Protocol),
    ] {
        let lab = Lab::new(Product::Freshservice, &[refusal.clone(), ok("[]")]).await;
        let failed = lab.deliver(vec![of("freshservice:17", None)]).await.unwrap_err();
        assert!(matches!(failed, Failure::Refused { .. }), "{failed:?}");
        assert_eq!(failed.cause().kind, kind);
        assert!(failed.cause().fix.starts_with("look at the ticket"), "{failed:?}");
        let lab = Lab::new(Product::Freshservice, &[refusal.clone(), refusal]).await;
        let failed = lab.deliver(vec![of("freshservice:17", None)]).await.unwrap_err();
        assert!(matches!(failed, Failure::Broken { .. }), "{failed:?}");
        assert_eq!(failed.cause().kind, kind);
    }
}

#[tokio::test]
async fn a_long_refusal_is_not_read() {
    let lab = Lab::new(Product::Freshdesk, &[answer(400, &[], &"x".repeat(70_000))]).await;
    let failed = lab.deliver(vec![of("freshdesk:17", None)]).await.unwrap_err();
    assert!(matches!(&failed, Failure::Refused { cause } if cause.detail.is_empty()), "{failed:?}");
}

#[tokio::test]
async fn whose_a_refusal_is_stays_open_where_the_account_cannot_be_asked() {
    for (account, after) in [
        (answer(429, &["Retry-After: 90"], ""), Some(Duration::from_secs(90))),
        (answer(503, &["Retry-After: 7"], ""), Some(Duration::from_secs(7))),
        (answer(500, &[], ""), None),
        (ok("<html>log in</html>"), None),
        (String::new(), None),
    ] {
        for status in [403, 404] {
            let answers = [answer(status, &[], ""), account.clone()];
            let lab = Lab::new(Product::Freshdesk, &answers).await;
            let failed = lab.deliver(vec![of("freshdesk:17", None)]).await.unwrap_err();
            assert!(
                matches!(&failed, Failure::Later { after: it, .. } if *it == after),
                "{status} {account}: {failed:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_the_account_says_of_its_limits_is_heeded() {
    let headers = ["x-RATELIMIT-total: 100.0", "X-Ratelimit-Remaining: 0.0"];
    let lab = Lab::new(Product::Freshdesk, &[answer(201, &headers, MADE), created(MADE)]).await;
    let internal = || vec![of("freshdesk:17", None)];
    lab.deliver(internal()).await.unwrap();
    let waiting = lab.deliver(internal()).await.unwrap_err();
    let after = Some(Duration::from_secs(61));
    assert!(matches!(&waiting, Failure::Later { after: it, cause }
        if *it == after && cause.kind == ErrorKind::RateLimited));
    assert!(matches!(lab.desk.allowance(), Allowance::From(_)));
    assert_eq!(lab.requests().len(), 1);
    lab.clock.step(Duration::from_secs(61));
    assert!(lab.deliver(internal()).await.is_ok());

    let busy = answer(429, &["retry-after: 90.0"], "");
    let lab = Lab::new(Product::Freshservice, &[busy]).await;
    let refused = lab.deliver(vec![of("freshservice:17", None)]).await.unwrap_err();
    let after = Some(Duration::from_secs(90));
    assert!(
        matches!(&refused, Failure::Later { after: it, cause }
        if *it == after && cause.kind == ErrorKind::RateLimited),
        "{refused:?}"
    );
    let until = Timestamp::UNIX_EPOCH.checked_add(Duration::from_secs(90)).unwrap();
    assert_eq!(lab.desk.allowance(), Allowance::From(until));
}

#[tokio::test]
async fn a_503_that_names_a_wait_closes_the_account_for_as_long() {
    let busy = || answer(503, &["Retry-After: 90"], "");
    let until = Timestamp::UNIX_EPOCH.checked_add(Duration::from_secs(90)).unwrap();
    let photo = of("freshdesk:17", None);
    let lab = Lab::new(Product::Freshdesk, &[busy()]).await;
    let written = lab.deliver(vec![photo.clone()]).await.unwrap_err();
    assert!(matches!(written, Failure::Unknown { .. }), "{written:?}");
    assert_eq!(lab.desk.allowance(), Allowance::From(until));

    let lab = Lab::new(Product::Freshdesk, &[busy()]).await;
    let Err(Failure::Later { after, cause }) = lab.desk.find(&[photo]).await else { panic!() };
    assert_eq!((after, cause.kind), (Some(Duration::from_secs(90)), ErrorKind::Unavailable));
    assert_eq!(lab.desk.allowance(), Allowance::From(until));
}

fn said(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_probe_says_as_whom_and_how_fast() {
    let agent = r#"{"id":1,"contact":{"name":"Ada","email":"ada@acme.example"}}"#;
    let limits = ["X-RateLimit-Total: 200", "X-RateLimit-Remaining: 199"];
    let lab = Lab::new(Product::Freshdesk, &[answer(200, &limits, agent)]).await;
    let findings = said(&lab.desk.probe().await);
    assert!(findings[0].ends_with("lets the bridge in as Ada, ada@acme.example"), "{findings:?}");
    assert_eq!(findings[1], "ok: limits: 200 calls a minute, 199 of them left");

    let wrong = r#"{"code":"invalid_credentials","message":"You have to be logged in"}"#;
    for (answer, what) in [
        (answer(401, &["X-Request-Id: r-1"], wrong), "HTTP 401, invalid_credentials"),
        (answer(403, &[], ""), "HTTP 403; check the credentials"),
        (answer(404, &[], ""), "there is no help desk at 127.0.0.1"),
        (ok("<html>"), "makes no sense"),
    ] {
        let lab = Lab::new(Product::Freshservice, &[answer]).await;
        let findings = lab.desk.probe().await;
        assert_eq!((findings.len(), findings[0].severity), (1, Severity::Error));
        assert!(findings[0].to_string().contains(what), "{}", findings[0]);
        assert!(!findings[0].fix.is_empty() && !findings[0].to_string().contains("key-1"));
    }
}
