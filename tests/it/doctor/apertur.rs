//! Apertur's side: the key, and the webhooks that lead to us.

use apertur_bridge::{
    apertur::{Apertur, Settings},
    system::Clock,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Words, certificate::checkup, doctor, home};
use crate::fakes::apertur::{
    FakeApertur, Format, Hook, PROJECT, Reply, Signer, WEBHOOK_DESTINATION,
};

const OURS: &str = "https://127.0.0.1:1/apertur/webhook";

fn hook(url: &str, topic: &str) -> Hook {
    Hook {
        id: "e0e0e0e0-2222-4333-8444-000000000001".to_owned(),
        url: url.to_owned(),
        topics: vec![topic.to_owned()],
        is_svix: false,
        retries: 5,
        disable_after: 10,
        failures: 0,
        disabled_at: None,
    }
}

#[test]
fn apertur_s_side_is_told_of_as_it_is() {
    let apertur = FakeApertur::start();
    let mut words = Words::default();
    let tell = |words: &mut Words, what: &str, more: &str| {
        let server = "[server]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://127.0.0.1:1\"\n";
        let home = home(&format!("{server}{}{more}", apertur.settings()));
        let told = doctor(home.path(), &[]);
        assert!(FakeApertur::secrets().iter().all(|secret| !told.out.contains(secret)));
        words.tell(what, &told.about(&["Apertur"], &[]));
    };
    let project = format!("project_id = \"{PROJECT}\"\n");
    tell(&mut words, "without a project", "");
    tell(&mut words, "nobody posts to us", &project);

    apertur.with(|api| {
        api.sessions.hooks.push(hook("https://127.0.0.1:1/apertur/webhok", "project.upload.*"));
    });
    tell(&mut words, "a webhook for another path", &project);
    apertur.with(|api| api.sessions.hooks = vec![hook(OURS, "project.upload.*")]);
    tell(&mut words, "a webhook for us", &project);
    apertur.with(|api| api.sessions.hooks[0].failures = 3);
    tell(&mut words, "one that fails", &project);
    apertur.with(|api| {
        let hook = &mut api.sessions.hooks[0];
        hook.failures = 10;
        hook.disabled_at = Some("2026-11-20T08:00:00Z".parse::<Timestamp>().unwrap());
    });
    tell(&mut words, "one that was switched off", &project);
    apertur.with(|api| api.sessions.hooks.clear());
    apertur.bridge(WEBHOOK_DESTINATION, OURS, Format::JsonBase64, Signer::default());
    tell(&mut words, "a destination for us", &project);
    tell(&mut words, "a project that is not the key's", "project_id = \"another\"\n");
    apertur.with(|api| api.signing_secret = Some("x".repeat(32)));
    tell(&mut words, "a key that does not get in", &project);
    words.are_those_of("apertur");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_a_webhook_failed_last_is_told_in_apertur_s_words_without_secrets() {
    let fake = FakeApertur::start();
    let home = tempfile::tempdir().unwrap();
    let blank = checkup(home.path(), Clock::system());
    let settings = Settings {
        api_key: Some(FakeApertur::secrets()[0].into()),
        base_url: fake.api_url().parse().unwrap(),
        base_url_is_configured: true,
        ..blank.apertur.settings().clone()
    };
    let apertur = Apertur::new(blank.http.clone(), settings, Clock::system()).unwrap();
    let told = async |deliveries: Value| {
        let answer = Reply::json(200, &json!({"deliveries": deliveries, "total": 1}));
        fake.with(|api| api.next.push_back(answer));
        apertur.last_failure(PROJECT, "hook").await.unwrap()
    };
    let sent = json!({"status": "sent", "lastError": "an old one"});
    let failed = json!({"status": "failed", "responseCode": 401, "lastError": null});
    let words = json!({"status": "retrying", "lastError": "connect https://x/y?key=hush refused"});
    assert_eq!(told(json!([sent])).await, None);
    assert_eq!(told(json!([sent, failed, words])).await.as_deref(), Some("HTTP 401"));
    assert_eq!(told(json!([words])).await.as_deref(), Some("connect [...] refused"));
}
