//! The keys that SFTP and FTP share.

use super::super::{
    section::Section,
    values::{Wrong, count, name, text},
};

/// Reads `host`.
pub(super) fn host(s: &mut Section<'_>) -> Option<String> {
    s.key("host", "name or address of the server").required("files.example.com", text(host_name))
}

/// Reads `port`.
pub(super) fn port(s: &mut Section<'_>, default: &'static str) -> Option<u16> {
    let port = s.key("port", "its port").or(default, count(1, u16::MAX.into()))?;
    u16::try_from(port).ok()
}

fn host_name(text: &str) -> Result<String, Wrong> {
    let text = name(text)?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(&text);
    let is_address = bare.parse::<std::net::IpAddr>().is_ok();
    if is_address || !bare.contains(|c: char| c.is_whitespace() || "/:@[]?#".contains(c)) {
        return Ok(bare.to_owned());
    }
    Err(Wrong::new(
        "is not the name or address of a server alone",
        "write for example \"files.example.com\"; user, port and folder have their own keys",
    ))
}
