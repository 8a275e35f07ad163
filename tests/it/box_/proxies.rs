//! A proxy of others before an API, with the configuration that `examples/content` has for it.
use crate::support::counterpart::python_program;
use crate::support::dev::free_port;
use crate::support::node::until;
use crate::support::{Browser, Page, TestServer};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::json;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    Traefik,
    Envoy,
}

impl Kind {
    /// As the example has it, with these addresses: of the proxy, of Understudy and of the API.
    fn configuration(self, addresses: [&str; 3]) -> String {
        let (text, of) = match self {
            Self::Nginx => (include_str!("../../../examples/content/nginx.conf"), "127.0.0.1:"),
            Self::Traefik => (include_str!("../../../examples/content/traefik.yaml"), "127.0.0.1:"),
            Self::Envoy => (include_str!("../../../examples/content/envoy.yaml"), "port_value: "),
        };
        ["8095", "8080", "8097"].iter().zip(addresses).fold(text.to_owned(), |text, (old, new)| {
            let new = new.strip_prefix("127.0.0.1:").unwrap();
            text.replace(&format!("{of}{old}"), &format!("{of}{new}"))
        })
    }

    fn command(self, configuration: &Path, listen: &str) -> Command {
        let mut command = match self {
            Self::Nginx => {
                let found = Path::new("/usr/sbin/nginx");
                let found = if found.exists() { found.to_owned() } else { PathBuf::from("nginx") };
                let mut command = Command::new(found);
                command.arg("-p").arg(configuration.parent().unwrap()).arg("-c").arg(configuration);
                command
            }
            Self::Traefik => {
                let mut command = python_program("traefik");
                command.arg(format!("--entrypoints.web.address={listen}"));
                command.arg(format!("--providers.file.filename={}", configuration.display()));
                command.args(["--global.checknewversion=false", "--log.level=ERROR"]);
                command.args(["--global.sendanonymoususage=false", "--providers.file.watch=false"]);
                command
            }
            Self::Envoy => {
                let mut command = python_program("envoy");
                command.arg("-c").arg(configuration);
                command.args(["--disable-hot-restart", "--concurrency", "1", "-l", "error"]);
                command
            }
        };
        command.stderr(Stdio::inherit());
        command
    }
}

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The proxy, with what stands behind it.
pub struct Proxy {
    pub browser: Browser,
    _behind: Option<Running>,
    front: Running,
    _folder: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // A worker of nginx would outlive a master that is killed.
        let _ = kill(Pid::from_raw(self.front.0.id().cast_signed()), Signal::SIGTERM);
        let _ = self.front.0.wait();
    }
}

fn address() -> String {
    format!("127.0.0.1:{}", free_port())
}

impl Proxy {
    /// Before the demo content API.
    pub async fn start(kind: Kind, server: &TestServer) -> Self {
        let files = address();
        let program = Path::new(env!("CARGO_BIN_EXE_understudy"));
        let program = program.with_file_name("examples").join("content");
        assert!(program.exists(), "run cargo build --examples first");
        let child =
            Command::new(program).env("CONTENT_LISTEN", &files).stderr(Stdio::null()).spawn();
        Self::before(kind, server, &files, Some(Running(child.unwrap()))).await
    }

    /// Before an API that says what arrived.
    pub async fn before_echo(kind: Kind, server: &TestServer) -> Self {
        Self::before(kind, server, &echo(), None).await
    }

    async fn before(kind: Kind, server: &TestServer, files: &str, behind: Option<Running>) -> Self {
        let (folder, listen) = (tempfile::tempdir().unwrap(), address());
        let idp = server.url.strip_prefix("http://").unwrap();
        let configuration = folder.path().join("proxy.yaml");
        std::fs::write(&configuration, kind.configuration([&listen, idp, files])).unwrap();
        let child = kind.command(&configuration, &listen).spawn();
        let child =
            child.unwrap_or_else(|e| panic!("{kind:?}: {e}: run scripts/setup-tests.sh first"));
        let proxy = Self {
            browser: Browser::bare(&format!("http://{listen}")),
            _behind: behind,
            front: Running(child),
            _folder: folder,
        };
        for address in [listen.as_str(), files] {
            let address: SocketAddr = address.parse().unwrap();
            until("it listens", 20, async || TcpStream::connect(address).is_ok()).await;
        }
        if kind == Kind::Traefik {
            // It listens before it has read where to send what it gets.
            let status = async || proxy.browser.get("/2.0/folders/0").await.status;
            until("it knows its routes", 20, async || status().await == 401).await;
        }
        proxy
    }

    pub async fn get(&self, path: &str, token: &str, headers: &[(&str, &str)]) -> Page {
        self.send(Method::GET, path, token, headers).await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
    ) -> Page {
        let request = self.browser.request(method, path).bearer_auth(token);
        let request = headers.iter().fold(request, |r, (name, value)| r.header(*name, *value));
        self.browser.send(request).await
    }

    /// As `curl -F attributes=… -F file=@…` does.
    pub async fn upload(&self, name: &str, token: &str, headers: &[(&str, &str)]) -> Page {
        let attributes = json!({"name": name, "parent": {"id": "0"}});
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"attributes\"\r\n\r\n{attributes}\r\n\
             --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: image/jpeg\r\n\r\nabc\r\n--b--\r\n"
        );
        let request =
            self.browser.request(Method::POST, "/api/2.0/files/content").bearer_auth(token);
        let request = request.header("content-type", "multipart/form-data; boundary=b").body(body);
        let request = headers.iter().fold(request, |r, (name, value)| r.header(*name, *value));
        self.browser.send(request).await
    }
}

/// The files that a listing holds.
#[track_caller]
pub fn names(page: &Page) -> Vec<String> {
    let entries = page.json()["entries"].as_array().unwrap_or_else(|| panic!("{page:?}")).clone();
    entries.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
}

/// An API that says what arrived.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let body = head.join("\n");
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            );
        }
    });
    address
}
