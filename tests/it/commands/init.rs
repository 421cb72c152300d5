//! `init` as a new user meets it: questions over a pipe, wrong answers and right ones, options
//! alone; what is written is checked, served and delivered to.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::{Said, said};
use crate::{
    daemon::{Daemon, binary},
    fakes::{
        apertur::{FakeApertur, PROJECT},
        freshworks::{self, FakeFreshworks, Product},
        odoo::FakeOdoo,
    },
    look::files,
};

/// A folder in which somebody runs `init`.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn config(&self) -> PathBuf {
        self.path("bridge/config.toml")
    }

    fn keep(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Runs `init` with these options and answers.
    fn init(&self, args: &[&str], answers: &[&str]) -> Said {
        self.init_with("", args, answers)
    }

    /// The same, with programs of a folder of this home before all others.
    fn init_with(&self, programs: &str, args: &[&str], answers: &[&str]) -> Said {
        let path = std::env::var("PATH").unwrap();
        let mut child = binary(&self.config())
            .arg("init")
            .args(args)
            .env("PATH", format!("{}:{path}", self.path(programs).display()))
            .current_dir(self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let answers: String = answers.iter().map(|answer| format!("{answer}\n")).collect();
        // Who ends before that reads no more.
        drop(child.stdin.take().unwrap().write_all(answers.as_bytes()));
        said(child.wait_with_output().unwrap())
    }

    fn run(&self, args: &[&str]) -> Said {
        said(binary(&self.config()).args(args).output().unwrap())
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path("bridge").join(name)).unwrap()
    }

    /// Names and modes of all that was written, without what a daemon makes.
    fn written(&self) -> Vec<(String, u32)> {
        let bridge = self.path("bridge");
        let all = files(&bridge).into_iter().filter(|file| !file.starts_with(bridge.join("data")));
        let named = all.map(|file| {
            let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
            (file.file_name().unwrap().to_str().unwrap().to_owned(), mode)
        });
        named.collect()
    }
}

/// What is in force in a configuration.
fn in_force(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '['])).collect()
}

const LISTEN: [&str; 4] = ["--listen", "127.0.0.1:0", "--set", "console.listen=127.0.0.1:0"];

#[test]
fn wrong_answers_are_asked_again_and_the_right_ones_serve_a_photo() {
    let (desk, apertur) = (Desk::new(), FakeApertur::start());
    let api = format!("apertur.base_url={}", apertur.api_url());
    let mut options = vec!["--set", &api];
    options.extend(LISTEN);
    let key = FakeApertur::secrets()[0];
    let done = desk.init(
        &options,
        &[
            "/proc/version/x", // no data_dir can be made there
            "",
            "photos.example.com", // no address
            "https://127.0.0.1:1",
            "aptr_test_wrong",
            key,
            "another", // a project of somebody else
            PROJECT,
            "n",     // the event webhook is made by hand
            "short", // no signing secret
            "0123456789abcdef",
            "foldr", // no type
            "folder",
            "/proc/version/photos", // cannot be made
            "y",
            "photos",
            "n", // no other destination
            "tiny",
            "$a long enough password", // no hash
        ],
    );
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    for said in [
        "/proc/version is no folder",
        "is not an http or https URL",
        "warning: no connection to the public address",
        "Apertur refuses the API key",
        "the sandbox accepts the key",
        "Apertur does not let this API key do it",
        "fewer than 16 characters",
        "\"foldr\" is no type",
        "error: folder: ",
        "has fewer than 8 characters",
    ] {
        assert!(done.err.contains(said), "{said}: {}", done.err);
    }
    for secret in [key, "0123456789abcdef", "a long enough password"] {
        assert!(!format!("{}{}", done.out, done.err).contains(secret));
    }
    assert!(done.out.contains("address  https://127.0.0.1:1/apertur/webhook"), "{}", done.out);
    assert!(done.out.contains("config.toml serve") && done.out.contains("config.toml doctor"));
    assert!(desk.text("console-password").starts_with("$argon2id$"));
    let names = ["apertur-api-key", "config.toml", "console-password", "webhook-secret"];
    assert_eq!(desk.written(), names.map(|name| (name.to_owned(), 0o600)));
    assert_eq!(fs::metadata(desk.path("bridge")).unwrap().permissions().mode() & 0o777, 0o700);
    let text = desk.text("config.toml");
    assert!(text.contains("# the path Apertur posts to\n#webhook_path"), "{text}");
    let set = in_force(&text);
    assert!(set.contains(&"secrets = [{ file = \"webhook-secret\" }]"), "{set:?}");
    assert!(set.contains(&"path = \"photos\"") && set.len() == 11, "{set:?}");

    let checked = desk.run(&["check", "--connect"]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    let Desk(home) = desk;
    fs::rename(home.path().join("bridge"), home.path().join("moved")).unwrap();
    let served = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(home.path().join("moved")).unwrap() {
        let entry = entry.unwrap();
        fs::rename(entry.path(), served.path().join(entry.file_name())).unwrap();
    }
    let daemon = Daemon::start_in(served, Vec::new());
    super::delivered(&daemon, "from-init");
    assert_eq!(files(&daemon.dir().join("photos")).len(), 1);
}

#[test]
fn options_alone_make_a_configuration_for_odoo() {
    let (desk, odoo) = (Desk::new(), FakeOdoo::start(18));
    let key = desk.keep("odoo-key", "odoo-key\n");
    let url = format!("destination.erp.url={}", odoo.url());
    let secret = format!("destination.erp.api_key={key}");
    let mut options = vec![
        "--non-interactive",
        "--public-url",
        "https://127.0.0.1:1",
        "--destination",
        "odoo",
        "--set",
        &url,
        "--set",
        "destination.erp.database=prod",
        "--set",
        "destination.erp.username=bot@example.com",
        "--secret",
        &secret,
    ];
    options.extend(LISTEN);
    let wrong = desk.keep("wrong-key", "wrong\n");
    let wrong = format!("destination.erp.api_key={wrong}");
    let mut bad = options.clone();
    bad.extend(["--secret", &wrong]);
    let refused = desk.init(&bad, &[]);
    assert_eq!(refused.code, 69, "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("error: log in: "), "{}", refused.err);
    assert_eq!(desk.written(), []);

    let done = desk.init(&options, &[]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let secret = desk.text("webhook-secret");
    assert!(done.out.contains(&format!("secret   {secret}")), "{}", done.out);
    assert_eq!(secret.trim().len(), 64);
    let (_, made) = done.out.split_once("shown this once: ").unwrap();
    assert_eq!(made.lines().next().unwrap().len(), 64);
    assert!(desk.text("console-password").starts_with("$argon2id$"));
    assert_eq!(desk.text("odoo-api-key"), "odoo-key\n");
    assert_eq!(desk.run(&["check", "--connect"]).code, 0);

    let again = desk.init(&options, &[]);
    assert_eq!(again.code, 1);
    assert!(
        again.err.contains("is there already") && again.err.contains("--force"),
        "{}",
        again.err
    );
    options.push("--force");
    let forced = desk.init(&options, &[]);
    assert_eq!(forced.code, 0, "{}", forced.err);
    let kept: Vec<_> =
        desk.written().into_iter().filter(|(name, _)| name.contains(".bak-")).collect();
    assert_eq!(kept.len(), 4, "{kept:?}");
    assert!(kept.iter().all(|(_, mode)| *mode == 0o600), "{kept:?}");
    let old = kept.iter().find(|(name, _)| name.starts_with("webhook-secret")).unwrap();
    assert_eq!(desk.text(&old.0), secret);
    assert_ne!(desk.text("webhook-secret"), secret);
}

#[test]
fn apertur_makes_the_event_webhook_and_its_secret_is_the_one_that_is_kept() {
    let (desk, apertur) = (Desk::new(), FakeApertur::start());
    let desk_system = FakeFreshworks::start(Product::Freshdesk);
    let api = format!("apertur.base_url={}", apertur.api_url());
    let key = desk.keep("apertur-key", FakeApertur::secrets()[0]);
    let base = format!("destination.desk.base_url={}", desk_system.url());
    let desk_key = desk.keep("desk-key", freshworks::KEY);
    let desk_key = format!("destination.desk.api_key={desk_key}");
    let mut options = vec![
        "--non-interactive",
        "--public-url",
        "https://photos.example.com",
        "--set",
        &api,
        "--apertur-key-file",
        &key,
        "--project",
        PROJECT,
        "--create-webhook",
        "--destination",
        "freshdesk",
        "--set",
        &base,
        "--secret",
        &desk_key,
        "--destination",
        "folder:copy",
        "--set",
        "destination.copy.path=copies",
    ];
    options.extend(LISTEN);
    // What cannot be written in the end is not made there in the first place.
    fs::create_dir(desk.path("bridge")).unwrap();
    for name in ["webhook-secret", "freshdesk-api-key"] {
        desk.keep(&format!("bridge/{name}"), "precious");
        let kept = desk.init(&options, &[]);
        assert_eq!(kept.code, 1, "{}{}", kept.out, kept.err);
        assert!(
            kept.err.contains(&format!("{name} is there already; nothing was")),
            "{}",
            kept.err
        );
        fs::remove_file(desk.path("bridge").join(name)).unwrap();
    }
    fs::remove_dir(desk.path("bridge")).unwrap();
    let aside = desk.keep("aside", "a file in place of a folder") + "/secrets.conf";
    let aside = [&options[..], &["--credentials", "--drop-in", &aside]].concat();
    let refused = desk.init(&aside, &[]);
    assert_eq!(refused.code, 1, "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("; nothing was written: Not a directory"), "{}", refused.err);
    assert_eq!(apertur.with(|api| api.sessions.hooks.len()), 0);

    let done = desk.init(&options, &[]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    apertur.with(|api| {
        let [hook] = &api.sessions.hooks[..] else { panic!("{:?}", api.sessions.hooks) };
        assert_eq!(hook.url, "https://photos.example.com/apertur/webhook");
    });
    assert_eq!(desk.text("webhook-secret").trim(), crate::fakes::apertur::SECRET);
    assert!(!done.out.contains("enter in Apertur"), "{}", done.out);
    assert_eq!(desk.text("freshdesk-api-key").trim(), freshworks::KEY);
    // A second run finds it there and makes no other.
    options.push("--force");
    assert_eq!(desk.init(&options, &[]).code, 0);
    assert_eq!(apertur.with(|api| api.sessions.hooks.len()), 1);

    // Nobody can tell before that this name is too long.
    apertur.with(|api| api.sessions.hooks.clear());
    let long = desk.path(&"x".repeat(300));
    options.extend(["--credentials", "--drop-in", long.to_str().unwrap()]);
    let left = desk.init(&options, &[]);
    assert_eq!(left.code, 1, "{}{}", left.out, left.err);
    let said = format!("remove it in Apertur's dashboard at the webhooks of project {PROJECT}");
    assert!(left.err.contains(&said), "{}", left.err);
    assert_eq!(apertur.with(|api| api.sessions.hooks.len()), 1);
}

#[test]
fn who_has_no_key_after_all_is_asked_for_the_public_address_again() {
    let desk = Desk::new();
    let mut options = vec!["--destination", "folder"];
    options.extend(LISTEN);
    let answers = ["", "", "", "https://127.0.0.1:1", "", "", "", ""];
    let done = desk.init(&options, &answers);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert!(done.err.contains("or give the public address\n"), "{}", done.err);
    assert_eq!(done.err.matches("https address at which").count(), 2, "{}", done.err);
    let text = desk.text("config.toml");
    assert!(in_force(&text).contains(&"public_url = \"https://127.0.0.1:1\""), "{text}");
    // Who wants to ask for photos and nothing else needs a key.
    let asked = Desk::new().init(&[&options[..], &["--poll"]].concat(), &["", "", ""]);
    assert_eq!(asked.code, 1, "{}", asked.err);
    assert!(asked.err.contains("standard input ended"), "{}", asked.err);
}

#[test]
fn who_stops_or_errs_leaves_nothing_behind() {
    let desk = Desk::new();
    let ended = desk.init(&LISTEN, &["", "", ""]);
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("standard input ended"), "{}", ended.err);
    for (args, wanted) in [
        (&["--non-interactive"][..], "photos can be asked for with a key alone"),
        (&["--non-interactive", "--public-url", "x"], "--public-url: "),
        (&["--destination", "pigeon"], "\"pigeon\" is no type"),
        (&["--destination", "folder", "--destination", "folder"], "already; write folder:"),
        (&["--set", "server.lisen=x"], "did you mean server.listen?"),
        (&["--set", "server.listen=x"], "is no place to listen"),
        (&["--set", "apertur.api_key=x"], "is a secret; give it by a file"),
        (&["--secret", "apertur.api_key=/nowhere"], "/nowhere cannot be read"),
        (&["--create-webhook"], "--project"),
    ] {
        let refused = desk.init(args, &[]);
        assert_eq!(refused.code, 2, "{args:?}: {}", refused.err);
        assert!(refused.err.contains(wanted), "{args:?}: {}", refused.err);
    }
    assert_eq!(files(desk.0.path()), Vec::<PathBuf>::new());
    // A secret that is there already is nobody's to write over.
    fs::create_dir(desk.path("bridge")).unwrap();
    desk.keep("bridge/webhook-secret", "precious");
    let mut args = vec!["--non-interactive", "--offline", "--public-url", "https://127.0.0.1:1"];
    args.extend(["--destination", "folder"]);
    args.extend(LISTEN);
    let kept = desk.init(&args, &[]);
    assert_eq!(kept.code, 1, "{}", kept.err);
    assert!(kept.err.contains("webhook-secret is there already"), "{}", kept.err);
    assert_eq!(desk.written().len(), 1);
    assert_eq!(desk.text("webhook-secret"), "precious");
}

#[test]
fn ctrl_c_in_the_middle_leaves_nothing_behind() {
    let desk = Desk::new();
    let mut child = binary(&desk.config())
        .arg("init")
        .args(LISTEN)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = child.stdin.take().unwrap();
    answers.write_all(b"\nhttps://127.0.0.1:1\n\n\n").unwrap();
    let mut said = String::new();
    let mut err = child.stderr.take().unwrap();
    while !said.contains("Where photos go") {
        let mut some = [0; 1024];
        let count = err.read(&mut some).unwrap();
        assert!(count > 0, "{said}");
        said.push_str(&String::from_utf8_lossy(&some[..count]));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), None);
    assert_eq!(files(desk.0.path()), Vec::<PathBuf>::new());
}

#[test]
fn the_service_gets_credentials_and_what_the_unit_does_not_hand_over_is_in_a_drop_in() {
    let desk = Desk::new();
    let drop_in = desk.path("unit.d/secrets.conf");
    let mut args = vec!["--non-interactive", "--offline", "--credentials", "--drop-in"];
    args.push(drop_in.to_str().unwrap());
    args.extend(["--public-url", "https://127.0.0.1:1", "--destination", "folder"]);
    args.extend(["--set", "destination.archive.path=/srv/photos"]);
    args.extend(LISTEN);
    let done = desk.init(&args, &[]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let text = desk.text("config.toml");
    assert!(text.contains("\nsecrets = [{ credential = \"webhook-secret\" }]\n"), "{text}");
    assert!(!in_force(&text).iter().any(|line| line.starts_with("data_dir")), "{text}");
    let at = desk.path("bridge").display().to_string();
    assert_eq!(
        fs::read_to_string(&drop_in).unwrap(),
        format!(
            "# Made by: apertur-bridge init\n[Service]\n\
         LoadCredential=console-password:{at}/console-password\n\
         User=apertur-bridge\nDynamicUser=no\nReadWritePaths=/srv/photos\n"
        )
    );
    let modes: Vec<_> = desk.written();
    assert!(modes.contains(&("config.toml".to_owned(), 0o644)), "{modes:?}");
    assert!(modes.contains(&("webhook-secret".to_owned(), 0o600)), "{modes:?}");
    assert!(done.out.contains("systemctl enable --now apertur-bridge"), "{}", done.out);
    let hint = "  # /srv/photos must be there, and be writable for the user apertur-bridge\n";
    assert!(done.out.contains(hint) && !done.out.contains("install -d"), "{}", done.out);
    // Before the service runs, its credentials are the files beside the configuration.
    let checked = desk.run(&["check"]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
}

#[test]
fn a_service_that_runs_is_restarted_and_may_write_where_it_is_told_to() {
    let desk = Desk::new();
    let drop_in = desk.path("secrets.conf");
    let mut args = vec!["--non-interactive", "--offline", "--credentials", "--drop-in"];
    args.push(drop_in.to_str().unwrap());
    args.extend(["--public-url", "https://127.0.0.1:1", "--destination", "folder"]);
    let at = desk.path("in 100% \"quotes\"").display().to_string();
    let set = format!("destination.archive.path={at}");
    args.extend(["--data-dir", "/srv/photo data", "--set", &set]);
    args.extend(LISTEN);
    fs::create_dir(desk.path("programs")).unwrap();
    desk.keep("programs/systemctl", "#!/bin/sh\n[ \"$*\" = 'is-active --quiet apertur-bridge' ]\n");
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(desk.path("programs/systemctl"), mode).unwrap();
    let done = desk.init_with("programs", &args, &[]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let restart = "  sudo systemctl daemon-reload && sudo systemctl restart apertur-bridge\n";
    assert!(done.out.contains(restart) && !done.out.contains("enable --now"), "{}", done.out);
    let text = fs::read_to_string(&drop_in).unwrap();
    assert!(text.contains("\nReadWritePaths=\"/srv/photo data\"\n"), "{text}");
    let home = desk.0.path().display();
    let wanted = format!(r#"ReadWritePaths="{home}/in 100%% "'"'"quotes"'"'"""#);
    assert!(text.contains(&wanted), "{text}");
    let steps = done.out.split_once("what remains:\n").unwrap().1;
    let begin =
        "  sudo systemctl stop apertur-bridge\n  id apertur-bridge || sudo useradd --system ";
    assert!(steps.starts_with(begin), "{steps}");
    let make = "\n  sudo install -d -o apertur-bridge -g apertur-bridge -m 700 '/srv/photo data'\n";
    assert!(steps.find(make) < steps.find(restart) && steps.contains(make), "{steps}");
}

#[test]
fn the_service_keeps_its_data_where_it_sees_it_and_needs_no_more_for_a_folder_in_it() {
    let desk = Desk::new();
    let drop_in = desk.path("secrets.conf");
    let mut args = vec!["--non-interactive", "--offline", "--credentials", "--drop-in"];
    args.push(drop_in.to_str().unwrap());
    args.extend(["--public-url", "https://127.0.0.1:1", "--destination", "folder"]);
    args.extend(["--set", "destination.archive.path=/srv/bridge/photos"]);
    args.extend(LISTEN);
    let refused = desk.init(&[&args[..], &["--data-dir", "/home/ann/bridge"]].concat(), &[]);
    assert_eq!(refused.code, 2, "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("the service sees nothing of /home"), "{}", refused.err);
    let done = desk.init(&[&args[..], &["--data-dir", "/srv/bridge"]].concat(), &[]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let text = fs::read_to_string(&drop_in).unwrap();
    assert!(text.ends_with("\nReadWritePaths=/srv/bridge\n"), "{text}");
    assert!(!done.out.contains("/srv/bridge/photos"), "{}", done.out);
}

#[test]
fn every_type_says_what_it_needs() {
    for kind in apertur_bridge::model::Kind::ALL {
        let desk = Desk::new();
        let mut args =
            vec!["--non-interactive", "--offline", "--public-url", "https://127.0.0.1:1"];
        args.extend(["--destination", kind.as_str()]);
        args.extend(LISTEN);
        let said = desk.init(&args, &[]);
        let wanted = if kind.as_str() == "folder" { 0 } else { 2 };
        assert_eq!(said.code, wanted, "{kind}: {}", said.err);
        assert!(wanted == 0 || said.err.contains(" destination."), "{kind}: {}", said.err);
    }
}
