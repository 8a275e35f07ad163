//! Northwind Files: an API that knows nothing of tokens, behind nginx, as `examples/content` has it.
//!
//! Without nginx there is none: whoever reaches the API itself could say to be anybody.
use super::RunningPart;
use crate::cli::{Problem, place};
use crate::config::ServerSettings;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command};

const CONFIGURATION: &str = include_str!("../../../examples/content/nginx.conf");
/// The addresses that it names, and where the same stand in ours.
const NAMED: [(&str, &str); 3] = [
    ("127.0.0.1:8095", "<proxy>"),
    ("127.0.0.1:8080", "<understudy>"),
    ("127.0.0.1:8097", "<api>"),
];
/// Debian keeps it where only administrators look.
const PROGRAMS: [&str; 2] = ["nginx", "/usr/sbin/nginx"];

/// Where they listen: fifteen and seventeen ports above Understudy.
pub(super) struct Files {
    proxy: SocketAddr,
    understudy: SocketAddr,
    api: SocketAddr,
}

/// Both end with us.
pub(super) struct Started {
    _nginx: Nginx,
    _api: RunningPart,
}

/// What is missing, in words for whoever reads the terminal.
pub(super) type MissingProgram = String;

impl Files {
    pub(super) fn beside(settings: &ServerSettings) -> Self {
        let above =
            |by: u16, ip: IpAddr| SocketAddr::new(ip, settings.listen.port().saturating_add(by));
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let ip = settings.listen.ip();
        let reached = if ip.is_unspecified() { loopback } else { ip };
        // It believes what it is told, so nobody else's machine may tell it.
        Self { proxy: above(15, ip), understudy: above(0, reached), api: above(17, loopback) }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.proxy)
    }

    /// `Err(_)` in the answer: it is left out, and why. Nothing else is worse for it.
    pub(super) fn start(&self) -> Result<Result<Started, MissingProgram>, Problem> {
        let program = std::env::current_exe()?.with_file_name("examples").join("content");
        if !program.exists() {
            return Ok(Err("its program is not built; `make run` builds it".to_owned()));
        }
        for address in [self.proxy, self.api] {
            if let Err(problem) = TcpListener::bind(address) {
                return Ok(Err(format!("{address}: {problem}")));
            }
        }
        let folder = place::folder().join("nginx");
        fs::create_dir_all(&folder)?;
        let Some(nginx) = self.nginx(&folder.canonicalize()?, &PROGRAMS)? else {
            return Ok(Err(
                "nginx is not installed (Debian, Ubuntu: apt-get install nginx)".to_owned()
            ));
        };
        let api = Command::new(program).env("CONTENT_LISTEN", self.api.to_string()).spawn()?;
        Ok(Ok(Started { _nginx: nginx, _api: RunningPart(api) }))
    }

    /// `None`: there is none on this machine.
    fn nginx(&self, folder: &Path, programs: &[&str]) -> Result<Option<Nginx>, Problem> {
        let file = folder.join("nginx.conf");
        fs::write(&file, self.configuration())?;
        for program in programs {
            match nginx(program, folder, &file).spawn() {
                Ok(child) => return Ok(Some(Nginx(child))),
                Err(problem) if problem.kind() == ErrorKind::NotFound => {}
                Err(problem) => return Err(problem.into()),
            }
        }
        Ok(None)
    }

    fn configuration(&self) -> String {
        // By way of marks: one address may be another's old one.
        let marked = NAMED
            .iter()
            .fold(CONFIGURATION.to_owned(), |text, (named, mark)| text.replace(named, mark));
        let ours = [self.proxy, self.understudy, self.api];
        NAMED
            .iter()
            .zip(ours)
            .fold(marked, |text, ((_, mark), address)| text.replace(mark, &address.to_string()))
    }
}

fn nginx(program: &str, folder: &Path, file: &Path) -> Command {
    let mut command = Command::new(program);
    // Its log goes to the terminal from the first line on.
    command.args(["-e", "stderr"]).arg("-p").arg(folder).arg("-c").arg(file);
    command
}

struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its worker would outlive a master that is killed. All fail only when it has ended by itself.
        if let Ok(pid) = i32::try_from(self.0.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_nginx_there_is_none_and_nothing_fails() {
        let folder = tempfile::tempdir().unwrap();
        let at = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let files = Files { proxy: at(1), understudy: at(2), api: at(3) };
        let started = files.nginx(folder.path(), &["/nowhere/nginx"]);
        assert!(matches!(started, Ok(None)));
    }

    #[test]
    fn every_address_becomes_ours_even_if_it_is_anothers_old_one() {
        let at = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let files = Files { proxy: at(8097), understudy: at(8095), api: at(8080) };
        let text = files.configuration();
        for line in [
            "listen 127.0.0.1:8097;",
            "upstream understudy { server 127.0.0.1:8095;",
            "upstream files { server 127.0.0.1:8080;",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
