//! Dropbox's content hash: the SHA-256 of the SHA-256s of blocks of 4 MiB.
//! <https://www.dropbox.com/developers/reference/content-hash>

use sha2::{Digest as _, Sha256};

/// Bytes in one block.
const BLOCK: usize = 4 << 20;

/// The hash of what was given so far.
#[derive(Default)]
pub(super) struct ContentHash {
    whole: Sha256,
    block: Sha256,
    /// Bytes in the block that is not full yet.
    filled: usize,
}

impl ContentHash {
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.filled));
            self.block.update(now);
            self.filled += now.len();
            if self.filled == BLOCK {
                self.whole.update(self.block.finalize_reset());
                self.filled = 0;
            }
            bytes = later;
        }
    }

    /// In hexadecimal digits.
    pub(super) fn finish(mut self) -> String {
        if self.filled > 0 {
            self.whole.update(self.block.finalize());
        }
        hex::encode(self.whole.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_hashed_and_then_their_hashes() {
        let hash = |bytes: &[u8], step: usize| {
            let mut hash = ContentHash::default();
            bytes.chunks(step).for_each(|chunk| hash.update(chunk));
            hash.finish()
        };
        let bytes: Vec<u8> = (0..9_000_000_u32).map(|i| (i % 251) as u8).collect();
        let parts: Vec<u8> = bytes.chunks(BLOCK).flat_map(|b| Sha256::digest(b).to_vec()).collect();
        let wanted = hex::encode(Sha256::digest(parts));
        for step in [1000, BLOCK, 9_000_000] {
            assert_eq!(hash(&bytes, step), wanted, "{step}");
        }
        let exactly = &bytes[..BLOCK];
        assert_eq!(hash(exactly, 77), hex::encode(Sha256::digest(Sha256::digest(exactly))));
        // Of nothing it is the hash of nothing.
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hash(b"", 1), nothing);
    }
}
