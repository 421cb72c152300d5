//! The laws, over any shore.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use apertur_bridge::model::{ErrorKind, Failure, Severity};
use futures_util::{StreamExt as _, stream};

use super::{Lab, Shore, key, proxy::Proxy};
use crate::fakes::apertur::Photo;

const MIB: usize = 1024 * 1024;
/// Larger than any part that a destination sends at once, and no multiple of one.
const LARGE: usize = 20 * MIB + 5;

/// Bytes that differ from block to block.
fn picture(name: &str, size: usize) -> Vec<u8> {
    Photo::of_size(name, size).bytes
}

fn lab<S: Shore>(shore: &mut S, template: &str) -> Lab {
    let address = shore.server().address();
    let keys = shore.keys(address);
    Lab::new(&format!("{keys}\n{} = {template:?}", S::TEMPLATE), shore.secrets())
}

pub(super) async fn a_photo_is_stored_once_and_reads_back_equal<S: Shore>() {
    let mut shore = S::start().await;
    let lab = lab(&mut shore, "{date}/{image_id} ü&'.{ext}");
    for (id, size) in [("img_1", 1), ("img_2", 1500), ("img_3", 8 * MIB), ("img_4", LARGE)] {
        let item = || lab.item(id, "a.jpg", &picture(id, size));
        assert_eq!(lab.find(&item()).await, None, "{size}");
        let sent = lab.send(item()).await.unwrap();
        let name = format!("2027-01-15/{id} ü&'.jpg");
        assert_eq!((key(&sent), sent.found), (name.as_str(), false));
        let url = sent.url.clone().unwrap();
        assert!(url.contains("://") && url.contains(&format!("/{id}")), "{url}");
        assert!(!url.contains('@') && !url.contains('?'), "{url}");
        assert!(shore.get(&name).await == picture(id, size), "{size}");
        if let Some(media_type) = shore.media_type(&name).await {
            assert_eq!(media_type, "image/jpeg");
        }
        let again = lab.send(item()).await.unwrap();
        assert_eq!((key(&again), again.found), (name.as_str(), true));
        assert_eq!(lab.find(&item()).await.as_ref().map(key), Some(name.as_str()));
    }
    assert_eq!(shore.list().await.len(), 4);
}

pub(super) async fn two_photos_on_one_key_both_stay<S: Shore>() {
    let mut shore = S::start().await;
    let lab = lab(&mut shore, "same/photo.{ext}");
    // Of one length: only the bytes tell them apart.
    let [one, two] = ["img_1", "img_2"].map(|id| lab.item(id, "a.jpg", &picture(id, 1500)));
    let (one, two) = tokio::join!(lab.send(one), lab.send(two));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_ne!(key(&one), key(&two));
    assert!(shore.get(key(&one)).await == picture("img_1", 1500));
    assert!(shore.get(key(&two)).await == picture("img_2", 1500));
    // Another daemon, which knows nothing of the first.
    let other = Lab::new(
        &format!("{}\n{} = \"same/photo.jpg\"", keys(&mut shore), S::TEMPLATE),
        shore.secrets(),
    );
    let again = other.send(other.item("img_2", "a.jpg", &picture("img_2", 1500))).await.unwrap();
    assert!(again.found && key(&again) == key(&two), "{again:?}");
    assert_eq!(shore.list().await.len(), 2);
}

fn keys<S: Shore>(shore: &mut S) -> String {
    let address = shore.server().address();
    shore.keys(address)
}

/// Names that guests, or those who want to harm, may give: number `n` of a thousand.
fn hostile(n: usize) -> String {
    const PARTS: [&str; 29] = [
        "../",
        "..\\",
        "/etc/passwd",
        "%2e%2e%2f",
        "%00",
        "\u{0}",
        "\n",
        "\r\nX-A: b",
        "\u{202e}gpj",
        "CON",
        "nul.txt",
        "~",
        "$HOME",
        "`id`",
        "a?b=c",
        "a#b",
        "a&b",
        "<b>",
        "\"'",
        "  ",
        "...",
        "日本語",
        "é\u{301}",
        "\u{1f4a9}",
        "x",
        "a;b=c",
        "a;type=i",
        "a+b,c@d!",
        "(a)[b]{c}^$",
    ];
    let mut name = String::new();
    let mut rest = n;
    for _ in 0..3 {
        name.push_str(PARTS[rest % PARTS.len()]);
        rest /= PARTS.len();
    }
    if n.is_multiple_of(50) { name.repeat(40) } else { name }
}

pub(super) async fn a_thousand_hostile_names_land_inside<S: Shore>() {
    let mut shore = S::start().await;
    let lab = &lab(&mut shore, "in/{tag:x}/{stem}/{filename}");
    let sent = stream::iter(0..1000).map(|n| async move {
        let item = lab.item(&format!("img_{n}"), &hostile(n), &picture(&n.to_string(), 64));
        key(&lab.send(item).await.unwrap()).to_owned()
    });
    // As many at once as the sender would give it.
    let mut sent: Vec<String> = sent.buffer_unordered(lab.concurrency()).collect().await;
    sent.sort();
    sent.dedup();
    assert_eq!(sent.len(), 1000);
    let mut there = shore.list().await;
    there.sort();
    let is_inside = |key: &String| {
        key.starts_with("in/") && key.split('/').all(|part| !matches!(part, "" | "." | ".."))
    };
    assert!(sent.iter().all(is_inside), "{sent:?}");
    assert_eq!(there, sent);
}

pub(super) async fn wrong_credentials_break_it_with_a_fix<S: Shore>() {
    let mut shore = S::start().await;
    let address = shore.server().address();
    let lab = Lab::new(&shore.wrong_credentials(address), shore.secrets());
    let failure = lab.send(lab.item("img_1", "a.jpg", &picture("img_1", 99))).await.unwrap_err();
    let Failure::Broken { cause } = &failure else { panic!("{failure:?}") };
    assert_eq!(cause.kind, ErrorKind::Unauthorized, "{cause:?}");
    assert!(cause.fix.contains("check"), "{cause:?}");
    let findings = lab.probe().await;
    assert!(findings.iter().any(|f| f.severity == Severity::Error), "{findings:?}");
    assert_eq!(shore.list().await, [""; 0]);
}

pub(super) async fn a_missing_place_breaks_it_with_a_fix<S: Shore>() {
    let mut shore = S::start().await;
    let address = shore.server().address();
    let lab = Lab::new(&shore.missing(address), shore.secrets());
    let failure = lab.send(lab.item("img_1", "a.jpg", &picture("img_1", 99))).await.unwrap_err();
    let Failure::Broken { cause } = &failure else { panic!("{failure:?}") };
    assert_eq!(cause.kind, ErrorKind::NotFound, "{cause:?}");
    assert!(cause.fix.contains("make the"), "{cause:?}");
    let findings = lab.probe().await;
    assert!(findings.iter().any(|f| f.severity == Severity::Error), "{findings:?}");
    let findings = lab.trial().await;
    assert!(findings.iter().any(|f| f.severity == Severity::Error), "{findings:?}");
    assert_eq!(shore.list().await, [""; 0]);
}

fn assert_may_pass(failure: &Failure) {
    let passes = matches!(failure, Failure::Later { .. } | Failure::Unknown { .. });
    assert!(passes && !failure.cause().fix.is_empty(), "{failure:?}");
}

pub(super) async fn a_cut_wire_leaves_nothing_half_and_the_next_try_succeeds<S: Shore>() {
    let mut shore = S::start().await;
    let proxy = Proxy::before(shore.server().address());
    let lab = Lab::new(&shore.keys(proxy.address()), shore.secrets());
    let item = || lab.item("img_1", "a.jpg", &picture("img_1", LARGE));
    // Within the first part, and within the last one.
    for bytes in [MIB, LARGE - MIB] {
        let proxy_cut = bytes as u64;
        proxy.cut_after(proxy_cut);
        assert_may_pass(&lab.send(item()).await.unwrap_err());
        assert_eq!(shore.list().await, [""; 0]);
        proxy.heal();
        assert_eq!(lab.find(&item()).await, None);
    }
    let sent = lab.send(item()).await.unwrap();
    assert!(shore.get(key(&sent)).await == picture("img_1", LARGE));
    assert_eq!(shore.list().await, [key(&sent)]);
}

pub(super) async fn a_server_killed_midway_leaves_nothing_half<S: Shore>() {
    let mut shore = S::start().await;
    let proxy = Proxy::before(shore.server().address());
    let lab = Lab::new(&shore.keys(proxy.address()), shore.secrets());
    let item = || lab.item("img_1", "a.jpg", &picture("img_1", LARGE));
    proxy.hold_after((10 * MIB) as u64);
    let (sent, ()) = tokio::join!(lab.send(item()), async {
        proxy.wait_until_held().await;
        shore.server().kill9();
        proxy.heal();
    });
    assert_may_pass(&sent.unwrap_err());
    shore.server().restart();
    shore.remake().await;
    assert_eq!(shore.list().await, [""; 0]);
    let sent = lab.send(item()).await.unwrap();
    assert!(shore.get(key(&sent)).await == picture("img_1", LARGE));
    assert_eq!(shore.list().await, [key(&sent)]);
}

pub(super) async fn a_trial_leaves_nothing<S: Shore>() {
    let mut shore = S::start().await;
    let keys = keys(&mut shore);
    let lab = Lab::new(&keys, shore.secrets());
    let findings = lab.trial().await;
    assert!(findings.iter().all(|f| f.severity == Severity::Ok), "{findings:?}");
    for step in ["write", "look", "read", "remove"] {
        assert!(findings.iter().any(|f| f.subject == step), "{step}: {findings:?}");
    }
    assert_eq!(shore.list().await, [""; 0]);
}
