//! The thumbnail on a photo's page, and the words in its place.

use std::{
    fs,
    io::Write as _,
    path::Path,
    time::{Duration, SystemTime},
};

use flate2::{Compression, write::ZlibEncoder};
use image::{ImageFormat, load_from_memory_with_format};

use super::site::{OPERATE, READ, Site, User, text};
use crate::{
    fakes::apertur::{self, Photo},
    look,
};

/// Most memory that the daemon ever took, in KiB.
const MOST: u64 = 200 * 1024;

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/photos").join(name)).unwrap()
}

/// A photo of these bytes comes in.
fn receive(site: &Site, id: &str, mime: &str, bytes: Vec<u8>) {
    let mut photo = Photo::new(id);
    (photo.mime, photo.bytes) = (mime.to_owned(), bytes);
    let answer = apertur::post(site.daemon.url(), &photo.json_base64().signed()).unwrap();
    assert_eq!(answer.status, 200, "{id}: {}", text(&answer));
}

/// The same JPEG, of a phone that was held upright.
fn upright(jpeg: &[u8]) -> Vec<u8> {
    let exif =
        b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    [&jpeg[..2], exif, &jpeg[2..]].concat()
}

/// A PNG of a few bytes whose pixels take 344 MiB.
fn bomb() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 19_000, 19_000);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().unwrap();
    writer.write_chunk(png::chunk::IDAT, &[0x78, 0x9c, 0x63, 0, 0, 0, 1, 0, 1]).unwrap();
    drop(writer);
    bytes
}

/// A PNG of one pixel whose colour profile takes 300 MiB.
fn bloated() -> Vec<u8> {
    const MIB: usize = 1024 * 1024;
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    let mut ends = [0; 2];
    for end in &mut ends {
        packed.write_all(&vec![0; MIB]).unwrap();
        packed.flush().unwrap();
        *end = packed.get_ref().len();
    }
    let packed = packed.get_ref();
    // Its name, how it is packed, 300 times the same, and the end with its checksum.
    let mut profile = [b"x\0\0", &packed[..ends[0]]].concat();
    profile.extend(packed[ends[0]..ends[1]].repeat(299));
    let checksum = u32::try_from(300 * MIB % 65_521).unwrap() << 16 | 1;
    profile.extend(b"\x01\0\0\xff\xff".iter().chain(&checksum.to_be_bytes()));
    let mut bytes = Vec::new();
    let mut writer = png::Encoder::new(&mut bytes, 1, 1).write_header().unwrap();
    writer.write_chunk(png::chunk::iCCP, &profile).unwrap();
    writer.write_image_data(&[0]).unwrap();
    drop(writer);
    bytes
}

fn page(user: &User<'_>, id: &str, language: &str) -> String {
    let headers = [("Cookie", user.cookie.as_str()), ("Accept-Language", language)];
    text(&user.site.ask("GET", &format!("/photos/{id}"), &headers, ""))
}

#[test]
fn the_page_of_a_photo_shows_it_to_whoever_may_look() {
    let site = Site::start();
    let jpeg = fixture("site-visit.jpg");
    receive(&site, "upright", "image/jpeg", upright(&jpeg));
    receive(&site, "jpeg", "image/jpeg", jpeg);
    receive(&site, "png", "image/png", fixture("shop-front.png"));
    receive(&site, "webp", "image/webp", fixture("signature.webp"));
    let user = site.user(OPERATE);
    let all =
        [("jpeg", (240, 160)), ("upright", (160, 240)), ("png", (240, 160)), ("webp", (240, 160))];
    for (id, size) in all {
        let place = format!("/photos/{id}/thumbnail");
        let html = page(&user, id, "en");
        let shown = format!("src=\"{place}\" alt=\"{id}.jpg\" width=\"640\" height=\"480\"");
        assert!(html.contains(&shown), "{html}");
        let linked = format!("<a href=\"/photos/{id}/bytes\" title=");
        assert!(html.contains(&linked), "{html}");
        let answer = user.get(&place);
        let header = |name| answer.header(name).unwrap_or_default();
        assert_eq!((answer.status, header("content-type")), (200, "image/jpeg"), "{id}");
        assert_eq!(
            (header("x-content-type-options"), header("cache-control")),
            ("nosniff", "no-store")
        );
        let small = load_from_memory_with_format(&answer.body, ImageFormat::Jpeg).unwrap();
        assert_eq!((small.width(), small.height()), size, "{id}");
    }
    let reader = site.user(READ);
    assert_eq!(reader.get("/photos/jpeg/thumbnail").status, 403, "who sees no pictures");
    assert!(!page(&reader, "jpeg", "en").contains("<img"));
    let stranger = site.ask("GET", "/photos/jpeg/thumbnail", &[], "");
    assert_eq!(stranger.status, 303, "whoever is not signed in");
    assert_eq!(user.get("/photos/nothing/thumbnail").status, 404);
}

#[test]
fn words_stand_in_place_of_what_cannot_be_shown() {
    let site = Site::start();
    let png = fixture("shop-front.png");
    receive(&site, "heic", "image/heic", b"\0\0\0\x18ftypheic\0\0\0\0heicmif1".to_vec());
    receive(&site, "rubbish", "image/jpeg", Photo::new("rubbish").bytes);
    receive(&site, "half", "image/png", png[..png.len() / 2].to_vec());
    receive(&site, "bomb", "image/png", bomb());
    receive(&site, "bloated", "image/png", bloated());
    let user = site.user(OPERATE);
    assert_eq!(user.get("/photos/bloated/thumbnail").status, 200, "without its profile");
    for id in ["heic", "rubbish", "half", "bomb"] {
        let answer = user.get(&format!("/photos/{id}/thumbnail"));
        assert_eq!((answer.status, text(&answer).as_str()), (415, ""), "{id}");
        for (language, words) in [
            ("en", "This photo cannot be shown here."),
            ("fr", "Cette photo ne peut pas être affichée ici."),
            ("es", "Esta foto no se puede mostrar aquí."),
        ] {
            let html = page(&user, id, language);
            assert!(html.contains(words) && !html.contains("<img"), "{id}: {html}");
        }
    }
    let status = fs::read_to_string(format!("/proc/{}/status", site.daemon.pid())).unwrap();
    let (_, peak) = status.split_once("VmHWM:").unwrap();
    let peak: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    assert!(peak <= MOST, "peak {peak} KiB");
}

#[test]
fn bytes_that_are_gone_are_shown_no_more() {
    let site = Site::start();
    receive(&site, "gone", "image/jpeg", fixture("site-visit.jpg"));
    look::settled(&site.daemon, &["delivered"]);
    let user = site.user(OPERATE);
    assert_eq!(user.get("/photos/gone/thumbnail").status, 200);
    for file in look::spooled(&site.daemon) {
        let old = SystemTime::now() - Duration::from_secs(7200);
        fs::File::open(file).unwrap().set_modified(old).unwrap();
    }
    let pruned = site.daemon.command(&["journal", "prune", "--bytes-older", "1ms"]);
    assert!(pruned.status.success(), "{}", String::from_utf8_lossy(&pruned.stderr));
    let answer = user.get("/photos/gone/thumbnail");
    assert_eq!((answer.status, text(&answer).as_str()), (404, ""));
    for (language, words) in [
        ("en", "The photo itself is no longer kept here."),
        ("fr", "La photo elle-même n’est plus conservée ici."),
        ("es", "La foto misma ya no se conserva aquí."),
    ] {
        let html = page(&user, "gone", language);
        assert!(html.contains(words) && !html.contains("<img"), "{html}");
    }
}
