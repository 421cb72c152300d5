//! What the program prints about itself: completions, manual pages, the schema, its help.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use super::{Said, said};
use crate::daemon::{Options, binary};

fn prints(args: &[&str]) -> Said {
    let said = said(binary("/nowhere.toml".as_ref()).args(args).output().unwrap());
    assert_eq!(said.code, 0, "{args:?}: {}", said.err);
    said
}

/// What a program of this machine says to a text on its standard input.
fn piped(program: &str, args: &[&str], text: &str) -> Said {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    said(child.wait_with_output().unwrap())
}

#[test]
fn completions_are_scripts_that_the_shell_reads() {
    let script = prints(&["completions", "bash"]).out;
    let asked = format!(
        "{script}\nCOMP_WORDS=(apertur-bridge deliveries re); COMP_CWORD=2\n\
         _apertur__bridge apertur-bridge re deliveries; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let said = piped("bash", &["--norc"], &asked);
    assert!(said.out.lines().any(|word| word == "replay"), "{}{}", said.out, said.err);
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        let script = prints(&["completions", shell]).out;
        assert!(script.contains("deliveries") && script.contains("apertur-bridge"), "{shell}");
    }
}

/// Has groff read a page as `man -l --warnings` does.
fn groff(page: &str) -> Said {
    piped("groff", &["-man", "-Tutf8", "-ww", "-k", "-P-c"], page)
}

#[test]
fn every_manual_page_is_read_without_a_warning() {
    let home = tempfile::tempdir().unwrap();
    prints(&["man", "--to", home.path().to_str().unwrap()]);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(home.path()).unwrap() {
        let path = entry.unwrap().path();
        let said = groff(&std::fs::read_to_string(&path).unwrap());
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    for name in ["apertur-bridge.1", "apertur-bridge-deliveries-replay.1", "apertur-bridge-man.1"] {
        assert!(names.iter().any(|known| known == name), "{name} of {names:?}");
    }
    let main = groff(&prints(&["man"]).out).out;
    for word in ["NAME", "apertur-bridge - Apertur photos", "EXIT STATUS", "config.toml", "78"] {
        assert!(main.contains(word), "{word} is not in {main}");
    }
}

/// The path of every command below one, by the help texts alone.
fn commands(above: &[String], all: &mut Vec<Vec<String>>) {
    let mut args: Vec<&str> = above.iter().map(String::as_str).collect();
    args.push("--help");
    let help = prints(&args).out;
    all.push(above.to_vec());
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    for line in listed.filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let name = line.split_whitespace().next().unwrap();
        if name != "help" {
            let mut path = above.to_vec();
            path.push(name.to_owned());
            commands(&path, all);
        }
    }
}

#[test]
fn every_command_says_what_it_does_in_one_line_that_does_not_end_in_a_full_stop() {
    let mut all = Vec::new();
    commands(&[], &mut all);
    assert!(all.len() > 25, "{all:?}");
    for path in all.iter().filter(|path| !path.is_empty()) {
        let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
        args.push("-h");
        let help = prints(&args).out;
        let first = help.lines().next().unwrap();
        assert!(first.len() > 8 && !first.starts_with("Usage"), "{path:?}: {first}");
        assert!(!first.ends_with('.'), "{path:?}: {first}");
        let undescribed = help.lines().filter(|line| line.trim_start().starts_with("--"));
        for line in undescribed {
            let option = line.trim();
            let has_words = option.contains("  ") || option.ends_with('>');
            assert!(has_words, "{path:?}: {option}");
        }
    }
}

/// The first file is the schema; each other one is judged, and the last with every key that is
/// commented out in force.
const VALIDATE: &str = "\
import json, re, sys, tomllib, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
check = jsonschema.Draft202012Validator(schema)
texts = [open(name).read() for name in sys.argv[2:]]
texts.append(re.sub('(?m)^#(?! )', '', texts[-1]))
for text in texts:
    print('wrong' if list(check.iter_errors(tomllib.loads(text))) else 'right')
";

#[test]
fn the_schema_takes_what_the_configuration_takes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let home = tempfile::tempdir().unwrap();
    let schema = home.path().join("schema.json");
    std::fs::write(&schema, prints(&["config", "schema"]).out).unwrap();
    let fixture = |name: &&str| root.join("fixtures/config").join(name).with_extension("toml");
    let names = ["misspelt", "everything-wrong", "zendesk", "warnings", "plain-ftp"];
    let mut command = Command::new(root.join("target/servers/python/bin/python"));
    command.args(["-W", "ignore", "-c", VALIDATE]).arg(&schema);
    command.args(names.iter().map(fixture)).arg(root.join("config/example.toml"));
    let said = said(command.output().unwrap());
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let verdicts: Vec<_> = said.out.lines().collect();
    assert_eq!(verdicts, ["wrong", "wrong", "wrong", "right", "right", "right", "right"]);
}

#[test]
fn the_configuration_is_shown_as_it_runs_without_its_secrets() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    std::fs::write(&file, Options::toml("[retry]\nfirst_delay = \"7s\"\n").whole()).unwrap();
    let shown = |args: &[&str]| {
        let said = said(binary(&file).args(["config", "show"]).args(args).output().unwrap());
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(!said.out.contains(crate::daemon::SECRET), "{}", said.out);
        said
    };
    let text = shown(&[]).out;
    assert!(text.contains("max_delay = \"1h\"  # default\n"), "{text}");
    assert!(text.contains("first_delay = \"7s\"  # "), "{text}");
    let json = shown(&["--json"]).json();
    let keys = json.as_array().unwrap();
    let key = keys.iter().find(|key| key["name"] == "secrets").unwrap();
    assert_eq!((&key["table"], &key["value"]), (&"webhook".into(), &"[\"(hidden)\"]".into()));
}
