//! From an uploaded photo to what is posted of it, to destinations and to event webhooks.

use std::{io, time::Duration};

use serde_json::{Value, json};

use super::{
    Answer, Photo, Request,
    outbox::Posting,
    server::SIGNATURE,
    sessions::{Kept, PROJECT, Sessions},
};

impl Sessions {
    /// Keeps a new photo's bytes, has it posted wherever it goes and gives the number of its
    /// destinations.
    pub(super) fn deliver(&mut self, id: &str, photo: &Photo) -> usize {
        let now = self.clock.now();
        let later = |wait: Duration| now.checked_add(wait).ok();
        let (link_ends, gone_at) = (later(self.link_life), later(self.retention));
        let kept = Kept { bytes: photo.bytes.clone(), link_ends, gone_at };
        self.kept.insert(photo.image_id.clone(), kept);
        let link = self.link(&photo.image_id);
        let Ok(session) = self.known(id) else { return 0 };
        let places = session.places(&self.places);
        let (count, mut postings) = (places.len(), Vec::new());
        for (place, url) in places.iter().filter_map(|place| Some((place, place.url.as_ref()?))) {
            for request in place.requests(photo, &link) {
                let posting = Posting::new(&photo.image_id, &place.id, url, now);
                postings.push(Posting { request, signer: place.signer.clone(), ..posting });
            }
        }
        for (number, posting) in (self.outbox.all.len()..).zip(&mut postings) {
            let request = posting.request.clone().without("X-APTR-Delivery-ID");
            posting.request = request.header("X-APTR-Delivery-ID", &format!("del_{number}"));
        }
        self.outbox.all.extend(postings);
        self.project_event("project.upload.image.uploaded", photo);
        count
    }

    /// The link to a photo.
    pub(super) fn link(&self, image: &str) -> String {
        format!("{}/d/{image}?sig={}", self.links, SIGNATURE)
    }

    /// Tells event webhooks of a photo.
    fn project_event(&mut self, topic: &str, photo: &Photo) {
        let link = self.link(&photo.image_id);
        let request = photo.project_event(topic, Some(&link));
        self.tell(topic, &photo.image_id, &request);
    }

    pub(super) fn event(&mut self, topic: &str, image: &str, data: &Value) {
        let now = self.clock.now();
        let request = Request::json(
            &json!({"event": topic, "project_id": PROJECT, "data": data, "timestamp": now}),
        );
        self.tell(topic, image, &request);
    }

    fn tell(&mut self, topic: &str, image: &str, request: &Request) {
        let now = self.clock.now();
        let postings = self.hooks.iter().filter_map(|hook| hook.posting(topic, image, now));
        let request = || request.clone();
        let postings = postings.map(|posting| Posting { request: request(), ..posting });
        self.outbox.all.extend(postings.collect::<Vec<_>>());
    }

    /// A posting was answered, or not.
    pub(super) fn answered(&mut self, at: usize, answer: &io::Result<Answer>) {
        self.changed_at = self.clock.now();
        if let Some(ended) = self.outbox.settle(at, answer, self.clock.now()) {
            self.ended(&ended);
        }
    }

    fn ended(&mut self, posting: &Posting) {
        let now = self.clock.now();
        if let Some(hook) = self.hooks.iter_mut().find(|hook| hook.id == posting.to) {
            hook.ended(posting, &mut self.outbox, now);
            return;
        }
        let all = self.all.iter().flat_map(|s| s.photos.iter().map(move |photo| (s, photo)));
        let ours = all.into_iter().find(|(_, photo)| photo.photo.image_id == posting.image);
        let Some((session, uploaded)) = ours else { return };
        let places = session.places(&self.places);
        let mut standings = places.iter().map(|place| self.standing(uploaded, place));
        if standings.all(|standing| standing["status"] == "sent") {
            let photo = uploaded.photo.clone();
            self.project_event("project.upload.image.delivered", &photo);
        }
    }
}
