//! `alert test`.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use super::{eventually, said};
use crate::daemon::binary;

/// Whether a process runs.
fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_test_that_is_interrupted_leaves_no_program_running() {
    let home = tempfile::tempdir().unwrap();
    let (config, file) = (home.path().join("config.toml"), home.path().join("pid"));
    let script = format!("echo $$ > {}; exec sleep 1000", file.display());
    let text = format!(
        "data_dir = \"data\"\n[webhook]\nsecrets = [\"00112233445566778899aabbccddeeff\"]\n\
         [destination.archive]\ntype = \"folder\"\npath = \"photos\"\n\
         [alert]\ncommand = [\"/bin/sh\", \"-c\", \"{script}\"]\n"
    );
    fs::write(&config, text).unwrap();
    let child = binary(&config)
        .args(["alert", "test"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = || fs::read_to_string(&file).unwrap_or_default();
    eventually("the program runs", || pid().ends_with('\n'));
    let ours = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &ours]).status().unwrap().success());
    let said = said(child.wait_with_output().unwrap());
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{}", said.err);
    assert!(said.err.contains("stopped before its end"), "{}", said.err);
    eventually("the program is gone", || !runs(pid().trim()));
}
