//! Microsoft's quickXorHash: every byte is added without carry to a ring of 160 bits, 11 bits
//! further on than the one before it, and the length to the last 64 of them.
//! <https://learn.microsoft.com/onedrive/developer/code-snippets/quickxorhash>

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Bytes of the ring.
const WIDTH: usize = 20;
/// Bits by which the place of a byte differs from that of the one before.
const SHIFT: usize = 11;

/// The hash of what was given so far.
#[derive(Default)]
pub(super) struct QuickXor {
    /// One sum for each place in the ring that a byte can have: the places repeat after 160 bytes.
    sums: Vec<u8>,
    length: u64,
    at: usize,
}

impl QuickXor {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        const PLACES: usize = WIDTH * 8;
        self.sums.resize(PLACES, 0);
        for &byte in bytes {
            if let Some(sum) = self.sums.get_mut(self.at) {
                *sum ^= byte;
            }
            self.at = (self.at + 1) % PLACES;
        }
        self.length += bytes.len() as u64;
    }

    /// In base64, as the API tells it.
    pub(super) fn finish(self) -> String {
        let mut ring = [0_u8; WIDTH];
        for (at, sum) in self.sums.iter().enumerate() {
            let bit = at * SHIFT % (WIDTH * 8);
            let [low, high] = (u16::from(*sum) << (bit % 8)).to_le_bytes();
            ring[bit / 8] ^= low;
            ring[(bit / 8 + 1) % WIDTH] ^= high;
        }
        let tail = ring.iter_mut().skip(WIDTH - 8);
        tail.zip(self.length.to_le_bytes()).for_each(|(byte, length)| *byte ^= length);
        STANDARD.encode(ring)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hashes_come_out() {
        for (bytes, hash) in [
            ("", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
            ("Sg==", "SgAAAAAAAAAAAAAAAQAAAAAAAAA="),
            ("tbQ=", "taAFAAAAAAAAAAAAAgAAAAAAAAA="),
            ("0pZP", "0rDEEwAAAAAAAAAAAwAAAAAAAAA="),
            ("jRRDVA==", "jaDAEKgAAAAAAAAABAAAAAAAAAA="),
            ("eAV52qE=", "eChAHrQRCgAAAAAABQAAAAAAAAA="),
            ("luBZlaT6", "lgBHFipBCn0AAAAABgAAAAAAAAA="),
            ("qaApEj66lw==", "qQBFCiTgA11cAgAABwAAAAAAAAA="),
            ("/aNzzCFPS/A=", "/RjFHJgRgicsAR4ACAAAAAAAAAA="),
        ] {
            let mut quick = QuickXor::default();
            STANDARD.decode(bytes).unwrap().chunks(3).for_each(|chunk| quick.update(chunk));
            assert_eq!(quick.finish(), hash, "{bytes}");
        }
    }
}
