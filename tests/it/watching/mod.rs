//! What people watch the daemon by: its metrics, the alert rules and the dashboard over them, and
//! traces. promtool judges what it can.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alerts;
mod collector;
mod dashboard;
mod expression;
mod shown;
mod traces;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use self::{expression::Selector, shown::Shown};
use crate::{
    daemon::{Daemon, Options},
    fakes::{
        apertur::{self, FakeApertur, Photo, Signer, Way},
        odoo::{FakeOdoo, Switch},
    },
    look,
};

/// Tries follow each other quickly.
const QUICK: &str =
    "[retry]\nfirst_delay = \"100ms\"\nmax_delay = \"200ms\"\nprobe_every = \"100ms\"\n";

/// A file of `docs/`.
fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

/// What promtool says of this input; it must be content.
fn promtool(args: &[&str], input: &str) {
    let mut tool = Command::new("promtool");
    let tool = tool.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = tool.spawn().unwrap_or_else(|e| panic!("promtool: {e}; run tests/servers"));
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    let said = child.wait_with_output().unwrap();
    let words = [said.stdout, said.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(said.status.success(), "promtool {args:?}: {}", words.concat());
}

/// A daemon with an Odoo `erp`, and both other sides.
struct Rig {
    odoo: FakeOdoo,
    apertur: FakeApertur,
    daemon: Daemon,
}

impl Rig {
    /// With more configuration, whole sections.
    fn start(more: &str) -> Self {
        let (odoo, apertur) = (FakeOdoo::start(18), FakeApertur::start());
        let erp = format!(
            "[destination.erp]\ntype = \"odoo\"\nurl = \"{}\"\ndatabase = \"prod\"\n\
             username = \"bot@example.com\"\napi_key = \"odoo-key\"\n",
            odoo.url()
        );
        let text = format!("{}{QUICK}{more}\n{erp}", apertur.settings());
        Self { odoo, apertur, daemon: Daemon::start(Options::toml(text)) }
    }

    fn accepted(&self, request: apertur::Request) {
        let answered = apertur::post(self.daemon.url(), &request.signed()).unwrap();
        assert_eq!(answered.told(), (200, "accepted".to_owned()));
    }

    fn metrics(&self) -> String {
        let page = apertur::get(self.daemon.console_url(), "/metrics").unwrap();
        assert_eq!(page.status, 200);
        String::from_utf8(page.body).unwrap()
    }

    fn paused(&self) {
        self.daemon.wait_for_log("destination paused");
        look::eventually(Duration::from_secs(20), "the pause as a metric", || {
            Shown::read(&self.metrics())
                .has("apertur_bridge_destination_paused", &[("destination", "erp")], 1.0)
                .then_some(())
        });
    }
}

/// `img_1` for contact 42.
fn photo(id: &str) -> Photo {
    Photo::new(id).odoo("res.partner", 42, "internal")
}

/// A daemon that has seen what can go well and wrong: a photo fetched and delivered, one that
/// came twice, a wrong signature, a link that is gone, and a pause.
fn lived() -> Rig {
    let rig = Rig::start("");
    let first = photo("img_1");
    let link = rig.apertur.keep("img_1", &first.bytes);
    rig.accepted(first.event("image.delivered", Some(&link)));
    look::settled(&rig.daemon, &["delivered"]);
    let again = first.event("image.delivered", Some(&link)).signed();
    assert_eq!(apertur::post(rig.daemon.url(), &again).unwrap().told().1, "duplicate");
    let wrong = Signer { secret: "aa".repeat(32), ..Signer::default() };
    let wrong = wrong.sign(first.json_base64());
    assert_eq!(apertur::post(rig.daemon.url(), &wrong).unwrap().status, 401);
    rig.apertur.link(Way::Status(410));
    rig.apertur.api(Way::Status(404));
    rig.accepted(photo("img_gone").event("image.delivered", Some(&link)));
    look::settled(&rig.daemon, &["delivered", "held"]);
    rig.odoo.set(Switch::KeyRevoked(true));
    rig.accepted(photo("img_late").json_base64());
    rig.paused();
    rig
}

#[test]
fn what_a_running_daemon_shows_is_what_documents_alerts_and_dashboard_name() {
    let rig = lived();
    let text = rig.metrics();
    promtool(&["check", "metrics"], &text);
    let shown = Shown::read(&text);
    let erp = ("destination", "erp");
    for (name, labels, value) in [
        ("ready", &[][..], 1.0),
        ("requests_total", &[("status", "accepted")], 3.0),
        ("requests_total", &[("status", "duplicate")], 1.0),
        ("requests_total", &[("status", "unauthorized")], 1.0),
        ("requests_total", &[("status", "unavailable")], 0.0),
        ("accepted_photos_total", &[("way", "webhook")], 3.0),
        ("fetches_total", &[("outcome", "done")], 1.0),
        ("fetches_total", &[("outcome", "held")], 1.0),
        ("delivered_photos_total", &[erp, ("how", "sent")], 1.0),
        ("delivery_seconds_count", &[erp], 1.0),
        ("deliveries", &[erp, ("state", "delivered")], 1.0),
        ("deliveries", &[erp, ("state", "due")], 1.0),
        ("deliveries", &[erp, ("state", "dropped")], 0.0),
        ("held_deliveries", &[erp, ("error", "gone")], 1.0),
        ("held_total", &[("destination", ""), ("error", "gone")], 1.0),
        ("destination_paused", &[erp], 1.0),
        ("destination_pauses_total", &[erp], 1.0),
    ] {
        let name = format!("apertur_bridge_{name}");
        assert!(shown.has(&name, labels, value), "{name} {labels:?} {value}:\n{text}");
    }
    assert_eq!(
        shown.value("apertur_bridge_fetched_bytes_total"),
        photo("img_1").bytes.len() as f64
    );
    assert!(shown.value("apertur_bridge_data_dir_free_bytes") > 0.0);
    assert!(shown.value("apertur_bridge_journal_commit_seconds_count") > 5.0);
    assert!(shown.value("apertur_bridge_last_accepted_timestamp_seconds") > 1.7e9);

    document(&shown);
    let exprs = [alerts::expressions(), dashboard::expressions()].concat();
    assert!(exprs.len() > 60, "only {} expressions were found", exprs.len());
    let mut used = Vec::new();
    for expr in exprs {
        for selector in Selector::all(&expr) {
            shown.assert_selects(&selector, &expr);
            used.push(selector.metric);
        }
        shown.assert_groups(&expr);
    }
    let unused = shown.names().filter(|name| !used.iter().any(|u| u.starts_with(*name)));
    let unused: Vec<_> = unused.filter(|name| !name.starts_with("process_")).collect();
    assert!(unused.is_empty(), "on no panel and in no rule: {unused:?}");
}

/// Holds `docs/metrics.md` to what is shown; writes it anew when told to.
fn document(shown: &Shown) {
    let path = docs("metrics.md");
    let text = fs::read_to_string(&path).unwrap_or_default();
    const HEADER: &str = "| Metric | Type | Labels | What it is |\n| --- | --- | --- | --- |\n";
    let (head, _) = text.split_once(HEADER).unwrap_or((&text, ""));
    let expected = format!("{head}{HEADER}{}", shown.table());
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(path, expected).unwrap();
    } else {
        assert_eq!(text, expected, "run this test with UPDATE_FIXTURES=1 and look at the change");
    }
}
