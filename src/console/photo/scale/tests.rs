//! Pictures as they come, and what pretends to be one.

use std::io::{Cursor, Seek as _, Write as _};

use anyhow::{Context as _, Result};
use image::{GenericImageView as _, Rgb, Rgba, RgbaImage, load_from_memory_with_format};

use super::*;

const JPEG: &[u8] = include_bytes!("../../../../fixtures/photos/try-me.jpg");
const PNG: &[u8] = include_bytes!("../../../../fixtures/photos/shop-front.png");
const WEBP: &[u8] = include_bytes!("../../../../fixtures/photos/signature.webp");

const RED: Rgb<u8> = Rgb([255, 0, 0]);
const BLUE: Rgb<u8> = Rgb([0, 0, 255]);

/// What becomes of such a file.
fn of(bytes: &[u8]) -> ImageResult<DynamicImage> {
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    file.rewind()?;
    load_from_memory_with_format(&scaled(file)?, ImageFormat::Jpeg)
}

/// Red on the left, blue on the right.
fn two_halves(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, _| if x < width / 2 { RED } else { BLUE })
}

fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format)?;
    Ok(bytes.into_inner())
}

/// The colours of the four corners: above left, above right, below left, below right.
fn corners(picture: &DynamicImage) -> [Option<Rgb<u8>>; 4] {
    let (right, below) = (picture.width() - 1, picture.height() - 1);
    [(0, 0), (right, 0), (0, below), (right, below)].map(|(x, y)| {
        let Rgba([red, green, blue, _]) = picture.get_pixel(x, y);
        let near = |Rgb([r, g, b]): &Rgb<u8>| {
            [(red, *r), (green, *g), (blue, *b)].iter().all(|(is, should)| is.abs_diff(*should) < 9)
        };
        [RED, BLUE, Rgb([255; 3])].into_iter().find(near)
    })
}

/// A JPEG with the EXIF data that a phone writes when it is held so.
fn held(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    let length = u16::try_from(exif.len() + 2).unwrap_or_default().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

/// A JPEG whose frame says that it is so.
fn said_to_be(jpeg: &[u8], frame: u8, width: u16, height: u16) -> Result<Vec<u8>> {
    let at = jpeg.windows(2).position(|two| two == [0xff, 0xc0]).context("no frame")?;
    let mut jpeg = jpeg.to_vec();
    jpeg[at + 1] = frame;
    jpeg[at + 5..at + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[at + 7..at + 9].copy_from_slice(&width.to_be_bytes());
    Ok(jpeg)
}

/// A small PNG whose header says that it is so large, gray, with so many bits.
fn png_of(width: u32, height: u32, bits: u8) -> Vec<u8> {
    let chunk = |name: &[u8], data: &[u8]| {
        let of = [name, data].concat();
        let length = u32::try_from(data.len()).unwrap_or_default().to_be_bytes();
        [&length[..], &of, &crc32(&of).to_be_bytes()].concat()
    };
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[bits, 0, 0, 0, 0]].concat();
    let zeroes = [0x78, 0x9c, 0x63, 0, 0, 0, 1, 0, 1];
    let chunks = [chunk(b"IHDR", &header), chunk(b"IDAT", &zeroes), chunk(b"IEND", &[])];
    [&b"\x89PNG\r\n\x1a\n"[..], &chunks.concat()].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

/// A WebP whose canvas and frame have these sides.
fn webp_of(canvas: u32, frame: u16) -> Vec<u8> {
    // 24 bits each for width - 1 and height - 1, behind flags and three bytes reserved.
    let side = &(canvas - 1).to_le_bytes()[..3];
    let sides = [frame.to_le_bytes(), frame.to_le_bytes()].concat();
    let head = b"RIFF\x2c\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0";
    let frame = b"VP8 \x0a\0\0\0\x10\0\0\x9d\x01\x2a";
    [&head[..], side, side, frame, &sides].concat()
}

#[test]
fn every_kind_that_is_shown_becomes_a_small_jpeg() -> Result<()> {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let red_and_blue = [Some(RED), Some(BLUE), Some(RED), Some(BLUE)];
        for (width, height, expected) in
            [(1280, 80, (640, 40)), (60, 1280, (30, 640)), (40, 20, (40, 20))]
        {
            let small = of(&encoded(two_halves(width, height), format)?)?;
            assert_eq!((small.dimensions(), corners(&small)), (expected, red_and_blue));
        }
        let long = of(&encoded(two_halves(3000, 2), format)?)?;
        assert_eq!(long.dimensions(), (640, 1), "{format:?}");
    }
    for (photo, expected) in [(JPEG, (240, 160)), (PNG, (240, 160)), (WEBP, (240, 160))] {
        assert_eq!(of(photo)?.dimensions(), expected);
    }
    Ok(())
}

#[test]
fn a_picture_stands_as_the_phone_was_held() -> Result<()> {
    let jpeg = encoded(two_halves(64, 32), ImageFormat::Jpeg)?;
    let (red, blue) = (Some(RED), Some(BLUE));
    for (orientation, size, expected) in [
        (1, (64, 32), [red, blue, red, blue]),
        (3, (64, 32), [blue, red, blue, red]),
        (6, (32, 64), [red, red, blue, blue]),
        (8, (32, 64), [blue, blue, red, red]),
        (99, (64, 32), [red, blue, red, blue]),
    ] {
        let upright = of(&held(&jpeg, orientation))?;
        assert_eq!((upright.dimensions(), corners(&upright)), (size, expected), "{orientation}");
    }
    Ok(())
}

#[test]
fn nothing_of_the_file_but_its_looks_is_in_the_thumbnail() -> Result<()> {
    let mut file = tempfile::tempfile()?;
    file.write_all(&held(JPEG, 6))?;
    file.rewind()?;
    let jpeg = scaled(file)?;
    assert!(!jpeg.windows(4).any(|part| part == b"Exif"));
    Ok(())
}

#[test]
fn what_shows_through_is_white() -> Result<()> {
    let glass = RgbaImage::from_pixel(32, 32, Rgba([0, 0, 255, 0]));
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let small = of(&encoded(glass.clone(), format)?)?;
        assert_eq!(corners(&small), [Some(Rgb([255; 3])); 4], "{format:?}");
    }
    Ok(())
}

#[test]
fn what_would_take_too_much_memory_is_refused_by_its_header() -> Result<()> {
    let gif = |width: u16, height: u16| -> Result<Vec<u8>> {
        let mut gif = encoded(two_halves(4, 4), ImageFormat::Gif)?;
        gif[6..8].copy_from_slice(&width.to_le_bytes());
        gif[8..10].copy_from_slice(&height.to_le_bytes());
        Ok(gif)
    };
    for (name, bomb) in [
        ("png, long", png_of(20_001, 1, 8)),
        ("png, of one bit", png_of(19_000, 19_000, 1)),
        ("png, the largest", png_of(0x7fff_ffff, 0x7fff_ffff, 16)),
        ("jpeg, long", said_to_be(JPEG, 0xc0, u16::MAX, 8)?),
        ("jpeg", said_to_be(JPEG, 0xc0, 20_000, 20_000)?),
        ("jpeg, progressive", said_to_be(JPEG, 0xc2, 8000, 6000)?),
        ("gif", gif(u16::MAX, u16::MAX)?),
        ("gif, within", gif(19_000, 19_000)?),
        ("webp", webp_of(0x3fff, 0x3fff)),
    ] {
        let refused = of(&bomb).err();
        assert!(matches!(refused, Some(ImageError::Limits(_))), "{name}: {refused:?}");
    }
    // What a phone of 108 megapixels takes is shown.
    const { assert!(12_000 * 9_000 * 3 <= MOST_MEMORY) };
    Ok(())
}

#[test]
fn a_webp_whose_frame_is_not_its_canvas_is_refused_by_its_header() -> Result<()> {
    let told = |bytes: &[u8]| webp_frame(&mut Cursor::new(bytes));
    assert_eq!(told(WEBP)?, (240, 160));
    let lossless = encoded(two_halves(300, 2), ImageFormat::WebP)?;
    assert_eq!(told(&lossless)?, (300, 2));
    assert_eq!(told(&webp_of(8, 0x3fff))?, (0x3fff, 0x3fff));
    let refused = of(&webp_of(8, 0x3fff)).err().context("it is made")?;
    assert_eq!(refused.to_string(), unknown().to_string());
    let moving = [&webp_of(8, 8)[..30], b"ANMF\x10\0\0\0"].concat();
    assert_eq!(told(&moving).err().context("it is told")?.to_string(), unknown().to_string());
    Ok(())
}

#[test]
fn only_a_jpeg_in_one_pass_counts_its_pixels_once() -> Result<()> {
    let copies = |jpeg: Vec<u8>| copies(ImageFormat::Jpeg, &mut Cursor::new(jpeg));
    assert_eq!(copies(JPEG.to_vec())?, 1);
    assert_eq!(copies(held(JPEG, 6))?, 1, "its EXIF data is left out");
    assert_eq!(copies(said_to_be(JPEG, 0xc2, 240, 160)?)?, 3, "progressive");
    let first_scan = JPEG.windows(2).position(|two| two == [0xff, 0xda]).context("no scan")?;
    let mut of_one_colour = JPEG.to_vec();
    of_one_colour[first_scan + 4] = 1;
    assert_eq!(copies(of_one_colour)?, 3, "a scan for each colour");
    assert_eq!(copies(JPEG[..first_scan].to_vec())?, 3, "nobody knows");
    Ok(())
}

#[test]
fn what_is_no_picture_gives_none() {
    let half = |photo: &'static [u8]| &photo[..photo.len() / 2];
    for bytes in [
        &b""[..],
        b"\xff",
        b"\xff\xd8\xff",
        b"not a picture at all, whatever its name says",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>",
        b"\0\0\0\x18ftypheic\0\0\0\0heicmif1",
        b"\0\0\0\x18ftypavif\0\0\0\0avifmif1",
        b"II*\0\x08\0\0\0",
        b"GIF89a",
        half(PNG),
        half(WEBP),
    ] {
        assert!(of(bytes).is_err(), "{}", String::from_utf8_lossy(&bytes[..bytes.len().min(40)]));
    }
}

#[test]
fn damage_harms_nobody() {
    for photo in [JPEG, PNG, WEBP] {
        for at in (0..photo.len()).step_by(191) {
            let mut flipped = photo.to_vec();
            flipped[at] ^= 0xff;
            for damaged in [&photo[..at], &flipped] {
                let sides = of(damaged).map_or((1, 1), |small| small.dimensions());
                assert!((1..=SIDE).contains(&sides.0) && (1..=SIDE).contains(&sides.1), "{at}");
            }
        }
    }
}
