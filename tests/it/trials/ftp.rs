//! FTP, by vsftpd in every way to set it up wrongly.

use std::{fs, process::Command};

use super::{NOBODY, Story};
use crate::{
    files::disk::Disk,
    servers::{Place, Prepare, files::vsftpd},
    storage_contract::{
        Shore,
        files::{Vsftpd, start},
    },
};

/// vsftpd with one more line in its configuration.
macro_rules! set_up {
    ($($name:ident: $line:literal)*) => {$(
        fn $name(place: &Place) -> Command {
            let command = vsftpd(place);
            let file = place.home.join("vsftpd.conf");
            let text = fs::read_to_string(&file).unwrap();
            fs::write(file, format!("{text}{}\n", $line)).unwrap();
            command
        }
    )*};
}

set_up! {
    without_tls: "ssl_enable=NO"
    read_only: "write_enable=NO"
    without_removing: "cmds_denied=DELE"
    without_renaming: "cmds_denied=RNFR"
    without_reading: "download_enable=NO"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ftp_says_what_works_and_what_is_wrong() {
    let mut shore = Vsftpd::start().await;
    let at = shore.server().address();
    let home = shore.server().home().display().to_string();
    let plain = [(&*home, "HOME")];
    let mut story = Story::of("ftp", shore.secrets());
    story.works(&shore.keys(at), &plain);
    let without_ca = shore.keys(at).replace("ca_file", "#");
    for (mistake, keys) in [
        ("wrong password", shore.wrong_credentials(at)),
        ("wrong folder", shore.missing(at)),
        ("an unknown certificate", without_ca.clone()),
        ("no TLS here", without_ca + "\ntls = \"none\""),
        ("nobody there", shore.keys(NOBODY.into())),
    ] {
        story.fails(mistake, &keys, &plain);
    }
    let _disk = Disk::full(&shore.server().home().join("root/full"));
    story.fails("full", &shore.keys(at).replace("\"place\"", "\"full\""), &plain);
    let others: [(&str, Prepare); 5] = [
        ("no TLS there", without_tls),
        ("may not write", read_only),
        ("may not rename", without_renaming),
        ("may not read", without_reading),
        ("may not remove", without_removing),
    ];
    for (mistake, prepare) in others {
        let mut shore = Vsftpd(start(prepare));
        let at = shore.server().address();
        let home = shore.server().home().display().to_string();
        story.fails(mistake, &shore.keys(at), &[(&*home, "HOME")]);
    }
    story.ends();
}
