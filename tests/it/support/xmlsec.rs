//! `xmlsec1`, which shares no code with us: whether our signatures hold and our encryption opens.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::process::{Command, Output};
use tempfile::TempDir;

/// The certificates that we publish.
pub struct Keys {
    folder: TempDir,
    certificates: Vec<String>,
}

impl Keys {
    /// Those of all `X509Certificate` outside of a signature.
    pub fn of_metadata(metadata: &str) -> Self {
        let body = match metadata.split_once("</ds:Signature>") {
            Some((_, body)) => body,
            None => metadata,
        };
        let found = body.split("X509Certificate>").skip(1).step_by(2);
        let certificates: Vec<String> =
            found.map(|part| part.split('<').next().unwrap().to_owned()).collect();
        assert!(!certificates.is_empty(), "{metadata}");
        let keys = Self { folder: tempfile::tempdir().unwrap(), certificates };
        for (nth, certificate) in keys.certificates.iter().enumerate() {
            let pem = pem("CERTIFICATE", certificate);
            std::fs::write(keys.folder.path().join(format!("{nth}.pem")), pem).unwrap();
        }
        keys
    }

    fn run(&self, nth: usize, xml: &str, element: &str) -> Output {
        let (file, key) = (self.folder.path().join("message.xml"), format!("{nth}.pem"));
        std::fs::write(&file, xml).unwrap();
        let mut command = xmlsec1();
        command.arg("--verify").arg("--pubkey-cert-pem").arg(self.folder.path().join(key));
        let attribute = if element.contains("SAML:1.0") { "AssertionID" } else { "ID" };
        command.arg(format!("--id-attr:{attribute}")).arg(element).arg(file);
        command.output().unwrap()
    }

    /// The first signature is by one of them, over `element` (its namespace, a colon, its name).
    #[track_caller]
    pub fn verify(&self, xml: &str, element: &str) {
        let runs: Vec<Output> =
            (0..self.certificates.len()).map(|nth| self.run(nth, xml, element)).collect();
        let said: Vec<_> = runs.iter().map(|run| String::from_utf8_lossy(&run.stderr)).collect();
        assert!(runs.iter().any(|run| run.status.success()), "{said:?}\n{xml}");
    }

    #[track_caller]
    pub fn refuse(&self, xml: &str, element: &str) {
        let taken =
            (0..self.certificates.len()).any(|nth| self.run(nth, xml, element).status.success());
        assert!(!taken, "{xml}");
    }
}

/// The document with its encrypted part in clear.
#[track_caller]
pub fn decrypt(xml: &str, pkcs8: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (file, key) = (folder.path().join("message.xml"), folder.path().join("key.pem"));
    std::fs::write(&file, xml).unwrap();
    std::fs::write(&key, pem("PRIVATE KEY", &STANDARD.encode(pkcs8))).unwrap();
    let output =
        xmlsec1().arg("--decrypt").arg("--privkey-pem").arg(key).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn xmlsec1() -> Command {
    let found = Command::new("xmlsec1").arg("--version").output();
    assert!(found.is_ok(), "xmlsec1 is missing: run scripts/setup-tests.sh first");
    Command::new("xmlsec1")
}

/// In lines of 64 characters ([RFC 7468 §2](https://www.rfc-editor.org/rfc/rfc7468#section-2)).
pub fn pem(label: &str, base64: &str) -> String {
    let lines: Vec<&str> =
        base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
