//! `check --explain`: the door's reading and the plan, told before anything comes.

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    process::{Command, Stdio},
};

use apertur_bridge::{
    journal::{self, Settings},
    model::{Environment, Mode, OwnSession, SessionId},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Said, said};
use crate::{
    daemon::{Daemon, Options, binary},
    fakes::apertur::{Customer, Photo, Request, post},
    look,
};

const DESTINATIONS: &str = "\
[destination.erp]\ntype = \"odoo\"\nurl = \"https://erp.example.com\"\ndatabase = \"prod\"\n\
username = \"b@example.com\"\napi_key = \"secret-key\"\n\
[destination.desk]\ntype = \"zendesk\"\ndomain = \"acme\"\nclient_id = \"c\"\n\
client_secret = \"secret-key\"\nmax_attachment = \"1MiB\"\n\
[destination.archive]\ntype = \"s3\"\nbucket = \"photos\"\naccess_key_id = \"a\"\n\
secret_access_key = \"secret-key\"\nkey_template = \"{target}/{stem}.{ext}\"\n\
[destination.partner]\ntype = \"webhook\"\nurl = \"https://partner.example.com/hook\"\n\
secret = \"secret-key\"\n";

/// Gives a command its standard input.
fn fed(mut command: Command, body: &[u8]) -> Said {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that ends early reads nothing.
    drop(child.stdin.take().unwrap().write_all(body));
    said(child.wait_with_output().unwrap())
}

/// Explains a body with a configuration that no daemon runs on.
fn explained(toml: &str, body: &[u8], more: &[&str]) -> Said {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    fs::write(&file, Options::toml(toml).whole()).unwrap();
    let mut command = binary(&file);
    command.current_dir(home.path()).args(["check", "--explain", "-"]).args(more);
    let said = fed(command, body);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "something was written");
    assert!(!format!("{}{}", said.out, said.err).contains("secret-key"));
    said
}

/// The same beside a daemon, as it would take this request.
fn asked(daemon: &Daemon, request: &Request) -> Value {
    let mut command = daemon.prepare(&["check", "--json", "--explain", "-"]);
    for (name, value) in &request.headers {
        command.arg("--header").arg(format!("{name}: {}", String::from_utf8_lossy(value)));
    }
    let said = fed(command, &request.body);
    assert_eq!(said.code, 0, "{}", said.err);
    said.json()
}

#[test]
fn an_example_is_told_as_the_door_takes_it_in_every_shape() {
    let daemon = Daemon::start(Options::toml(
        "[destination.archive]\ntype = \"folder\"\npath = \"photos\"\n\
         key_template = \"{target}/{tag:vip}/{filename}\"\n\
         [destination.vip]\ntype = \"folder\"\npath = \"vip\"\n\
         [[route]]\nwhen = { tag = \"vip:*\" }\nto = [\"vip\", \"archive\"]\n\
         [[route]]\nwhen = { target = \"odoo:*\", topic = \"image.*\" }\nto = [\"archive\"]\n",
    ));
    let photo = |id: &str| Photo::new(id).odoo("res.partner", 42, "public").tag("odoo:x.y:1");
    let large = Photo::of_size("img_large", 200_000).tag("vip:gold").tag("zendesk:9");
    let camel = json!({"type": "image.uploaded", "data": {
        "recordId": 7, "sessionId": 12, "filename": "..\\a\u{1b}[2J.jpg", "sizeBytes": 3,
        "mimeType": "image/png", "metadata": {"ticketId": 9, "mode": "everybody"},
    }});
    for request in [
        photo("img_event").event("image.delivered", None),
        photo("img_project").project_event("project.upload.image.uploaded", None),
        Request::json(&camel),
        photo("img_inline").json_base64(),
        large.json_base64(),
        Photo::new("img_form").tag("vip:1").multipart(),
        Photo::new("img_bare").binary(),
    ] {
        let before = look::spooled(&daemon);
        let mut told = asked(&daemon, &request);
        assert_eq!((look::spooled(&daemon), &told["known"]), (before, &json!(false)));
        let answer = post(daemon.url(), &request.clone().signed()).unwrap();
        assert_eq!(answer.told(), (200, "accepted".to_owned()));
        let id = told["photo"]["id"].as_str().unwrap().to_owned();
        let inside = told["bytes"] == "inside";
        let story = look::eventually(super::PATIENCE, "it is delivered or waits", || {
            let story = look::story(&daemon, &id);
            let all = story["deliveries"].as_array().unwrap();
            let is_done =
                |one: &Value| !inside || one["state"] != "due" && one["state"] != "sending";
            all.iter().all(is_done).then_some(story)
        });
        told["photo"]["received_at"] = story["photo"]["received_at"].clone();
        assert_eq!(told["photo"], story["photo"]);
        let made = story["deliveries"].as_array().unwrap().iter();
        let made = made.map(|one| (one["destination"].clone(), one["receipt"]["ids"].clone()));
        let mut made: Vec<_> = made.collect();
        made.sort_by_key(|(name, _)| name.to_string());
        let ways = told["destinations"].as_array().unwrap().iter();
        let ways = ways.filter(|way| way["reached"] == true);
        let way = |way: &Value| {
            let ids = if inside { way["receipt"]["ids"].clone() } else { Value::Null };
            (way["name"].clone(), ids)
        };
        let mut expected: Vec<_> = ways.map(way).collect();
        if !told["held"].is_null() {
            expected.push((Value::Null, Value::Null));
        }
        expected.sort_by_key(|(name, _)| name.to_string());
        assert_eq!(made, expected, "{told:#}");
        assert_eq!(asked(&daemon, &request)["known"], true);
    }
}

#[test]
fn an_envelope_is_told_as_it_is_opened_or_stays_shut() {
    let customer = Customer::new();
    let key = format!("[apertur]\ne2e_private_keys = ['''{}''']\n", customer.private_key());
    for (lines, state) in [(String::new(), "held"), (key, "delivered")] {
        let folder = "[destination.archive]\ntype = \"folder\"\npath = \"photos\"\n";
        let daemon = Daemon::start(Options::toml(format!("{folder}{lines}")));
        let plain = Photo::new("img_1");
        let request = customer.seal(&plain).json_base64();
        let before = look::spooled(&daemon);
        let mut told = asked(&daemon, &request);
        assert_eq!((look::spooled(&daemon), &told["bytes"]), (before, &json!("sealed")));
        let answer = post(daemon.url(), &request.signed()).unwrap();
        assert_eq!(answer.told(), (200, "accepted".to_owned()));
        let [delivery] = &look::settled(&daemon, &[state])[..] else { panic!() };
        told["photo"]["received_at"] = delivery["photo"]["received_at"].clone();
        assert_eq!(told["photo"], delivery["photo"]);
        let way = &told["destinations"][0];
        assert_eq!(way["refused"], delivery["cause"]);
        assert_eq!(way["receipt"]["ids"], delivery["receipt"]["ids"]);
        assert_eq!(told["photo"]["sha256"] == plain.sha256(), state == "delivered");
    }
}

#[test]
fn each_destination_says_what_the_photo_would_be_there_or_why_it_gets_none() {
    let event =
        Photo::new("img_1").odoo("res.partner", 42, "contact").event("image.delivered", None);
    let said = explained(DESTINATIONS, &event.body, &[]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(
        said.out,
        "photo      img_1\n\
         request    event image.delivered\n\
         session    session~0b90baca\n\
         picture    img_1.jpg, image/jpeg, 1500 bytes, to be fetched by its id, type and size as \
         they say\n\
         target     odoo:res.partner:42, named by metadata\n\
         mode       contact\n\
         \n\
         routes     none: types and the photo's target decide\n\
         \n\
         delivery   to erp (odoo, https://erp.example.com): without routes odoo:res.partner:42 \
         goes to odoo\n           \
         record res.partner 42, name img_1.jpg, mode contact\n\
         delivery   to archive (s3, s3://photos (us-east-1)): without routes every photo goes to \
         s3\n           \
         key odoo_res.partner_42/img_1.jpg\n           \
         s3://photos/odoo_res.partner_42/img_1.jpg\n\
         delivery   to partner (webhook, https://partner.example.com/hook): without routes every \
         photo goes to webhook\n           \
         delivery dlv_a296b6c9b28e0ea5cbf79db72a2cb872, image_id img_1, format json_base64\n\
         not to     desk (zendesk): odoo:res.partner:42 is nothing of zendesk\n"
    );
    let ticket = json!({"topic": "image.uploaded", "data": {"id": 7, "tags": ["zendesk:9"]}});
    let said = explained(DESTINATIONS, ticket.to_string().as_bytes(), &[]);
    for part in [
        "picture    without a name, type unknown, size unknown, to be fetched by its id, ",
        "target     zendesk:9, named by a tag\nmode       that of the destination\n",
        "remark     its type is read from its bytes once they are here; `bin` stands for it\n",
        ": without routes zendesk:9 goes to zendesk\n           ticket 9, name apertur-7.bin, \
         mode internal\n           https://acme.zendesk.com/agent/tickets/9\n",
        "not to     erp (odoo): zendesk:9 is nothing of odoo\n",
    ] {
        assert!(said.out.contains(part), "{part}\n{}", said.out);
    }
}

#[test]
fn each_route_says_which_of_its_conditions_are_met() {
    let routes = format!(
        "{DESTINATIONS}\
         [[route]]\nwhen = {{ tag = \"vip:*\", topic = \"image.*\" }}\nto = [\"erp\", \"archive\"]\n\
         [[route]]\nwhen = {{ target = \"zendesk:*\", session = \"5e551011*\" }}\nto = [\"desk\"]\n\
         [[route]]\nwhen = {{ target = \"odoo:*\" }}\nto = [\"partner\"]\n\
         [[route]]\nto = [\"desk\"]\n"
    );
    let event = Photo::new("img_1").tag("vip:gold").event("image.delivered", None);
    let said = explained(&routes, &event.body, &[]);
    let (_, told) = said.out.split_once("target     ").unwrap();
    assert_eq!(
        told,
        "none\n\
         mode       that of the destination\n\
         \n\
         route 1    matches (tag \"vip:*\", topic \"image.*\"): to erp, archive\n\
         route 2    does not match: the pattern of session, but not target \"zendesk:*\"\n\
         route 3    does not match: not target \"odoo:*\"\n\
         route 4    matches every photo: to desk\n\
         \n\
         delivery   to erp (odoo, https://erp.example.com): route 1 matches\n\
         held       the photo names no Odoo record\n\
         what to do set the target (odoo:<model>:<id>) on the session or its tag, or send such \
         photos elsewhere with a route\n\
         delivery   to desk (zendesk, https://acme.zendesk.com): route 4 matches\n\
         held       the photo names no Zendesk ticket\n\
         what to do set the target (zendesk:<ticket>) on the session or its tag, or send such \
         photos elsewhere with a route\n\
         delivery   to archive (s3, s3://photos (us-east-1)): route 1 matches\n           \
         key none/img_1.jpg\n           \
         s3://photos/none/img_1.jpg\n\
         not to     partner (webhook): no route that matches names it\n"
    );
    let json = explained(&routes, &event.body, &["--json"]).json();
    assert_eq!(json["routes"][1]["matches"], false);
    let condition = json!({"key": "session", "pattern": null, "met": true});
    assert_eq!(json["routes"][1]["conditions"][1], condition);
    assert_eq!(json["destinations"][0]["refused"]["kind"], "unrouted");
}

#[test]
fn a_photo_that_would_be_held_says_why_and_what_to_do() {
    let erp = DESTINATIONS.split("[destination.archive]").next().unwrap();
    let explain = |data: Value| {
        let event = json!({"topic": "image.uploaded", "data": data}).to_string();
        let said = explained(erp, event.as_bytes(), &[]);
        assert_eq!(said.code, 0, "{}", said.err);
        said.out
    };
    for (data, part) in [
        (
            json!({"id": 7}),
            "held       no destination wants this photo\nwhat to do add a destination",
        ),
        (
            json!({"id": 7, "tags": ["odoo:res.users:1"]}),
            "held       photos may not go to res.users\nwhat to do if they should, add \
             \"res.users\" to `destination.erp.models`\n",
        ),
        (
            json!({"id": 7, "tags": ["zendesk:9"], "size_bytes": 2_000_000}),
            "held       the photo has 2000000 bytes, the destination takes at most 1048576\n\
             what to do raise `destination.desk.max_attachment` if the other side takes more, ",
        ),
        (
            json!({"id": 7, "metadata": {"zendesk": {"ticket_id": 9, "mode": "all"}}}),
            "remark     the mode \"all\" is none that is known, so the photo is kept internal\n",
        ),
    ] {
        let told = explain(data);
        assert!(told.contains(part), "{part}\n{told}");
    }
    let desks =
        format!("{erp}[destination.it]\ntype = \"freshdesk\"\ndomain = \"a\"\napi_key = \"k\"\n");
    let event = json!({"topic": "image.uploaded", "data": {"id": 7, "metadata": {"ticketId": 9}}});
    let told = explained(&desks, event.to_string().as_bytes(), &[]).out;
    for part in [
        "not to     it (freshdesk): nobody knows which help desk has that ticket\n",
        "held       the photo names ticket 9 but not which help desk it is in\n",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
}

#[test]
fn what_the_door_would_not_take_is_an_error_with_what_to_do() {
    let many = vec![b' '; 2_000_000];
    let cases: [(&[u8], &[&str], &str); 9] = [
        (b"", &[], "`malformed`: the body is not a JSON object of a known shape (EOF while"),
        (b"{\"topic\": }", &[], "(expected value at line 1 column 11); give the body"),
        (b"[]", &[], "`malformed`: the body is not a JSON object of a known shape; give"),
        (b"{\"a\": 1}", &[], "`malformed`: there is neither a topic nor a picture in `data`"),
        (b"\xff\xd8\xff", &[], "where it is no JSON its form with --header 'Content-Type: ...'"),
        (b"no picture", &["--header", "Content-Type: image/jpeg"], "do not begin a picture"),
        (b"{}", &["--header", "Content-Type: text/html"], "`unsupported`: send application/json"),
        (b"{\"topic\": \"a\\u001b.b\"}", &[], "the topic \"a.b\" carries no photo"),
        (&many, &[], "`too_large`: it has 2000000 bytes, server.max_body is 1048576"),
    ];
    let toml = "[server]\nlisten = \"127.0.0.1:0\"\nmax_body = \"1MiB\"\n";
    for (body, more, part) in cases {
        let said = explained(toml, body, more);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{part}");
        assert!(said.err.contains(part), "{part}\n{}", said.err);
    }
    let contradiction = ["--header", "X-Apertur-Session-Id: a", "--header", "X-Aptr-Session-Id: b"];
    let said = explained(toml, b"{}", &contradiction);
    assert!(said.err.contains("spellings of a header contradict each other"), "{}", said.err);
    assert_eq!(explained(toml, b"{}", &["--connect"]).code, 2);
    assert_eq!(explained(toml, b"{}", &["--header", "nonsense"]).code, 2);
}

#[test]
fn a_file_that_cannot_be_read_and_a_wrong_configuration_are_told_apart() {
    let home = tempfile::tempdir().unwrap();
    let (good, bad) = (home.path().join("good.toml"), home.path().join("bad.toml"));
    fs::write(&good, Options::default().whole()).unwrap();
    fs::write(&bad, "[webhook]\n").unwrap();
    let run = |config, file: &str| {
        said(binary(config).args(["check", "--explain", file]).output().unwrap())
    };
    for (file, part) in [("/nowhere.json", "No such file"), ("/", "Is a directory")] {
        let said = run(&good, file);
        assert_eq!(said.code, 1);
        assert!(said.err.contains(&format!("cannot read {file}: {part}")), "{}", said.err);
    }
    assert_eq!(run(&bad, "/nowhere.json").code, 78);
    let alone = binary(&good).args(["check", "--json"]).output().unwrap();
    assert_eq!(said(alone).code, 2);
}

#[test]
fn nobody_is_called_and_hostile_names_steer_no_terminal() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let at = listener.local_addr().unwrap();
    let toml = format!(
        "[destination.erp]\ntype = \"odoo\"\nurl = \"http://{at}\"\ndatabase = \"prod\"\n\
         username = \"b@example.com\"\napi_key = \"secret-key\"\n"
    );
    let event = json!({"topic": "image.uploaded", "data": {
        "id": "img_1", "download_url": format!("http://{at}/photo"),
        "filename": "\u{1b}[2J\u{202e}../../gpj.exe", "tags": ["odoo:res.partner:1", "\u{1b}]0;x\u{7}"],
        "metadata": {"odoo": {"mode": "\u{1b}[31m"}},
    }});
    let said = explained(&toml, event.to_string().as_bytes(), &[]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(!said.out.contains(|c: char| c.is_control() && c != '\n'), "{:?}", said.out);
    assert!(!said.out.contains('\u{202e}') && said.out.contains("name [2J"), "{:?}", said.out);
    let called = listener.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(called, Err(std::io::ErrorKind::WouldBlock));
}

#[tokio::test]
async fn a_session_that_was_made_here_names_the_record() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    fs::write(&file, Options::toml(format!("data_dir = \"data\"\n{DESTINATIONS}")).whole())
        .unwrap();
    fs::create_dir(home.path().join("data")).unwrap();
    let settings = Settings::Sqlite { path: home.path().join("data/journal.db") };
    let journal = journal::open(&settings).await.unwrap();
    let photo = Photo::new("img_1").odoo("res.partner", 42, "contact");
    let kept = OwnSession {
        session: SessionId::parse(&photo.session).unwrap(),
        target: "zendesk:9".parse().unwrap(),
        destination: None,
        mode: Some(Mode::Public),
        label: None,
        link: None,
        environment: Environment::Live,
        long_polling: false,
        tags: Vec::new(),
        created_at: Timestamp::now(),
        expires_at: Timestamp::now(),
        closed_at: None,
    };
    journal.keep_session(kept).await.unwrap();
    journal.close().await;
    let mut command = binary(&file);
    command.args(["check", "--explain", "-"]).current_dir(home.path());
    let said = fed(command, &photo.event("image.delivered", None).body);
    let part =
        "target     zendesk:9, named by the session, which was made here\nmode       agent\n";
    assert!(said.out.contains(part), "{}{}", said.out, said.err);
    // In a header that nobody signed it does so only where nothing that is signed says otherwise.
    let explain = |photo: &Photo| {
        let request = photo.multipart();
        let mut command = binary(&file);
        command.args(["check", "--explain", "-"]).current_dir(home.path());
        for (name, value) in &request.headers {
            command.arg("--header").arg(format!("{name}: {}", String::from_utf8_lossy(value)));
        }
        fed(command, &request.body).out
    };
    let told = explain(&Photo::new("img_1").tag("odoo:res.partner:42"));
    for part in [
        "target     odoo:res.partner:42, named by a tag\nmode       that of the destination\n",
        "not to     erp (odoo): it is held until a person has looked\n",
        "held       what is signed names odoo:res.partner:42, and a header that nobody signed names",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    let told = explain(&Photo::new("img_1").tag("zendesk:9"));
    assert!(told.contains("named by the session, which was made here"), "{told}");
}

#[test]
fn a_tag_that_names_no_record_is_told_though_storage_takes_the_photo() {
    let daemon = Daemon::start(Options::default());
    let photo = Photo::new("img_1").tag("odoo:res.partner:x");
    let part = "the tag \"odoo:res.partner:x\" names no record";
    let told = asked(&daemon, &photo.json_base64());
    assert!(told["remarks"].to_string().contains(&part.replace('"', "\\\"")), "{told:#}");
    assert!(told["held"].is_null(), "{told:#}");
    let answer = post(daemon.url(), &photo.json_base64().signed()).unwrap();
    assert_eq!(answer.told(), (200, "accepted".to_owned()));
    daemon.wait_for_log(&part.replace('"', "\\\""));
    let shown = said(daemon.command(&["deliveries", "show", "img_1"]));
    for part in [part, "what to do write odoo:<model>:<id>"] {
        assert!(shown.out.contains(part), "{}", shown.out);
    }
}
