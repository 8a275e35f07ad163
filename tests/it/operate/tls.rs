//! TLS to Postgres as libpq has it; `PgBouncer`, on OpenSSL, stands at the other end.
use crate::hardening::pooler::{Bouncer, give_settings};
use crate::support::TestDb;
use crate::support::node::{Said, run};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// An authority, with a server and a client that it vouches for.
struct Authority {
    folder: TempDir,
}

impl Authority {
    fn new(server_name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let authority = Self { folder };
        authority.write("ca.pem", &root.pem(), 0o644);
        for (who, name, mode) in [("server", server_name, 0o644), ("client", "understudy", 0o600)] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            // With the authority's own name it would be taken for self-signed.
            params.distinguished_name.push(DnType::CommonName, who);
            let signed = params.signed_by(&key, &issuer).unwrap();
            authority.write(&format!("{who}.pem"), &signed.pem(), 0o644);
            authority.write(&format!("{who}.key"), &key.serialize_pem(), mode);
        }
        authority
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn parameter(&self, name: &str, file: &str) -> String {
        format!("&{name}={}", encode(&self.path(file)))
    }

    async fn serve(&self, db: &TestDb, more: &str) -> Bouncer {
        let (key, certificate) = (self.path("server.key"), self.path("server.pem"));
        let settings = format!(
            "pool_mode = session\nignore_startup_parameters = options\nclient_tls_key_file = {}\n\
             client_tls_cert_file = {}\n{more}",
            key.display(),
            certificate.display()
        );
        Bouncer::start(db, &settings).await
    }
}

fn encode(path: &Path) -> String {
    path.to_str().unwrap().replace('/', "%2F")
}

async fn list(bouncer: &Bouncer, query: &str) -> Said {
    let url = bouncer.url.replace("?sslmode=disable", &format!("?{query}"));
    tokio::task::spawn_blocking(move || run(&url, &["keys", "list"])).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l20_the_authority_and_the_name_are_verified_as_far_as_it_is_said() {
    let db = TestDb::create();
    give_settings(&db).await;
    let (right, named, other) =
        (Authority::new("127.0.0.1"), Authority::new("db.example"), Authority::new("127.0.0.1"));
    let at = right.serve(&db, "client_tls_sslmode = require\n").await;
    let elsewhere = named.serve(&db, "client_tls_sslmode = require\n").await;
    let (root, its_root) =
        (right.parameter("sslrootcert", "ca.pem"), named.parameter("sslrootcert", "ca.pem"));
    for mode in ["require", "verify-ca", "verify-full", "prefer"] {
        let said = list(&at, &format!("sslmode={mode}{root}")).await;
        assert!(said.success, "{mode}: {said:?}");
        let said = list(&elsewhere, &format!("sslmode={mode}{its_root}")).await;
        assert_eq!(said.success, mode == "verify-ca", "{mode}, another name: {said:?}");
        // Nobody whom we know, or whom this machine knows.
        for strange in [other.parameter("sslrootcert", "ca.pem"), String::new()] {
            let said = list(&at, &format!("sslmode={mode}{strange}")).await;
            assert!(!said.success && said.code == Some(3), "{mode}{strange}: {said:?}");
        }
    }
    assert!(!list(&at, "sslmode=disable").await.success, "it takes no connection in clear");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l20_a_client_shows_its_certificate() {
    let db = TestDb::create();
    give_settings(&db).await;
    let own = Authority::new("127.0.0.1");
    let ca = own.path("ca.pem");
    let settings =
        format!("client_tls_sslmode = verify-ca\nclient_tls_ca_file = {}\n", ca.display());
    let at = own.serve(&db, &settings).await;
    let root = own.parameter("sslrootcert", "ca.pem");
    let shown = own.parameter("sslcert", "client.pem") + &own.parameter("sslkey", "client.key");
    let said = list(&at, &format!("sslmode=verify-full{root}{shown}")).await;
    assert!(said.success, "{said:?}");
    assert!(!list(&at, &format!("sslmode=verify-full{root}")).await.success);
    let strange = Authority::new("127.0.0.1");
    let shown_by_another =
        strange.parameter("sslcert", "client.pem") + &strange.parameter("sslkey", "client.key");
    assert!(!list(&at, &format!("sslmode=verify-full{root}{shown_by_another}")).await.success);

    // What cannot be used is named, and the process ends.
    fs::set_permissions(own.path("client.key"), Permissions::from_mode(0o644)).unwrap();
    let said = list(&at, &format!("sslmode=verify-full{root}{shown}")).await;
    assert!(said.code == Some(2) && said.err.contains("open to others"), "{said:?}");
    own.write("client.key", "no key", 0o600);
    let said = list(&at, &format!("sslmode=verify-full{root}{shown}")).await;
    assert!(said.code == Some(2) && said.err.contains("no private key"), "{said:?}");
    let said = list(&at, "sslmode=verify-full&sslrootcert=%2Fnowhere%2Fca.pem").await;
    assert!(said.code == Some(2) && said.err.contains("DATABASE_URL: sslrootcert"), "{said:?}");
}
