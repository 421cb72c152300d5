//! Makes a small JPEG of a picture, within bounds. The bytes are a stranger's: they are told by
//! what they are and not by their name, and nothing gets into the JPEG but how they look.
//!
//! A decoder may still panic: who calls this does so on a thread of its own.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read as _, Seek, SeekFrom},
};

use image::{
    DynamicImage, ImageDecoder as _, ImageError, ImageFormat, ImageReader, ImageResult, Limits,
    RgbImage, codecs::jpeg::JpegEncoder, metadata::Orientation,
};

/// Longest side of what is made, in pixels.
const SIDE: u32 = 640;
/// How well the JPEG is made, of 100.
const QUALITY: u8 = 80;
/// Longest side that is read.
const MOST_SIDE: u32 = 20_000;
/// Most that one decoder works in, beside the file: the pixels of a phone's 108 megapixels are 309
/// MiB.
const MOST_MEMORY: u64 = 320 * 1024 * 1024;
/// Most that a decoder keeps of what stands beside the pixels, as a colour profile.
const MOST_BESIDE: u64 = 16 * 1024 * 1024;

/// A JPEG that fits 640 x 640 pixels and stands upright, of a JPEG, PNG, WebP or GIF. Blocks for
/// a second or more where the picture is large.
///
/// # Errors
/// When the bytes are no such picture, are damaged, or would need too much memory.
pub(super) fn scaled(file: fs::File) -> ImageResult<Vec<u8>> {
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(MOST_SIDE);
    limits.max_image_height = Some(MOST_SIDE);
    limits.max_alloc = Some(MOST_BESIDE);
    let reader = ImageReader::new(BufReader::new(file)).with_guessed_format()?;
    let Some(format) = reader.format() else { return Err(unknown()) };
    let mut file = reader.into_inner();
    let copies = copies(format, &mut file)?;
    let frame = if format == ImageFormat::WebP { Some(webp_frame(&mut file)?) } else { None };
    let mut reader = ImageReader::with_format(file, format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    if frame.is_some_and(|frame| frame != decoder.dimensions()) {
        return Err(unknown());
    }
    limits.max_alloc = Some(MOST_MEMORY);
    limits.reserve(decoder.total_bytes().saturating_mul(copies))?;
    let upright = match format {
        // Its decoder would take as much memory as the file says that its EXIF data has.
        ImageFormat::WebP => Orientation::NoTransforms,
        _ => decoder.orientation().unwrap_or(Orientation::NoTransforms),
    };
    decoder.set_limits(limits)?;
    let mut small = small(DynamicImage::from_decoder(decoder)?);
    small.apply_orientation(upright);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&on_white(&small))?;
    Ok(jpeg)
}

fn unknown() -> ImageError {
    io::Error::new(io::ErrorKind::InvalidData, "no picture that can be shown").into()
}

/// Never larger than it was.
fn small(picture: DynamicImage) -> DynamicImage {
    if picture.width().max(picture.height()) <= SIDE {
        return picture;
    }
    picture.thumbnail(SIDE, SIDE)
}

/// What JPEG cannot say: what shows through is white.
fn on_white(picture: &DynamicImage) -> RgbImage {
    let picture = picture.to_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0.map(u16::from);
        let mixed = |colour| u8::try_from((colour * alpha + 255 * (255 - alpha)) / 255);
        image::Rgb([red, green, blue].map(|colour| mixed(colour).unwrap_or(u8::MAX)))
    })
}

/// How often a decoder holds the pixels, in one form or another; the limits of the decoders count
/// them once. Leaves the file at its beginning.
fn copies(format: ImageFormat, file: &mut (impl BufRead + Seek)) -> io::Result<u64> {
    let copies = match format {
        // The coefficients are two bytes a colour, beside the one that comes of them.
        ImageFormat::Jpeg if !is_read_at_once(file).unwrap_or_default() => 3,
        // The planes of its colours and what comes of them, and the canvas.
        ImageFormat::WebP => 4,
        _ => 1,
    };
    file.seek(SeekFrom::Start(0))?;
    Ok(copies)
}

/// Whether a JPEG's pixels come of one pass over it, block by block: not where it is progressive
/// or has a scan for each colour (ITU-T T.81, B.2).
fn is_read_at_once(file: &mut (impl BufRead + Seek)) -> io::Result<bool> {
    file.seek(SeekFrom::Start(2))?;
    let mut colours = None;
    loop {
        let marker = marker(file)?;
        let mut length = [0; 2];
        file.read_exact(&mut length)?;
        let length = u16::from_be_bytes(length).saturating_sub(2);
        let mut segment = Vec::new();
        file.by_ref().take(u64::from(length)).read_to_end(&mut segment)?;
        match marker {
            0xc0 | 0xc1 if colours.is_none() => colours = segment.get(5).copied(),
            // Another frame than the two that are baseline, or a second one.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => return Ok(false),
            // The first scan.
            0xda => return Ok(colours.is_some() && segment.first().copied() == colours),
            _ => {}
        }
    }
}

/// The next marker that has a length.
fn marker(file: &mut impl BufRead) -> io::Result<u8> {
    loop {
        file.skip_until(0xff)?;
        let mut marker = [0xff];
        while marker == [0xff] {
            file.read_exact(&mut marker)?;
        }
        if !matches!(marker, [0x00 | 0x01 | 0xd0..=0xd9]) {
            return Ok(marker[0]);
        }
    }
}

/// Width and height of a WebP's one frame, by itself: its decoder makes room by them before it
/// compares them with the canvas. An animation has none. Leaves the file at its beginning.
fn webp_frame(file: &mut (impl BufRead + Seek)) -> ImageResult<(u32, u32)> {
    file.seek(SeekFrom::Start(12))?;
    let size = loop {
        let mut chunk = [0; 8];
        file.read_exact(&mut chunk)?;
        let [a, b, c, d, length @ ..] = chunk;
        let length = i64::from(u32::from_le_bytes(length));
        match &[a, b, c, d] {
            b"VP8 " => {
                // RFC 6386, section 9.1: a tag, a start code, two sides of 14 bits.
                let mut head = [0; 10];
                file.read_exact(&mut head)?;
                let [.., w0, w1, h0, h1] = head;
                let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
                break (side(w0, w1), side(h0, h1));
            }
            b"VP8L" => {
                // RFC 9649, section 3.4: a signature, two sides of 14 bits, each less one.
                let mut head = [0; 5];
                file.read_exact(&mut head)?;
                let [_, sides @ ..] = head;
                let sides = u32::from_le_bytes(sides);
                break ((sides & 0x3fff) + 1, (sides >> 14 & 0x3fff) + 1);
            }
            b"ANMF" => return Err(unknown()),
            _ => file.seek_relative(length + (length & 1))?,
        }
    };
    file.seek(SeekFrom::Start(0))?;
    Ok(size)
}

#[cfg(test)]
mod tests;
