//! The OpenAPI document: valid, and true of what the daemon answers. Both are others' judgement:
//! openapi-spec-validator and Schemathesis, as `tests/servers` installs them.

use std::{fs, process::Command, time::Duration};

use serde_json::json;

use super::{ADMIN, Site};
use crate::{look, servers::program};

/// Runs a program that is to be content.
fn content(command: &mut Command) -> String {
    let done = command.output().unwrap();
    let said = [done.stdout, done.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    let said = said.concat();
    assert!(done.status.success(), "{said}");
    said
}

#[test]
fn the_document_is_valid_and_what_the_daemon_answers_is_as_it_says() {
    let site = Site::start();
    site.receive(&["a1", "a2", "a3"]);
    look::settled(&site.daemon, &["delivered"]);
    let (_, made) = site.post("/sessions", &json!({"target": "odoo:res.partner:42"}));
    let (_, run) =
        site.post("/deliveries/replay", &json!({"filter": {"photo": "a1"}, "force": true}));
    site.done(&run);
    look::settled(&site.daemon, &["delivered"]);

    let home = site.daemon.dir();
    let file = home.join("openapi.json");
    let answer = site.call("", "GET", "/api/v1/openapi.json", None);
    fs::write(&file, &answer.body).unwrap();
    content(program("openapi/bin/openapi-spec-validator").arg(&file));

    // What stands in the braces of addresses is there, so that the answers are real ones.
    let settings = home.join("schemathesis.toml");
    let mark = made["mark"].as_str().unwrap();
    let text = format!(
        "[parameters]\n\"path.delivery\" = 1\n\"path.photo\" = \"a1\"\n\"path.run\" = {}\n\
         \"path.destination\" = \"archive\"\n\"path.session\" = \"{mark}\"\n",
        run["id"]
    );
    fs::write(&settings, text).unwrap();
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,\
                  response_headers_conformance,response_schema_conformance,ignored_auth,\
                  negative_data_rejection,unsupported_method,allow_header_conformance";
    let judged = |args: &[&str]| {
        content(
            program("openapi/bin/schemathesis")
                .current_dir(home)
                .arg("--config-file")
                .arg(&settings)
                .args(["run", "--url", &format!("{}/api/v1", site.daemon.console_url())])
                .args(["--checks", checks, "--seed", "1", "--generation-database", "none"])
                .args(["--header", &format!("Authorization: Bearer {ADMIN}")])
                .args(args)
                .arg(&file),
        )
    };
    let all = ["--phases", "examples,coverage,fuzzing", "--max-examples", "8"];
    let said = judged(&[&all[..], &["--exclude-path", "/doctor"]].concat());
    assert!(said.contains("Tested: 23"), "{said}");
    // Which asks Apertur each time: once is enough.
    let once = ["--phases", "fuzzing", "--max-examples", "1", "--include-path", "/doctor"];
    let said = judged(&once);
    assert!(said.contains("Tested: 1"), "{said}");
    let log = site.daemon.log();
    assert!(!log.contains("panicked"), "{log}");
    drop(look::eventually(Duration::from_secs(30), "the daemon is well", || {
        Some(site.get("/status")).filter(|status| status["journal"]["ok"] == true)
    }));
}
