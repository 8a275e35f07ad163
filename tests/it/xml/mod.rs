//! Our XML signatures, certificates and encryption, judged by xmlsec1 and OpenSSL. No database.
mod encryption;
mod foreign;
mod keys;
mod ours;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use tempfile::TempDir;
use understudy::crypto::certificate::{PublicKey, self_sign, to_base64};
use understudy::crypto::keys::{Algorithm, generate};
use understudy::crypto::xml::{Name, Signer};

const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const SAML1: &str = "urn:oasis:names:tc:SAML:1.0:assertion";
const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const REQUEST: Name = Name::new(SAMLP, "AuthnRequest");

/// A key of ours, and files of it for the others.
struct Party {
    signer: Signer,
    public: PublicKey,
    files: Files,
}

static PARTY: LazyLock<Party> = LazyLock::new(|| {
    let key = generate(Algorithm::Rs256).unwrap();
    let at = |seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    let certificate =
        self_sign(&key.private, "understudy", at(1_700_000_000), at(4_000_000_000)).unwrap();
    let files = Files::new();
    files.write("cert.pem", &pem("CERTIFICATE", &to_base64(&certificate)));
    files.write("key.pem", &pem("PRIVATE KEY", &to_base64(&key.private)));
    Party {
        signer: Signer::load(&key.private, &certificate).unwrap(),
        public: PublicKey::from_certificate(&certificate).unwrap(),
        files,
    }
});

fn pem(label: &str, base64: &str) -> String {
    let lines: Vec<&str> =
        base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs a program in this folder; its output, or what it complained of.
    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .unwrap_or_else(|e| panic!("{program}: {e}; see scripts/setup-tests.sh"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    fn openssl(&self, arguments: &str) {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        self.run("openssl", &arguments).unwrap();
    }
}

/// From 1.3 on the program wants to be told that a key needs no name.
fn lax() -> &'static [&'static str] {
    static VERSION: LazyLock<String> =
        LazyLock::new(|| Files::new().run("xmlsec1", &["--version"]).unwrap());
    if VERSION.contains(" 1.2.") { &[] } else { &["--lax-key-search"] }
}

fn xmlsec1(files: &Files, arguments: &[&str]) -> Result<String, String> {
    let (command, rest) = arguments.split_first().unwrap();
    files.run("xmlsec1", &[&[*command], lax(), rest].concat())
}
