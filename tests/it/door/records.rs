//! Which record a photo is for, as metadata and tags say it.

use serde_json::{Value, json};

use super::{answer, door, post, told};
use crate::{
    daemon::Daemon,
    fakes::apertur::{Photo, Request, Scheme, Signer},
    look,
};

/// A Zendesk that nobody answers for, and a folder.
const DESK: &str = "[destination.support]\ntype = \"zendesk\"\ndomain = \"acme\"\n\
    base_url = \"http://127.0.0.1:1\"\nclient_id = \"c\"\nclient_secret = \"s\"\n\
    [destination.archive]\ntype = \"folder\"\npath = \"photos\"\n";

fn accept(daemon: &Daemon, request: &Request) {
    let answered = post(daemon, request);
    assert_eq!(answered.told(), answer(200, "accepted"), "{request:?}");
}

/// Target and mode of a photo whose event has this metadata and these tags.
fn read(daemon: &Daemon, id: &str, metadata: &Value, tags: &[&str]) -> (Value, Value) {
    let data = json!({"id": id, "metadata": metadata, "tags": tags});
    let event = json!({"topic": "image.delivered", "data": data});
    accept(daemon, &Request::json(&event).signed());
    let photo = &look::story(daemon, id)["photo"];
    (photo["target"].clone(), photo["mode"].clone())
}

#[test]
fn a_ticket_is_named_in_every_accepted_form() {
    let daemon = door(DESK);
    for (number, (metadata, tags, target, mode)) in [
        (json!({"zendesk": {"ticket_id": 9, "mode": "client"}}), "", "zendesk:9", "contact"),
        (json!({"zendesk": {"ticketId": "9", "deliveryMode": "agent"}}), "", "zendesk:9", "public"),
        (json!({"zendesk": {"id": "#9", "mode": "Internal"}}), "", "zendesk:9", "internal"),
        (
            json!({"freshservice": {"ticket_id": "INC-241", "workspace_id": 2}}),
            "",
            "freshservice:2:241",
            "",
        ),
        (
            json!({"freshservice": {"ticketId": "sr-241", "workspaceId": "x"}}),
            "",
            "freshservice:241",
            "",
        ),
        (json!({"freshdesk": {"id": 17}, "mode": "agent"}), "", "freshdesk:17", "public"),
        // Beside the systems: the only help desk that is configured.
        (json!({"ticket_id": 9, "mode": "client"}), "", "zendesk:9", "contact"),
        (
            json!({"ticketId": "9", "workspace_id": 4, "deliveryMode": "agent"}),
            "",
            "zendesk:9",
            "public",
        ),
        // The whole object as a text.
        (json!("{\"zendesk\": {\"ticket_id\": 9}}"), "", "zendesk:9", ""),
        (json!({}), "freshservice:2:241", "freshservice:2:241", ""),
        (json!({}), "freshservice:INC-241", "freshservice:241", ""),
        (json!({}), "freshdesk:17", "freshdesk:17", ""),
        (json!({"mode": "client"}), "zendesk:9", "zendesk:9", "contact"),
        // Metadata before tags, what is nested before what is flat.
        (json!({"zendesk": {"ticket_id": 9}, "ticket_id": 8}), "zendesk:7", "zendesk:9", ""),
        (
            json!({"zendesk": {"ticket_id": 9, "mode": "agent"}, "mode": "client"}),
            "",
            "zendesk:9",
            "public",
        ),
        (json!({"ticket_id": 8}), "zendesk:7", "zendesk:8", ""),
        // What is no ticket is not there; the next form counts.
        (json!({"zendesk": {"ticket_id": "9a", "id": 9}}), "", "zendesk:9", ""),
        (json!({"zendesk": {"ticket_id": -9}, "ticket_id": "../8"}), "zendesk:7", "zendesk:7", ""),
        (json!({"zendesk": 9, "ticket_id": 0}), "ticket:7", "", ""),
        // What one system's mode is says nothing about another's.
        (json!({"odoo": {"mode": "public"}, "zendesk": {"ticket_id": 9}}), "", "zendesk:9", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let tags: Vec<_> = Some(tags).into_iter().filter(|tag| !tag.is_empty()).collect();
        let word = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
        let read = read(&daemon, &format!("img_{number}"), &metadata, &tags);
        assert_eq!(read, (word(target), word(mode)), "{metadata} {tags:?}");
    }
}

#[test]
fn every_shape_that_can_carry_metadata_is_read() {
    let daemon = door(DESK);
    let named = |id: &str| Photo {
        metadata: json!({"zendesk": {"ticket_id": 9, "mode": "agent"}}),
        ..Photo::new(id)
    };
    let is_read = |photo: &Value| {
        assert_eq!((&photo["target"], &photo["mode"]), (&json!("zendesk:9"), &json!("public")));
    };
    accept(&daemon, &named("event").event("image.delivered", None).signed());
    is_read(&look::story(&daemon, "event")["photo"]);
    let project = named("project").project_event("project.upload.completed", None);
    accept(&daemon, &Signer::scheme(Scheme::Svix).sign(project));
    is_read(&look::story(&daemon, "project")["photo"]);
    accept(&daemon, &named("inline").json_base64().signed());
    is_read(&look::story(&daemon, "inline")["photo"]);
    // Over 64 KiB a body is read from the disk.
    let large = Photo { metadata: named("x").metadata, ..Photo::of_size("large", 200_000) };
    accept(&daemon, &large.json_base64().signed());
    is_read(&look::story(&daemon, "large")["photo"]);

    let field = format!("metadata:{}", named("x").metadata);
    accept(&daemon, &Photo::new("form").tag(&field).tag("a:b").multipart().signed());
    let form = look::deliveries(&daemon)[0]["photo"].clone();
    is_read(&form);
    assert_eq!(form["tags"], json!([{"key": "a", "value": "b"}]));
    // A field of that name that holds none is a tag like others.
    accept(&daemon, &Photo::new("f2").tag("metadata:x").tag("zendesk:8").multipart().signed());
    let form = look::deliveries(&daemon)[0]["photo"].clone();
    assert_eq!((&form["target"], &form["tags"][0]["value"]), (&json!("zendesk:8"), &json!("x")));
}

#[test]
fn a_mode_that_nobody_knows_is_internal_and_the_log_says_so() {
    let daemon = door(DESK);
    let metadata = json!({"zendesk": {"ticket_id": 9, "mode": "everybody\n"}});
    let photo = read(&daemon, "img_1", &metadata, &[]);
    assert_eq!(photo, (json!("zendesk:9"), json!("internal")));
    let line = daemon.wait_for_log("the mode \\\"everybody\\\" is none that is known");
    assert!(line.contains("img_1"), "{line}");
}

#[test]
fn a_ticket_of_no_known_help_desk_is_held_until_one_is_configured() {
    let mut daemon = door("");
    let photo = Photo { metadata: json!({"ticket_id": "INC-17"}), ..Photo::new("img_1") };
    accept(&daemon, &photo.json_base64().signed());
    daemon.wait_for_log("names ticket 17 but not which help desk it is in");
    let listed = look::deliveries(&daemon);
    let held = listed.iter().find(|delivery| delivery["state"] == "held").unwrap();
    assert_eq!(held["target"], "ticket:17");
    assert_eq!(held["cause"]["kind"], "unrouted");
    assert_eq!(held["cause"]["what"], "the photo names ticket 17 but not which help desk it is in");
    // The folder, which takes everything, has it all the same.
    assert_eq!(listed.len(), 2);
    let again = told(&daemon, &photo.json_base64().signed());
    assert_eq!(again, answer(200, "duplicate"));
    let replayed = daemon.command(&["deliveries", "replay", "--target", "ticket:17"]);
    assert!(replayed.status.success(), "{replayed:?}");
    assert_eq!(look::deliveries(&daemon).len(), 2);

    daemon.stop();
    let config = std::fs::read_to_string(daemon.config_path()).unwrap();
    let (desk, _) = DESK.split_once("[destination.archive]").unwrap();
    std::fs::write(daemon.config_path(), format!("{config}{desk}")).unwrap();
    daemon.restart();
    let replayed = daemon.command(&["deliveries", "replay", "--target", "ticket:17"]);
    assert!(replayed.status.success(), "{replayed:?}");
    let listed = look::deliveries(&daemon);
    let sent = listed.iter().find(|delivery| delivery["destination"] == "support").unwrap();
    assert_eq!(sent["target"], "zendesk:17");
    assert!(listed.iter().all(|delivery| !delivery["destination"].is_null()), "{listed:?}");
}
