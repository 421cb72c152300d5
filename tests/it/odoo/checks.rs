//! The checks that `check --connect`, doctor and `destinations test` show.

use apertur_bridge::{
    destinations::{Destination, odoo::Api},
    model::{Finding, Severity, Target},
};

use super::{Lab, VERSIONS};
use crate::fakes::odoo::{FakeOdoo, Fault, Switch, What};

fn worst(findings: &[Finding]) -> Severity {
    findings.iter().map(|finding| finding.severity).max().unwrap()
}

fn about<'a>(findings: &'a [Finding], subject: &str) -> &'a Finding {
    let found = findings.iter().find(|finding| finding.subject == subject);
    found.unwrap_or_else(|| panic!("{subject}: {findings:?}"))
}

fn contact() -> Target {
    Target::odoo("res.partner", 42).unwrap()
}

#[tokio::test]
async fn a_server_that_is_ready_has_only_good_findings() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        let findings = lab.destination.probe().await;
        assert_eq!(worst(&findings), Severity::Ok, "{findings:?}");
        assert!(about(&findings, "log in").what.contains(&format!("Odoo {version}")));
        let models = &about(&findings, "models").what;
        assert!(models.starts_with("photos can go to res.partner, project.task;"), "{models}");
        assert!(models.contains("not installed: helpdesk.ticket"), "{models}");
        assert_eq!(lab.counts(), (0, 0));
    }
}

#[tokio::test]
async fn what_would_fail_is_found_before_the_first_photo() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        lab.odoo.set(Switch::UserWithoutEmail(true));
        lab.odoo.set(Switch::NoWriteOn("res.partner".to_owned()));
        let findings = lab.destination.probe().await;
        let email = about(&findings, "e-mail").severity;
        let wanted = if version == 19 { Severity::Warning } else { Severity::Error };
        assert_eq!(email, wanted, "{version}");
        assert_eq!(about(&findings, "res.partner").what, "the user has no write access");
        lab.odoo.set(Switch::NoWriteOn("project.task".to_owned()));
        let findings = lab.destination.probe().await;
        assert_eq!(about(&findings, "models").severity, Severity::Error);
        lab.odoo.set(Switch::KeyRevoked(true));
        let findings = lab.destination.probe().await;
        assert_eq!(about(&findings, "log in").severity, Severity::Error);
        assert!(about(&findings, "log in").fix.contains("api_key"));
    }
}

#[tokio::test]
async fn the_end_of_xmlrpc_is_announced_where_it_is_spoken() {
    let forced = Lab::with(FakeOdoo::start(19), |settings| settings.api = Api::Xmlrpc);
    let findings = forced.destination.probe().await;
    assert!(about(&findings, "interface").fix.contains("api = \"auto\""));
    let closed = Lab::new(19);
    closed.odoo.set(Switch::Json2Enabled(false));
    let findings = closed.destination.probe().await;
    assert!(about(&findings, "interface").what.starts_with("JSON-2 does not let the bridge in"));
}

#[tokio::test]
async fn a_test_writes_reads_compares_and_removes() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        let findings = lab.destination.test(Some(&contact())).await;
        assert_eq!(worst(&findings), Severity::Ok, "{findings:?}");
        let subjects: Vec<_> = findings.iter().map(|finding| finding.subject.as_str()).collect();
        assert_eq!(subjects, ["log in", "record", "write", "read", "remove"]);
        assert_eq!(lab.counts(), (0, 0));
    }
}

#[tokio::test]
async fn a_test_that_fails_says_where_and_leaves_nothing() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        let gone = Target::odoo("res.partner", 9999).unwrap();
        assert_eq!(worst(&lab.destination.test(Some(&gone)).await), Severity::Error);
        let barred = Target::odoo("res.users", 7).unwrap();
        let findings = lab.destination.test(Some(&barred)).await;
        assert!(findings[0].fix.contains("destination.erp.models"), "{findings:?}");
        let fault =
            Fault { on: "ir.attachment.read".to_owned(), times: 1, what: What::OperationalError };
        lab.odoo.fault(fault);
        assert_eq!(worst(&lab.destination.test(Some(&contact())).await), Severity::Error);
        assert_eq!(lab.counts(), (0, 0), "{version}");
        let findings = lab.destination.test(None).await;
        assert!(about(&findings, "test").fix.contains("--target odoo:res.partner:42"));
    }
}
