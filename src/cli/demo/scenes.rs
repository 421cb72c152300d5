//! What the demo sends: every shape and every scheme, repeats and a forgery.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use crate::{
    cli::webhook::message::Spelling,
    model::{Digest, ImageId, PhotoId, Scheme, SessionId, Shape, Tag},
    webhook::{self, About},
};

/// A photo to send.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

impl Picture {
    pub(super) fn digest(&self) -> Digest {
        Digest(Sha256::digest(&self.bytes).into())
    }
}

/// What is to become of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    /// A photo that lands.
    Lands(PhotoId),
    /// An answer, and nothing else.
    Only(u16, &'static str),
}

/// One request.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) title: &'static str,
    pub(super) shape: Shape,
    pub(super) scheme: Scheme,
    pub(super) spelling: Spelling,
    pub(super) about: About,
    /// Which photo this is about.
    pub(super) picture: usize,
    /// Signed by somebody who does not know the secret.
    pub(super) forged: bool,
    pub(super) expected: Expected,
}

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_bytes!(concat!("../../../fixtures/photos/", $name)) as &[u8])),+]
    };
}

/// Six to send, one for the forgery, and two for the user.
const PHOTOS: [(&str, &[u8]); 8] = built_in![
    "delivery-note.jpg",
    "shop-front.png",
    "meter-reading.jpg",
    "damaged-parcel.jpg",
    "signature.webp",
    "site-visit.jpg",
    "try-me.jpg",
    "try-me-too.jpg",
];
/// How many of them land.
pub(super) const LANDING: usize = 6;

/// The built-in photos, the first ones replaced by the user's.
pub(super) fn pictures(files: &[PathBuf]) -> anyhow::Result<Vec<Picture>> {
    anyhow::ensure!(files.len() <= LANDING, "give at most {LANDING} photos");
    let mut pictures: Vec<_> = PHOTOS
        .iter()
        .map(|(name, bytes)| Picture { name: (*name).to_owned(), bytes: bytes.to_vec() })
        .collect();
    for (file, place) in files.iter().zip(&mut pictures) {
        let bytes = crate::cli::webhook::read_file(file)?;
        anyhow::ensure!(infer::is_image(&bytes), "{} is no picture", file.display());
        let name = file.file_name().context("name a file")?.to_string_lossy().into_owned();
        *place = Picture { name, bytes };
    }
    let digests: BTreeSet<_> = pictures.iter().map(Picture::digest).collect();
    anyhow::ensure!(digests.len() == pictures.len(), "two of the photos are the same");
    Ok(pictures)
}

/// The photos that the demo does not send, for the user to try.
pub(super) fn for_the_user(pictures: &[Picture]) -> &[Picture] {
    pictures.get(LANDING..).unwrap_or_default()
}

/// Everything in the order it is sent. `apertur` is where links lead.
pub(super) fn scenes(pictures: &[Picture], apertur: &str) -> anyhow::Result<Vec<Scene>> {
    use Scheme::{Body, Svix, Timestamped};
    use Shape::{Binary, Event, JsonBase64, Multipart, ProjectEvent};
    use Spelling::{Apertur, Aptr};
    let lands = [
        ("event with a download link", Event, Body, Apertur),
        ("project event, photo by its id", ProjectEvent, Timestamped, Apertur),
        ("photo inside JSON, base64", JsonBase64, Body, Aptr),
        ("photo in a multipart form", Multipart, Timestamped, Aptr),
        ("photo as it is, binary", Binary, Body, Apertur),
        ("event with a download link", Event, Svix, Apertur),
    ];
    let mut scenes = Vec::new();
    for (at, (title, shape, scheme, spelling)) in lands.into_iter().enumerate() {
        let picture = pictures.get(at).context("there are too few photos")?;
        let about = about(picture, at, shape, apertur)?;
        let id = match shape {
            // What only an unsigned header says is no id.
            Multipart | Binary => PhotoId::of_bytes(&picture.digest(), None),
            _ => PhotoId::of_image(&about.image),
        };
        let expected = Expected::Lands(id);
        let forged = false;
        scenes.push(Scene { title, shape, scheme, spelling, about, picture: at, forged, expected });
    }
    let more = [
        ("the first event again, a retry", Event, Body, 0, false, (200, "duplicate")),
        ("the second photo by another topic", Event, Svix, 1, false, (200, "duplicate")),
        ("a forged event", Event, Body, LANDING, true, (401, "unauthorized")),
    ];
    for (title, shape, scheme, at, forged, (code, word)) in more {
        let picture = pictures.get(at).context("there are too few photos")?;
        let about = about(picture, at, shape, apertur)?;
        let expected = Expected::Only(code, word);
        let spelling = Apertur;
        scenes.push(Scene { title, shape, scheme, spelling, about, picture: at, forged, expected });
    }
    Ok(scenes)
}

fn about(picture: &Picture, at: usize, shape: Shape, apertur: &str) -> anyhow::Result<About> {
    let image = ImageId::parse(&format!("demo-{}", at + 1))?;
    Ok(About {
        session: Some(SessionId::parse("demo-session")?),
        index: u32::try_from(at).ok(),
        filename: Some(picture.name.clone()),
        tags: vec![Tag::from_text("from:demo")],
        download_url: (shape == Shape::Event).then(|| format!("{apertur}/d/{image}")),
        picture: Some(webhook::Picture::of(&picture.bytes)),
        ..About::new(image)
    })
}
