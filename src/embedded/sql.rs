use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::USER;
use super::error::{EmbeddedError, at};

pub(super) const DUPLICATE_DATABASE: &str = "42P04";

const PROTOCOL_3_0: u32 = 196_608;
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn socket(directory: &Path) -> PathBuf {
    directory.join(".s.PGSQL.5432")
}

pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// One statement on a connection of its own, without an answer but success.
///
/// Just enough of the protocol ([PostgreSQL §55.2]) for a server that trusts us, so that making a
/// database takes neither a runtime nor `psql`, which not every packager puts beside the server.
///
/// [PostgreSQL §55.2]: https://www.postgresql.org/docs/current/protocol-flow.html
pub(super) fn execute(sockets: &Path, statement: &str) -> Result<(), EmbeddedError> {
    let path = socket(sockets);
    let mut server = UnixStream::connect(&path).map_err(at(&path))?;
    converse(&mut server, statement).map_err(at(&path))?
}

fn converse(server: &mut UnixStream, statement: &str) -> io::Result<Result<(), EmbeddedError>> {
    server.set_read_timeout(Some(PATIENCE))?;
    let mut startup = PROTOCOL_3_0.to_be_bytes().to_vec();
    startup.extend(format!("user\0{USER}\0database\0postgres\0\0").bytes());
    send(server, None, &startup)?;
    if let Err(refused) = until_ready(server)? {
        return Ok(Err(refused));
    }
    send(server, Some(b'Q'), format!("{statement}\0").as_bytes())?;
    let outcome = until_ready(server)?;
    send(server, Some(b'X'), &[])?;
    Ok(outcome)
}

fn send(server: &mut UnixStream, kind: Option<u8>, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len() + 4).map_err(io::Error::other)?;
    let mut message: Vec<u8> = kind.into_iter().collect();
    message.extend(length.to_be_bytes());
    message.extend(body);
    server.write_all(&message)
}

fn until_ready(server: &mut UnixStream) -> io::Result<Result<(), EmbeddedError>> {
    let mut outcome = Ok(());
    loop {
        let mut kind = [0];
        match server.read_exact(&mut kind) {
            // After a fatal error the server hangs up instead of becoming ready.
            Err(_) if outcome.is_err() => return Ok(outcome),
            read => read?,
        }
        let mut length = [0; 4];
        server.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length).saturating_sub(4);
        let mut body = Vec::new();
        Read::by_ref(server).take(length.into()).read_to_end(&mut body)?;
        match kind {
            [b'E'] => outcome = Err(refusal(&body)),
            [b'R'] if body != [0; 4] => return Err(io::Error::other("asks for a password")),
            [b'Z'] => return Ok(outcome),
            _ => {}
        }
    }
}

/// Fields, each a letter and a text: `C` is the SQLSTATE, `M` the message.
fn refusal(body: &[u8]) -> EmbeddedError {
    let field = |letter: u8| {
        let text = body.split(|&byte| byte == 0).find_map(|field| field.strip_prefix(&[letter]));
        String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
    };
    EmbeddedError::Sql { code: field(b'C'), message: field(b'M') }
}
