//! Certificates that end, and the unit of another version.

use std::{fs, path::Path};

use apertur_bridge::{
    apertur::{Apertur, HostPattern, Settings, Timeouts, default_base_url},
    doctor::{Checkup, Door, Files},
    http::{Http, Identity},
    model::Severity,
    system::Clock,
};

use super::sh;

/// Makes a self-signed certificate that lives from one day to another.
fn make(folder: &Path, name: &str, (from, until): (&str, &str)) {
    let script = format!(
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out \
         {name}.csr -subj /CN={name}\n\
         mkdir -p {name}.ca; : > {name}.ca/index; echo 01 > {name}.ca/serial\n\
         printf '[ca]\\ndefault_ca=c\\n[c]\\ndatabase={name}.ca/index\\nserial={name}.ca/serial\\n\
         new_certs_dir={name}.ca\\npolicy=p\\ndefault_md=sha256\\n[p]\\ncommonName=supplied\\n' \
         > {name}.cnf\n\
         openssl ca -batch -config {name}.cnf -selfsign -in {name}.csr -keyfile {name}.key \
         -startdate {from} -enddate {until} -out {name}.pem -notext 2>/dev/null"
    );
    sh(folder, &script);
}

/// A checkup of nothing but these files.
pub(super) fn checkup(data_dir: &Path, clock: Clock) -> Checkup {
    let http = Http::new().unwrap();
    let settings = Settings {
        api_key: None,
        base_url: default_base_url(None).parse().unwrap(),
        base_url_is_configured: false,
        download_hosts: HostPattern::defaults(),
        download_hosts_is_configured: false,
        allow_private_downloads: false,
        signing_secret: None,
        totp_secret: None,
        identity: None,
        session_destinations: Vec::new(),
        project_id: None,
        e2e_private_keys: Vec::new(),
        poll: false,
        max_size: 1000,
        timeouts: Timeouts::default(),
    };
    Checkup {
        configuration: Vec::new(),
        files: Files {
            data_dir: data_dir.to_owned(),
            journal: None,
            certificate: None,
            units: Vec::new(),
            min_free: 1,
        },
        journal: Ok(None),
        destinations: Vec::new(),
        apertur: Apertur::new(http.clone(), settings, clock.clone()).unwrap(),
        door: Door { public_url: None, webhook_path: "/apertur/webhook".to_owned(), secret: None },
        clock,
        http,
        offline: true,
    }
}

/// What a checkup says of one thing.
pub(super) async fn told(checkup: &Checkup, area: &str) -> Vec<String> {
    let report = checkup.examine().await;
    let found = report.areas.iter().find(|found| found.name == area);
    let found = found.unwrap_or_else(|| panic!("{area}: {report:?}"));
    found.findings.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_certificate_is_told_of_before_it_ends_and_after() {
    let home = tempfile::tempdir().unwrap();
    let at = home.path();
    make(at, "ours", ("20260101000000Z", "20270201000000Z"));
    let now = |text: &str| Clock::stepped(text.parse().unwrap());
    let mut said = Vec::new();
    for day in ["2025-12-31", "2027-01-01", "2027-01-25", "2027-02-01"] {
        let mut checkup = checkup(at, now(&format!("{day}T08:00:00Z")));
        checkup.files.certificate = Some(at.join("ours.pem"));
        said.extend(told(&checkup, "certificates").await);
    }
    let renew = "renew it, put the new one where `server.tls` points to and restart the daemon";
    assert_eq!(
        said,
        [
            "error: server.tls.cert: it is not valid before 2026-01-01T00:00:00Z; see that this \
         machine's clock is right: timedatectl"
                .to_owned(),
            "ok: server.tls.cert: it is good until 2027-02-01, 30 days".to_owned(),
            format!("warning: server.tls.cert: it ends on 2027-02-01, in 6 day(s); {renew}"),
            format!("error: server.tls.cert: it ended on 2027-02-01; {renew}"),
        ]
    );
    let mut missing = checkup(at, now("2027-01-01T08:00:00Z"));
    missing.files.certificate = Some(at.join("away.pem"));
    assert!(told(&missing, "certificates").await[0].starts_with("error: server.tls.cert: "));

    // The one that the API key is bound to.
    let both = ["ours.pem", "ours.key"].map(|name| fs::read_to_string(at.join(name)).unwrap());
    let mut bound = checkup(at, now("2027-02-03T08:00:00Z"));
    let identity = Identity::parse(both.concat().as_bytes()).unwrap();
    let settings = Settings { identity: Some(identity), ..bound.apertur.settings().clone() };
    bound.apertur = Apertur::new(bound.http.clone(), settings, bound.clock.clone()).unwrap();
    let said = told(&bound, "certificates").await;
    assert!(said[0].starts_with("error: apertur.client_certificate: it ended on 2027-02-01"));
}

#[tokio::test]
async fn a_unit_of_another_version_is_told_of_with_the_command_that_renews_it() {
    let home = tempfile::tempdir().unwrap();
    let (first, second) = (home.path().join("first.service"), home.path().join("second.service"));
    fs::write(&second, include_str!("../../../systemd/apertur-bridge.service")).unwrap();
    let mut checkup = checkup(home.path(), Clock::system());
    checkup.files.units = vec![first.clone(), second];
    let said = told(&checkup, "configuration").await;
    assert!(said[1].ends_with("second.service is this version's"), "{said:?}");
    fs::write(&first, "[Service]\n").unwrap();
    let said = told(&checkup, "configuration").await;
    assert!(said[1].contains("first.service is not as this version makes it"), "{said:?}");
    assert_eq!(checkup.examine().await.count(Severity::Warning), 1 + is_in_memory(&checkup).await);
}

/// The home of a test may be in memory, or open to others.
async fn is_in_memory(checkup: &Checkup) -> usize {
    let said = told(checkup, "data directory").await;
    said.iter().filter(|finding| finding.starts_with("warning: ")).count()
}
