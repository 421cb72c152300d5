//! The QR code of a link: for a terminal, as a drawing, as a picture. Pure.

use png::{BitDepth, ColorType, Encoder};
use qrcode::{Color, QrCode, render::svg};

use crate::model::SessionLink;

/// Light modules around the code, without which phones do not find it.
const QUIET: usize = 4;
/// Pixels of a module in a picture.
const SCALE: usize = 10;

/// Black on white whatever the terminal's colours are, and back.
const BLACK_ON_WHITE: (&str, &str) = ("\x1b[38;5;16;48;5;231m", "\x1b[0m");

/// The QR code of a link.
pub struct Qr(QrCode);

/// Without the code, which is the link.
impl std::fmt::Debug for Qr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Qr(…)")
    }
}

/// Why there is no QR code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the QR code cannot be drawn: {0}")]
pub struct QrError(String);

impl Qr {
    /// The code of a link.
    ///
    /// # Errors
    /// When the link is longer than a code holds.
    pub fn of(link: &SessionLink) -> Result<Self, QrError> {
        let code = QrCode::new(link.reveal()).map_err(|error| QrError(error.to_string()))?;
        Ok(Self(code))
    }

    /// The code in half blocks, two rows of modules a line. `colours` says that a terminal shows
    /// them; without, the text is dark on light.
    #[must_use]
    pub fn text(&self, colours: bool) -> String {
        let (begin, end) = if colours { BLACK_ON_WHITE } else { ("", "") };
        let side = self.0.width() + 2 * QUIET;
        let line = |y: usize| {
            let block = |x| match (self.is_dark(x, y), self.is_dark(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            };
            format!("{begin}{}{end}", (0..side).map(block).collect::<String>())
        };
        (0..side).step_by(2).map(line).collect::<Vec<_>>().join("\n")
    }

    /// The code as an SVG file.
    #[must_use]
    pub fn svg(&self) -> String {
        self.0.render::<svg::Color<'_>>().min_dimensions(400, 400).build()
    }

    /// The code as a PNG file.
    ///
    /// # Errors
    /// Never in practice: it is written to memory.
    pub fn png(&self) -> Result<Vec<u8>, QrError> {
        let side = (self.0.width() + 2 * QUIET) * SCALE;
        let pixel = |at: usize| {
            let dark = self.is_dark(at % side / SCALE, at / side / SCALE);
            if dark { 0 } else { u8::MAX }
        };
        let pixels: Vec<u8> = (0..side * side).map(pixel).collect();
        let error = |error: png::EncodingError| QrError(error.to_string());
        let pixels_a_side = u32::try_from(side).map_err(|error| QrError(error.to_string()))?;
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, pixels_a_side, pixels_a_side);
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(error)?;
        writer.write_image_data(&pixels).map_err(error)?;
        writer.finish().map_err(error)?;
        Ok(file)
    }

    /// Whether a module is dark, counted from the corner of the quiet zone.
    fn is_dark(&self, x: usize, y: usize) -> bool {
        let width = self.0.width();
        let within = |at: usize| at.checked_sub(QUIET).filter(|at| *at < width);
        let (Some(x), Some(y)) = (within(x), within(y)) else { return false };
        self.0[(x, y)] == Color::Dark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qr() -> Qr {
        Qr::of(&SessionLink::parse("https://u.aptr.ca/s/1").unwrap()).unwrap()
    }

    /// The modules of the text, with the quiet zone.
    fn modules(text: &str) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in text.lines() {
            rows.push(line.chars().map(|c| matches!(c, '█' | '▀')).collect());
            rows.push(line.chars().map(|c| matches!(c, '█' | '▄')).collect());
        }
        rows
    }

    #[test]
    fn text_and_picture_show_the_same_modules_with_a_quiet_zone() {
        let qr = qr();
        let side = qr.0.width() + 2 * QUIET;
        let text = modules(&qr.text(false));
        assert_eq!((text.len(), text[0].len()), (side + side % 2, side));
        let file = qr.png().unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width as usize, info.height as usize), (side * SCALE, side * SCALE));
        for (y, row) in text.iter().take(side).enumerate() {
            for (x, dark) in row.iter().enumerate() {
                let at = (y * SCALE + SCALE / 2) * side * SCALE + x * SCALE + SCALE / 2;
                assert_eq!(*dark, pixels[at] == 0, "{x} {y}");
                let (inside, end) = (QUIET, side - QUIET);
                assert!(!dark || (inside..end).contains(&x) && (inside..end).contains(&y));
            }
        }
        // The corner of the first finder: seven dark modules, then a light one.
        let first = |n: usize| text[QUIET][QUIET..].iter().take(n).filter(|dark| **dark).count();
        assert_eq!((first(7), first(8)), (7, 7));
    }

    #[test]
    fn a_terminal_s_colours_are_set_and_reset_in_every_line() {
        for line in qr().text(true).lines() {
            assert!(line.starts_with(BLACK_ON_WHITE.0) && line.ends_with(BLACK_ON_WHITE.1));
        }
        assert!(!qr().text(false).contains('\x1b'));
        assert!(qr().svg().contains("<svg"));
    }
}
