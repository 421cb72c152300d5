//! The built binary, command by command.

use crate::daemon::{Daemon, Options};

#[test]
fn a_daemon_starts_stops_and_comes_back_at_the_same_place() {
    let mut daemon = Daemon::start(Options::default());
    let url = daemon.url().to_owned();
    assert!(url.starts_with("http://127.0.0.1:"));
    assert!(daemon.console_url().starts_with("http://127.0.0.1:"));
    daemon.kill9();
    daemon.restart();
    assert_eq!(daemon.url(), url);
    assert!(daemon.stop().success());
    assert!(daemon.log().contains("stopped"), "{}", daemon.log());
}
