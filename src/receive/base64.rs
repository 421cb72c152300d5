//! Pictures that come as base64 text. Blocks: it writes spool files.

use std::io::{self, Read, Write as _};

use base64::{
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    read::DecoderReader,
};

use super::payload::Bad;
use crate::spool::{Spool, Writer};

/// Decodes base64 into a spool file: the standard alphabet or the URL-safe one, with or
/// without padding and line breaks (`fixtures/contracts/open-questions.md`, A18).
pub(super) fn decode(text: impl Read, spool: &Spool) -> Result<Writer, Bad> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let mut bytes = DecoderReader::new(Plain(text), &ENGINE);
    let mut writer = spool.begin().map_err(Bad::Disk)?;
    let mut block = vec![0; 32 * 1024];
    loop {
        let count = bytes
            .read(&mut block)
            .map_err(|_| Bad::Malformed("`data` is not base64, or the JSON ends inside it"))?;
        if count == 0 {
            return Ok(writer);
        }
        writer.write_all(&block[..count]).map_err(Bad::Disk)?;
    }
}

/// Base64 text in the standard alphabet and without white space.
struct Plain<R>(R);

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.0.read(block)?;
            let mut kept = 0;
            for at in 0..count {
                let byte = match block[at] {
                    b' ' | b'\t' | b'\r' | b'\n' => continue,
                    b'-' => b'+',
                    b'_' => b'/',
                    other => other,
                };
                block[kept] = byte;
                kept += 1;
            }
            if kept > 0 || count == 0 {
                return Ok(kept);
            }
        }
    }
}
