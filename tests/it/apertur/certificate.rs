//! A key that is bound to a client certificate: a real TLS server that lets nobody else in.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    process::Command,
    sync::Arc,
    thread,
};

use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, crypto::aws_lc_rs,
    server::WebPkiClientVerifier,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use crate::daemon::{SECRET, binary};

/// Makes a CA, and for `server` and `client` a key and a certificate of it.
fn make_certificates(home: &Path) {
    let script = "
        set -e
        key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
        openssl req -x509 $key -keyout ca.key -out ca.pem -subj /CN=test-ca -days 2 \
            -addext basicConstraints=critical,CA:TRUE
        for who in server client; do
            openssl req $key -keyout $who.key -out $who.csr -subj /CN=$who
            printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' > $who.ext
            openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
                -extfile $who.ext -out $who.pem
        done
        cat client.pem client.key > both.pem";
    let made = Command::new("sh").args(["-c", script]).current_dir(home).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// Answers every request with a session; gives the port.
fn serve(home: &Path) -> u16 {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let certificate = |name: &str| CertificateDer::from_pem_file(home.join(name)).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate("ca.pem")).unwrap();
    let builder = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let key = PrivateKeyDer::from_pem_file(home.join("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(builder.build().unwrap())
        .with_single_cert(vec![certificate("server.pem")], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let mut head = [0; 4096];
            // Who is not let in is not answered.
            if stream.read(&mut head).is_ok() {
                let body = r#"{"id":"s-1","upload_url":"https://u.example.com/s-1"}"#;
                let length = body.len();
                let head = "HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length:";
                drop(write!(stream, "{head} {length}\r\n\r\n{body}"));
            }
        }
    });
    port
}

#[test]
fn a_client_certificate_opens_the_api_and_without_it_nobody_gets_in() {
    let home = tempfile::tempdir().unwrap();
    make_certificates(home.path());
    let port = serve(home.path());
    let create = |more: &str| {
        let text = format!(
            "data_dir = \"data\"\nwebhook.secrets = [\"{SECRET}\"]\n[apertur]\n\
             api_key = \"aptr_live_hush\"\nbase_url = \"https://localhost:{port}\"\n{more}"
        );
        let file = home.path().join("config.toml");
        std::fs::write(&file, text).unwrap();
        let run = |args: &[&str]| {
            let mut command = binary(&file);
            command.env("SSL_CERT_FILE", home.path().join("ca.pem"));
            command.args(args).current_dir(home.path()).output().unwrap()
        };
        run(&["sessions", "create", "--for", "zendesk:9", "--json"])
    };
    let of_both = "client_certificate = { file = \"both.pem\" }\n";
    let of_two = "client_certificate = [{ file = \"client.pem\" }, { file = \"client.key\" }]\n";
    for more in [of_both, of_two] {
        let made = create(more);
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        assert!(made.status.success(), "{said}");
        assert!(String::from_utf8_lossy(&made.stdout).contains("u.example.com"), "{said}");
    }
    let refused = create("");
    assert_eq!(refused.status.code(), Some(69));

    let said = |more: &str| String::from_utf8_lossy(&create(more).stderr).into_owned();
    let wrong = "client_certificate = [{ file = \"client.pem\" }, { file = \"server.key\" }]\n";
    assert!(said(wrong).contains("a private key that is not the certificate's"));
    let half = "client_certificate = { file = \"client.pem\" }\n";
    assert!(said(half).contains("apertur.client_certificate: holds no private key"));
}
