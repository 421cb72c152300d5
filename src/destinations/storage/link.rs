//! Where a person finds an object: an address without credentials or signature.

use url::Url;

/// The address of a key below a place; `None` where the place is no address.
pub(in crate::destinations) fn link(place: &str, key: &str) -> Option<String> {
    let mut url = Url::parse(place).ok().filter(Url::has_host)?;
    if matches!(url.scheme(), "s3" | "gs") {
        // The tools that take such an address take the key as it is.
        return Some(format!("{}/{key}", place.trim_end_matches('/')));
    }
    url.path_segments_mut().ok()?.pop_if_empty().extend(key.split('/'));
    Some(url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_object_in_the_words_of_its_place() {
        for (place, wanted) in [
            ("s3://photos", "s3://photos/a b/ü#.jpg"),
            ("gs://photos", "gs://photos/a b/ü#.jpg"),
            ("https://h.example/photos", "https://h.example/photos/a%20b/%C3%BC%23.jpg"),
            ("sftp://h.example:22/~/in/", "sftp://h.example:22/~/in/a%20b/%C3%BC%23.jpg"),
            ("sftp://h.example:2222/~/.", "sftp://h.example:2222/~/a%20b/%C3%BC%23.jpg"),
            ("ftps://h.example:21/", "ftps://h.example:21/a%20b/%C3%BC%23.jpg"),
        ] {
            assert_eq!(link(place, "a b/ü#.jpg").as_deref(), Some(wanted));
        }
        assert_eq!(link("Dropbox: /Apertur", "a.jpg"), None);
    }
}
