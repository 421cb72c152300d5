//! Deliveries that go well: every mode on every version, over every interface.

use apertur_bridge::{
    destinations::{Destination, Language, Message, odoo::Api},
    model::Mode,
};

use super::{Lab, VERSIONS, delivery, digest, ending, photo, to_contact};
use crate::fakes::odoo::{FakeOdoo, Seed, Switch};

#[tokio::test]
async fn a_photo_becomes_an_attachment_and_a_message_on_every_version() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        let receipt = lab.send(&to_contact(), &photo()).await.unwrap();
        let (attachments, messages) = (lab.odoo.attachments(), lab.odoo.messages());
        let ([attachment], [message]) = (attachments.as_slice(), messages.as_slice()) else {
            panic!("{version}: {attachments:?} {messages:?}");
        };
        assert_eq!((attachment.res_model.as_str(), attachment.res_id), ("res.partner", 42));
        assert_eq!(attachment.description, "apertur:img_1");
        assert_eq!(attachment.name, "pé _b_.jpg");
        assert_eq!(attachment.mimetype, "image/jpeg");
        assert!(!attachment.postprocessed);
        assert_eq!(attachment.sha256, digest(&photo()).to_hex());
        assert_eq!(message.attachment_ids, [attachment.id]);
        assert_eq!(message.body, "<p>Photo received: pé _b_.jpg</p>", "{version}");
        let ids: Vec<_> = receipt.ids.iter().map(|step| step.value.clone()).collect();
        assert_eq!(ids, [attachment.id.to_string(), message.id.to_string()]);
        assert_eq!(lab.steps.0.lock().unwrap()[0].value, attachment.id.to_string());
        let page = match version {
            16 | 17 => "web#id=42&model=res.partner&view_type=form",
            _ => "odoo/res.partner/42",
        };
        assert_eq!(receipt.url.unwrap(), format!("{}/{page}", lab.odoo.url()));
        assert!(!receipt.found && receipt.note.is_none());
    }
}

#[tokio::test]
async fn modes_choose_who_is_told() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        lab.write("project.task", 5, "partner_id", 43).await;
        for (id, target, mode, subtype, told) in [
            ("a", "odoo:res.partner:42", Mode::Contact, "mail.mt_comment", vec![42]),
            ("b", "odoo:project.task:5", Mode::Contact, "mail.mt_comment", vec![43]),
            ("c", "odoo:project.task:5", Mode::Internal, "mail.mt_note", vec![]),
            ("d", "odoo:project.task:5", Mode::Public, "mail.mt_comment", vec![]),
            ("e", "odoo:res.partner:42", Mode::Public, "mail.mt_comment", vec![]),
        ] {
            let receipt = lab.send(&delivery(id, target, Some(mode)), &photo()).await.unwrap();
            assert_eq!(receipt.note, None);
            let message = lab.odoo.messages().pop().unwrap();
            assert_eq!((message.subtype, message.partner_ids), (subtype, told), "{version} {id}");
            assert_eq!(message.message_type, "comment");
        }
    }
}

#[tokio::test]
async fn a_record_without_a_customer_is_posted_to_and_the_receipt_says_so() {
    for version in VERSIONS {
        let models = vec![("maintenance.request".to_owned(), vec![1])];
        let odoo = FakeOdoo::start_with(version, Seed { models, ..Seed::default() });
        let lab = Lab::with(odoo, |_| {});
        lab.write("project.task", 5, "partner_id", false).await;
        for target in ["odoo:project.task:5", "odoo:maintenance.request:1"] {
            let to_nobody = delivery("a", target, Some(Mode::Contact));
            let receipt = lab.send(&to_nobody, &photo()).await.unwrap();
            assert!(receipt.note.unwrap().contains("names no customer"));
            let message = lab.odoo.messages().pop().unwrap();
            assert_eq!((message.subtype, message.partner_ids), ("mail.mt_comment", vec![]));
        }
    }
}

#[tokio::test]
async fn a_second_send_finds_what_is_there() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        let first = lab.send(&to_contact(), &photo()).await.unwrap();
        let again = lab.send(&to_contact(), &photo()).await.unwrap();
        assert!(again.found && !first.found);
        assert_eq!((&again.ids, &again.url), (&first.ids, &first.url));
        assert_eq!(lab.counts(), (1, 1));
        assert_eq!(lab.destination.find(&[to_contact()]).await, Ok(vec![Some(again)]));
        let other = delivery("img_2", "odoo:res.partner:42", None);
        assert_eq!(lab.destination.find(std::slice::from_ref(&other)).await, Ok(vec![None]));
        assert_eq!(ending(&lab.send(&other, &photo()).await), "done");
    }
}

#[tokio::test]
async fn a_warm_delivery_costs_four_calls() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        for target in ["odoo:res.partner:42", "odoo:project.task:5"] {
            let model = target.split(':').nth(1).unwrap();
            lab.send(&delivery("a", target, None), &photo()).await.unwrap();
            lab.odoo.forget_calls();
            lab.send(&delivery("b", target, None), &photo()).await.unwrap();
            let mut wanted = vec![
                format!("{model}.search"),
                "ir.attachment.search".to_owned(),
                "ir.attachment.create".to_owned(),
                format!("{model}.message_post"),
            ];
            if model != "res.partner" {
                // Who is the customer? A contact is its own.
                wanted.insert(1, format!("{model}.read"));
            }
            assert_eq!(lab.methods(), wanted, "{version}");
        }
        let api = lab.odoo.calls()[0].api;
        assert_eq!(api, if version == 19 { "json2" } else { "xmlrpc" });
    }
}

#[tokio::test]
async fn json2_is_spoken_only_where_it_works() {
    let apis = async |lab: &Lab| {
        lab.send(&to_contact(), &photo()).await.unwrap();
        lab.odoo.calls().last().unwrap().api
    };
    let lab = |change: fn(&mut _)| Lab::with(FakeOdoo::start(19), change);
    assert_eq!(apis(&lab(|_| {})).await, "json2");
    assert_eq!(apis(&lab(|settings| settings.api = Api::Xmlrpc)).await, "xmlrpc");
    assert_eq!(apis(&lab(|settings| settings.api = Api::Json2)).await, "json2");
    let with_password = lab(|settings| {
        settings.secret = "odoo-password".into();
        settings.is_api_key = false;
    });
    assert_eq!(apis(&with_password).await, "xmlrpc");
    // A password that the configuration calls an API key.
    let lied = lab(|settings| settings.secret = "odoo-password".into());
    assert_eq!(apis(&lied).await, "xmlrpc");
    let closed = lab(|_| {});
    closed.odoo.set(Switch::Json2Enabled(false));
    assert_eq!(apis(&closed).await, "xmlrpc");
}

#[tokio::test]
async fn an_archived_record_takes_photos() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        let archived = delivery("a", "odoo:res.partner:44", None);
        assert_eq!(ending(&lab.send(&archived, &photo()).await), "done", "{version}");
    }
}

#[tokio::test]
async fn an_own_text_reads_the_same_on_every_version() {
    for version in VERSIONS {
        let lab = Lab::with(FakeOdoo::start(version), |settings| {
            settings.message = Message::parse("<i>R&D</i> {target}").unwrap();
        });
        lab.send(&to_contact(), &photo()).await.unwrap();
        let body = lab.odoo.messages()[0].body.clone();
        assert_eq!(body, "<p>&lt;i&gt;R&amp;D&lt;/i&gt; odoo:res.partner:42</p>", "{version}");
        let lab = Lab::with(FakeOdoo::start(version), |settings| {
            settings.message = Message::built_in(Language::Fr);
        });
        lab.send(&to_contact(), &photo()).await.unwrap();
        assert_eq!(lab.odoo.messages()[0].body, "<p>Photo reçue : pé _b_.jpg</p>");
    }
}

#[tokio::test]
async fn what_a_guest_writes_stays_text() {
    for version in VERSIONS {
        let lab = Lab::new(version);
        let mut hostile = to_contact();
        hostile.photo.filename = Some("\u{0}\u{1}]]><script>&amp;'\"\u{fffe}.jpg".to_owned());
        assert_eq!(ending(&lab.send(&hostile, &photo()).await), "done", "{version}");
        let body = lab.odoo.messages()[0].body.clone();
        assert!(!body.contains("<script") && body.contains("&amp;amp_"), "{version}: {body}");
    }
}

#[tokio::test]
async fn odoo_is_told_to_keep_the_picture_only_where_it_must() {
    for (version, keep) in [(16, true), (16, false), (19, true), (19, false)] {
        let lab = Lab::with(FakeOdoo::start(version), |settings| settings.keep_original = keep);
        lab.send(&to_contact(), &photo()).await.unwrap();
        let calls = lab.odoo.calls();
        let create = calls.iter().find(|call| call.method == "create").unwrap();
        let told = create.context.get("image_no_postprocess") == Some(&true.into());
        assert_eq!(told, keep, "{version} {:?}", create.context);
    }
}

#[tokio::test]
async fn a_large_photo_arrives_whole() {
    for version in [16, 19] {
        let lab = Lab::new(version);
        let large: Vec<u8> = (0..5_000_001_u32).map(|i| (i * 31 % 251) as u8).collect();
        assert_eq!(ending(&lab.send(&to_contact(), &large).await), "done");
        assert_eq!(lab.odoo.attachments()[0].sha256, digest(&large).to_hex());
    }
}

#[tokio::test]
async fn a_path_prefix_leads_to_odoo_too() {
    // The fake has no prefix, so every address under one must be a clear "not here".
    let lab = Lab::with(FakeOdoo::start(18), |settings| {
        settings.url = settings.url.join("erp/").unwrap();
    });
    assert_eq!(ending(&lab.send(&to_contact(), &photo()).await), "broken not_found");
}
