//! One-time codes for API keys that ask for them (`fixtures/contracts/apertur.md`, section 3.1):
//! RFC 6238 with SHA-1, 6 digits and 30 s.

use jiff::Timestamp;
use totp_rs::{Builder, Secret, Totp};

/// Header with the code.
pub(super) const CODE: &str = "X-APTR-TOTP";

/// The secret that codes are made of. Shows nothing of itself.
#[derive(Debug, Clone)]
pub struct TotpSecret(Totp);

/// Why a text is no such secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no TOTP secret; copy the one that Apertur shows beside the QR code of the key's \
     two-factor set-up: letters and the digits 2 to 7"
)]
pub struct InvalidTotpSecret;

impl TotpSecret {
    /// Reads base32, in either case, with or without white space, `-` and padding.
    ///
    /// # Errors
    /// When it is no base32 or shorter than 10 bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidTotpSecret> {
        let is_noise = |c: char| c.is_whitespace() || matches!(c, '-' | '=');
        let text: String = text.chars().filter(|c| !is_noise(*c)).collect();
        let secret = Secret::try_from_base32(text.to_ascii_uppercase());
        let secret = secret.map_err(|_| InvalidTotpSecret)?;
        if secret.as_ref().len() < 10 {
            return Err(InvalidTotpSecret);
        }
        // Some systems give 80 bits, fewer than the RFC asks for.
        let totp = Builder::new().with_secret(secret).build_noncompliant();
        Ok(Self(totp))
    }

    /// The code of this moment.
    pub(super) fn code(&self, at: Timestamp) -> String {
        self.0.generate(u64::try_from(at.as_second()).unwrap_or_default()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The base32 of `12345678901234567890`.
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn codes_are_those_of_the_contract() {
        let secret = TotpSecret::parse(SECRET).unwrap();
        for (second, code) in [(59, "287082"), (1_800_000_000, "768147")] {
            assert_eq!(secret.code(Timestamp::from_second(second).unwrap()), code);
        }
    }

    #[test]
    fn a_secret_is_read_as_people_copy_it_and_not_shown() {
        let at = Timestamp::from_second(59).unwrap();
        for text in
            ["gezd gnbv gy3t qojq gezd gnbv gy3t qojq", "GEZDGNBVGY3TQOJQ-GEZDGNBVGY3TQOJQ=="]
        {
            assert_eq!(TotpSecret::parse(text).unwrap().code(at), "287082");
        }
        for text in ["", "GEZDGNBV", "not base32!", "1111111111111111"] {
            assert!(TotpSecret::parse(text).is_err(), "{text}");
        }
        let shown = format!("{:?}", TotpSecret::parse(SECRET).unwrap());
        assert!(!shown.contains("GEZD") && !shown.contains("49, 50"), "{shown}");
    }
}
