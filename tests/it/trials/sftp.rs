//! SFTP, by OpenSSH in every way to set it up wrongly.

use std::{fs, process::Command};

use super::{NOBODY, Story};
use crate::{
    files::disk::Disk,
    servers::{Place, Prepare, files::openssh},
    storage_contract::{
        Shore,
        files::{OpenSsh, start},
        s3::Moto,
    },
};

/// OpenSSH with one more line in its configuration.
macro_rules! set_up {
    ($($name:ident: $line:literal)*) => {$(
        fn $name(place: &Place) -> Command {
            let command = openssh(place);
            let file = place.home.join("sshd_config");
            let text = fs::read_to_string(&file).unwrap();
            fs::write(file, format!("{text}{}\n", $line)).unwrap();
            command
        }
    )*};
}

set_up! {
    read_only: "ForceCommand internal-sftp -R"
    without_removing: "ForceCommand internal-sftp -P remove"
    without_renaming: "ForceCommand internal-sftp -P rename"
    without_reading: "ForceCommand internal-sftp -P read"
    without_sftp: "ForceCommand /bin/false"
}

/// The fingerprint of some other server's key.
const OTHER: &str = "SHA256:Nh0Me49Zh9fDw/VYUfq43IJmI1T+XrjiYONPND8GzaM";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sftp_says_what_works_and_what_is_wrong() {
    let (mut shore, mut moto) = (OpenSsh::start().await, Moto::start().await);
    let at = shore.server().address();
    let home = shore.server().home().display().to_string();
    let keys = shore.keys(at);
    let (unknown, host_key) = keys.split_once("host_key = ").unwrap();
    let user = keys.split("username = \"").nth(1).unwrap().split('"').next().unwrap();
    let (of_user, as_user) = (format!(" of {user} "), format!(" as {user},"));
    let plain = [
        (&*home, "HOME"),
        (host_key.trim_matches('"'), "THE-KEY"),
        (&*of_user, " of USER "),
        (&*as_user, " as USER,"),
    ];
    let mut story = Story::of("sftp", shore.secrets());
    story.works(&keys, &plain);
    for (mistake, keys) in [
        ("an unknown host", unknown.to_owned()),
        ("another host", format!("{unknown}host_key = \"{OTHER}\"")),
        ("a wrong key", shore.wrong_credentials(at)),
        ("wrong folder", shore.missing(at)),
        ("no SSH", shore.keys(moto.server().address())),
        ("nobody there", shore.keys(NOBODY.into())),
    ] {
        story.fails(mistake, &keys, &plain);
    }
    let _disk = Disk::full(&shore.server().home().join("root/full"));
    story.fails("full", &keys.replace("root/place", "root/full"), &plain);
    let others: [(&str, Prepare); 5] = [
        ("may not write", read_only),
        ("may not rename", without_renaming),
        ("may not read", without_reading),
        ("may not remove", without_removing),
        ("no SFTP", without_sftp),
    ];
    for (mistake, prepare) in others {
        let mut shore = OpenSsh(start(prepare));
        let at = shore.server().address();
        let home = shore.server().home().display().to_string();
        story.fails(mistake, &shore.keys(at), &[(&*home, "HOME"), plain[3]]);
    }
    story.ends();
}
