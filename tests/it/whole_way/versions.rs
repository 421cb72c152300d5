//! Every version, every mode, every shape.

use super::{Rig, kind, photo};
use crate::{
    fakes::{
        apertur::{Photo, Request},
        odoo::FakeOdoo,
    },
    look,
};

#[test]
fn every_mode_on_every_version_is_one_attachment_and_one_message() {
    for version in [16, 17, 18, 19] {
        let rig = Rig::new(version);
        let modes = [
            ("contact", "mail.mt_comment", vec![42]),
            ("internal", "mail.mt_note", vec![]),
            ("public", "mail.mt_comment", vec![]),
        ];
        let photos = modes.clone().map(|(mode, ..)| {
            let photo = Photo::of_size(mode, 100_000).odoo("res.partner", 42, mode);
            let link = rig.apertur.keep(mode, &photo.bytes);
            rig.accepted(photo.event("image.delivered", Some(&link)));
            photo
        });
        let done = rig.delivered();
        assert_eq!(done.len(), 3);
        assert_eq!((rig.odoo.attachments().len(), rig.odoo.messages().len()), (3, 3));
        for (photo, (mode, subtype, told)) in photos.iter().zip(modes) {
            let (attachment, message) = rig.once(photo);
            assert_eq!((attachment.res_model.as_str(), attachment.res_id), ("res.partner", 42));
            assert_eq!((message.subtype, message.partner_ids), (subtype, told), "{version} {mode}");
            let receipt = &look::story(&rig.daemon, mode)["deliveries"][0]["receipt"];
            assert_eq!(receipt["ids"][0]["value"], attachment.id.to_string());
            assert_eq!(receipt["ids"][1]["value"], message.id.to_string());
        }
        let apis: Vec<_> = rig.odoo.calls().iter().map(|call| call.api).collect();
        assert_eq!(apis.contains(&"json2"), version == 19, "{version}");
    }
}

#[test]
fn every_shape_arrives_and_the_folder_gets_its_copy() {
    let folder = "[destination.archive]\ntype = \"folder\"\npath = \"photos\"\n";
    let rig = Rig::with(FakeOdoo::start(18), folder);
    let to = |id: &str| Photo::of_size(id, 150_000).tag("odoo:res.partner:43");
    let photos = ["link", "api", "json", "form", "bytes"].map(to);
    let [link, api, json, form, bytes] = &photos;
    let url = rig.apertur.keep("link", &link.bytes);
    rig.apertur.keep("api", &api.bytes);
    rig.accepted(link.event("project.upload.image.uploaded", Some(&url)));
    rig.accepted(api.project_event("project.upload.completed", None));
    rig.accepted(json.json_base64());
    rig.accepted(form.multipart());
    rig.accepted(bytes.binary());
    let all = look::eventually(std::time::Duration::from_secs(30), "ten deliveries", || {
        let all = look::deliveries(&rig.daemon);
        let done = all.iter().filter(|delivery| delivery["state"] == "delivered").count();
        // A picture alone names no record: only the folder wants it.
        (done == 9).then_some(all)
    });
    assert_eq!(all.len(), 9);
    for photo in [link, api, json] {
        let (attachment, _) = rig.once(photo);
        assert_eq!((attachment.res_model.as_str(), attachment.res_id), ("res.partner", 43));
    }
    let in_odoo: Vec<_> = rig.odoo.attachments().into_iter().map(|a| a.sha256).collect();
    assert!(in_odoo.contains(&form.sha256()) && !in_odoo.contains(&bytes.sha256()));
    let mut expected: Vec<_> = photos.iter().map(Photo::sha256).collect();
    expected.sort();
    assert_eq!(look::digests(&rig.daemon.dir().join("photos")), expected);
}

#[test]
fn metadata_names_the_record_before_a_tag_does() {
    let rig = Rig::new(17);
    let both = photo().tag("odoo:res.partner:43");
    rig.accepted(both.json_base64());
    rig.delivered();
    let (attachment, message) = rig.only(&both);
    assert_eq!((attachment.res_id, message.partner_ids), (42, vec![42]));
    let tag = Photo::new("img_2").tag("vip:x").tag("odoo:project.task:5");
    rig.accepted(tag.json_base64());
    rig.delivered();
    let (attachment, message) = rig.once(&tag);
    assert_eq!((attachment.res_model.as_str(), attachment.res_id), ("project.task", 5));
    // No mode was named: the default, to the customer of the task.
    assert_eq!((message.subtype, message.partner_ids), ("mail.mt_comment", vec![42]));
}

#[test]
fn a_mode_nobody_knows_shows_the_photo_to_the_fewest() {
    let rig = Rig::new(16);
    let photo = Photo::new("img_1").odoo("res.partner", 42, "everybody");
    rig.accepted(photo.json_base64());
    rig.delivered();
    assert_eq!(rig.only(&photo).1.subtype, "mail.mt_note");
}

#[test]
fn both_topics_a_retry_and_the_inline_copy_are_one_photo_in_odoo() {
    let rig = Rig::new(19);
    let photo = photo();
    let link = rig.apertur.keep("img_1", &photo.bytes);
    rig.accepted(photo.event("project.upload.image.uploaded", Some(&link)));
    let again = |request: Request| {
        assert_eq!(rig.post(&request.signed()).told(), (200, "duplicate".to_owned()));
    };
    again(photo.event("image.delivered", Some(&link)));
    again(photo.event("project.upload.image.uploaded", Some(&link)));
    again(photo.json_base64());
    rig.delivered();
    again(photo.event("image.delivered", Some(&link)));
    again(photo.json_base64());
    again(photo.binary());
    assert_eq!(rig.delivered().len(), 1);
    rig.only(&photo);
}

#[test]
fn a_model_that_is_not_allowed_is_held_and_never_asked_for() {
    let rig = Rig::new(18);
    rig.accepted(Photo::new("img_1").odoo("res.users", 2, "contact").json_base64());
    let held = rig.held();
    assert_eq!((kind(&held), held["attempts"].as_u64()), ("not_allowed", Some(1)));
    assert!(held["cause"]["fix"].as_str().unwrap().contains("destination.erp.models"));
    assert_eq!(rig.odoo.calls().iter().filter(|call| call.model == "res.users").count(), 0);
    assert!(rig.odoo.attachments().is_empty());
}
