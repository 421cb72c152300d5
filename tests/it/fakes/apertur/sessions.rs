//! Upload sessions at Apertur and the photos in them (sections 4.1 to 4.3, 6).

use std::{collections::HashMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{KEY_DESTINATION, Photo, clock::FakeClock, hooks::Hook, outbox::Outbox, places::Place};

/// Status and message.
pub(crate) type Refused = (u16, String);

/// The project that the destinations belong to.
pub(crate) const PROJECT: &str = "0f0f0f0f-2222-4333-8444-555555555555";

/// What a session may be made with, and what changed.
const MAKE: [&str; 10] = [
    "destination_ids",
    "long_polling",
    "tags",
    "expires_in_hours",
    "expires_at",
    "max_images",
    "allowed_mime_types",
    "max_image_dimension",
    "password",
    "metadata",
];
const CHANGE: [&str; 6] = [
    "expires_at",
    "max_images",
    "allowed_mime_types",
    "max_image_dimension",
    "max_image_size_mb",
    "password",
];

/// A session.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub id: String,
    /// What it was made with.
    pub asked: Value,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub photos: Vec<Uploaded>,
}

/// A photo that a guest uploaded.
#[derive(Debug, Clone)]
pub(crate) struct Uploaded {
    pub photo: Photo,
    /// `pending`, `sent`, `failed`: at destinations that nothing is posted to.
    pub status: &'static str,
    pub acknowledged: bool,
}

impl Session {
    pub(super) fn max_images(&self) -> usize {
        self.asked["max_images"].as_u64().and_then(|n| n.try_into().ok()).unwrap_or(10)
    }

    pub(super) fn status(&self, now: Timestamp) -> &'static str {
        if now >= self.expires_at {
            "expired"
        } else if self.photos.len() >= self.max_images() {
            "completed"
        } else if self.photos.is_empty() {
            "pending"
        } else {
            "active"
        }
    }

    pub(super) fn is_polled(&self) -> bool {
        self.asked["long_polling"] == true
    }

    /// Where its photos go: the ones asked for, else the key's own.
    pub(super) fn places<'a>(&self, all: &'a [Place]) -> Vec<&'a Place> {
        let asked = self.asked["destination_ids"].as_array().into_iter().flatten();
        let asked: Vec<_> = asked.filter_map(Value::as_str).collect();
        let is_its_own = |place: &&Place| {
            let by_key = asked.is_empty() && !self.is_polled() && place.id == KEY_DESTINATION;
            by_key || asked.contains(&place.id.as_str())
        };
        all.iter().filter(is_its_own).collect()
    }
}

/// The bytes of a photo, as long as they can be had.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    pub bytes: Vec<u8>,
    /// When the link to them ends, and when they are removed.
    pub link_ends: Option<Timestamp>,
    pub gone_at: Option<Timestamp>,
}

/// All of them.
pub(crate) struct Sessions {
    pub clock: FakeClock,
    /// The destinations of the project.
    pub places: Vec<Place>,
    pub hooks: Vec<Hook>,
    pub outbox: Outbox,
    /// The bytes of every photo by its id.
    pub kept: HashMap<String, Kept>,
    /// How long links to uploaded photos work, and how long the photos are kept.
    pub link_life: Duration,
    pub retention: Duration,
    /// How long an unchanged delivery status is held back for who has seen it.
    pub hold: Duration,
    /// The same of polls that have nothing to tell.
    pub poll_hold: Duration,
    /// Polls that are held now, and the most there were at once.
    pub held: (usize, usize),
    pub changed_at: Timestamp,
    /// The origin of links.
    pub links: String,
    pub all: Vec<Session>,
    /// Sessions that the plan still allows this month.
    pub quota: Option<usize>,
    /// `metadata` is no property that is known.
    pub refuses_metadata: bool,
    /// Some device did not encrypt.
    pub is_downgraded: bool,
    /// Seconds that an end must at least be away.
    pub soonest: i64,
    /// Acknowledgements are not taken now.
    pub is_deaf: bool,
}

impl Default for Sessions {
    fn default() -> Sessions {
        Sessions {
            clock: FakeClock::default(),
            places: Place::defaults(),
            hooks: Vec::new(),
            outbox: Outbox::default(),
            kept: HashMap::new(),
            link_life: Duration::from_hours(1),
            retention: Duration::from_hours(7 * 24),
            hold: Duration::ZERO,
            poll_hold: Duration::ZERO,
            held: (0, 0),
            changed_at: Timestamp::now(),
            links: String::new(),
            all: Vec::new(),
            quota: None,
            refuses_metadata: false,
            is_downgraded: false,
            soonest: 0,
            is_deaf: false,
        }
    }
}

impl Sessions {
    /// Whether a poll of this path has nothing to tell yet.
    pub(super) fn is_quiet(&self, path: &str) -> bool {
        let mut sessions = self.all.iter().filter(|session| path.contains(&session.id));
        path.ends_with("/poll")
            && sessions.any(|session| session.photos.iter().all(|photo| photo.acknowledged))
    }

    pub(crate) fn create(&mut self, asked: &Value) -> Result<Value, Refused> {
        let object = asked.as_object().unwrap();
        self.check(object, &MAKE)?;
        if object.contains_key("expires_at") && object.contains_key("expires_in_hours") {
            return bad("expires_at and expires_in_hours exclude each other");
        }
        for id in asked["destination_ids"].as_array().into_iter().flatten() {
            if !self.places.iter().any(|place| *id == place.id) {
                return Err((404, "destination not found in this project".to_owned()));
            }
        }
        match &mut self.quota {
            Some(0) => return Err((429, "Monthly session quota exceeded".to_owned())),
            Some(left) => *left -= 1,
            None => {}
        }
        let now = self.clock.now();
        let hours = asked["expires_in_hours"].as_i64().unwrap_or(12);
        let in_hours = now.checked_add(SignedDuration::from_hours(hours)).unwrap();
        let session = Session {
            id: format!("5e551012-2222-4333-8444-{:012}", self.all.len() + 1),
            asked: asked.clone(),
            created_at: now,
            expires_at: time(&asked["expires_at"]).unwrap_or(in_hours),
            photos: Vec::new(),
        };
        let answer = self.made(&session);
        let event = json!({"id": session.id});
        self.all.push(session);
        self.event("project.session.created", "", &event);
        Ok(answer)
    }

    fn check(&self, object: &Map<String, Value>, known: &[&str]) -> Result<(), Refused> {
        for (key, value) in object {
            let unknown = !known.contains(&key.as_str());
            if unknown || (key == "metadata" && self.refuses_metadata) {
                return bad(&format!("property {key} should not exist"));
            }
            let texts = |allowed: &dyn Fn(&str) -> bool| {
                value.as_array().is_some_and(|all| {
                    !all.is_empty() && all.iter().all(|v| v.as_str().is_some_and(allowed))
                })
            };
            let from_one = |to: u64| value.as_u64().is_some_and(|n| (1..=to).contains(&n));
            let types = ["image/jpeg", "image/png", "image/webp", "image/heic"];
            let fits = match key.as_str() {
                "destination_ids" => texts(&|id| id.len() == 36),
                "tags" => texts(&|_| true),
                "allowed_mime_types" => texts(&|name| types.contains(&name)),
                "long_polling" => value.is_boolean(),
                "expires_in_hours" => from_one(168),
                "max_images" => from_one(50),
                "max_image_dimension" | "max_image_size_mb" => from_one(100_000),
                "expires_at" => self.may_end(value),
                "password" if value.is_null() => known == CHANGE,
                "password" => {
                    value.as_str().is_some_and(|text| (4..=128).contains(&text.chars().count()))
                }
                _ => value.is_object(),
            };
            if !fits {
                return bad(&format!("{key} is not valid"));
            }
        }
        Ok(())
    }

    fn may_end(&self, at: &Value) -> bool {
        let away = time(at).map(|at| at.duration_since(self.clock.now()).as_secs());
        away.is_some_and(|away| (self.soonest..=168 * 3600).contains(&away))
    }

    pub(crate) fn change(&mut self, id: &str, asked: &Value) -> Result<Value, Refused> {
        self.check(asked.as_object().unwrap(), &CHANGE)?;
        let now = self.clock.now();
        let session = self.all.iter_mut().find(|session| session.id == id);
        let session = session.ok_or((404, "Session not found".to_owned()))?;
        match session.status(now) {
            "expired" => return Err((410, "Session expired".to_owned())),
            "completed" => return Err((409, "Session already completed".to_owned())),
            _ => {}
        }
        if let Some(at) = time(&asked["expires_at"]) {
            session.expires_at = at;
        }
        for (key, value) in asked.as_object().unwrap() {
            session.asked[key] = value.clone();
        }
        Ok(json!({"id": session.id, "expires_at": session.expires_at}))
    }

    pub(crate) fn known(&self, id: &str) -> Result<&Session, Refused> {
        let found = self.all.iter().find(|session| session.id == id);
        found.ok_or((404, "Session not found".to_owned()))
    }

    /// A guest uploads a photo, which somebody else delivers; gives it as webhooks will name it.
    pub(crate) fn upload(&mut self, id: &str, image: &str) -> Result<Photo, Refused> {
        self.takes_photos(self.known(id)?)?;
        self.take(id, Photo::new(image), "sent")
    }

    /// Whether a session takes photos now.
    pub(super) fn takes_photos(&self, session: &Session) -> Result<(), Refused> {
        match session.status(self.clock.now()) {
            "expired" => Err((410, "Session expired".to_owned())),
            "completed" => Err((422, "Session is full".to_owned())),
            _ => Ok(()),
        }
    }

    /// Takes a photo in; gives it with what its session says.
    pub(super) fn take(
        &mut self,
        id: &str,
        mut photo: Photo,
        status: &'static str,
    ) -> Result<Photo, Refused> {
        self.changed_at = self.clock.now();
        let session = self.all.iter_mut().find(|session| session.id == id);
        let session = session.ok_or((404, "Session not found".to_owned()))?;
        session.id.clone_into(&mut photo.session);
        photo.index = session.photos.len().try_into().unwrap();
        let tags = session.asked["tags"].as_array().into_iter().flatten();
        photo.tags = tags.filter_map(Value::as_str).map(ToOwned::to_owned).collect();
        photo.metadata = session.asked["metadata"].clone();
        let uploaded = Uploaded { photo: photo.clone(), status, acknowledged: false };
        session.photos.push(uploaded);
        Ok(photo)
    }

    pub(crate) fn poll(&self, id: &str) -> Result<Value, Refused> {
        let session = self.polled(id)?;
        let waiting = session.photos.iter().filter(|uploaded| !uploaded.acknowledged);
        let images: Vec<_> = waiting
            .map(|uploaded| {
                json!({"id": uploaded.photo.image_id, "filename": uploaded.photo.filename,
                    "size_bytes": uploaded.photo.bytes.len(), "mime_type": "image/jpeg",
                    "source": "camera", "created_at": session.created_at})
            })
            .collect();
        if images.is_empty() && session.status(self.clock.now()) == "expired" {
            return Err((410, "Session expired and all images acknowledged".to_owned()));
        }
        Ok(json!({ "images": images }))
    }

    fn polled(&self, id: &str) -> Result<&Session, Refused> {
        let session = self.known(id)?;
        if !session.is_polled() {
            return Err((403, "Long polling is not enabled for this session".to_owned()));
        }
        Ok(session)
    }

    pub(crate) fn waiting(&self, id: &str, image: &str) -> Result<&[u8], Refused> {
        let mut photos = self.polled(id)?.photos.iter();
        let found = photos.find(|uploaded| uploaded.photo.image_id == image);
        let found = found.filter(|uploaded| !uploaded.acknowledged);
        found.map(|found| found.photo.bytes.as_slice()).ok_or((404, "Image not found".to_owned()))
    }

    pub(crate) fn acknowledge(&mut self, id: &str, image: &str) -> Result<Value, Refused> {
        self.polled(id)?;
        if self.is_deaf {
            return Err((503, "Service Unavailable".to_owned()));
        }
        let session = self.all.iter_mut().find(|session| session.id == id);
        let mut photos = session.into_iter().flat_map(|session| &mut session.photos);
        let found = photos.find(|uploaded| uploaded.photo.image_id == image);
        let found = found.ok_or((404, "Image not found".to_owned()))?;
        if found.acknowledged {
            return Err((409, "Image already acknowledged".to_owned()));
        }
        found.acknowledged = true;
        Ok(json!({"status": "acknowledged"}))
    }

    pub(crate) fn places_of(&self, project: &str) -> Result<Value, Refused> {
        if project != PROJECT {
            return Err((403, "The key belongs to another project".to_owned()));
        }
        Ok(self.places.iter().map(Place::shown).collect())
    }
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn bad<T>(message: &str) -> Result<T, Refused> {
    Err((400, message.to_owned()))
}
