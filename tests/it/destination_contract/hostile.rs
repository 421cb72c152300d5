//! What guests choose: names of files.

use super::{ending, every};

const NAMES: [&str; 8] = [
    "<img src=x onerror=alert(1)>.jpg",
    "(ref apertur-img_2).jpg",
    "apertur-img_2.jpg",
    "\u{0}\u{1}\r\n\u{1b}[31m.jpg",
    "a\"; filename=\"b.jpg\r\nContent-Type: text/html\r\n\r\n<p>",
    "../../etc/passwd",
    "&lt;b&gt; &amp; {filename} \u{202e}gpj.exe",
    "{\"ticket\":{\"status\":\"closed\"}}'\\",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_a_guest_chose_stays_text_and_is_nobody_else_s_mark() {
    for lab in every().await {
        let told = lab.shore.name();
        let long = "x".repeat(300);
        for (number, name) in NAMES.into_iter().chain([long.as_str()]).enumerate() {
            let mut photo = lab.photo(&format!("guest_{number}"));
            photo.photo.filename = Some(name.to_owned());
            assert_eq!(ending(&lab.send(&photo).await), "done", "{told} {name:?}");
            let sha256 = photo.photo.sha256.unwrap().to_hex();
            let all = lab.shore.stored();
            assert_eq!(all.len(), number + 1, "{told} {name:?}");
            let stored = all.iter().find(|one| one.sha256 == sha256).unwrap();
            for markup in ["<img", "<b>", "<script"] {
                assert!(!stored.text.contains(markup), "{told} {:?}", stored.text);
            }
            let odd = |c: char| c.is_control() || c == '\u{202e}';
            assert!(!stored.text.contains(odd), "{told} {:?}", stored.text);
            assert!(!stored.file_name.contains(['/', '\\', '<', '\n']), "{told} {stored:?}");
            assert!(lab.find(&photo).await.unwrap().is_some(), "{told} {name:?}");
            assert_eq!(lab.find(&lab.photo("img_2")).await, Ok(None), "{told} {name:?}");
        }
    }
}
