use super::*;
use secrecy::ExposeSecret as _;
use std::fs::Permissions;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;

const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const GOOD: &[(&str, &str)] = &[
    ("DATABASE_URL", "postgres://app:pg-secret@db/app?sslmode=require"),
    ("UNDERSTUDY_PUBLIC_URL", "https://login.example.com/"),
    ("UNDERSTUDY_MASTER_KEY", KEY),
    ("HOME", "/root"),
];

fn read(
    purpose: SettingsPurpose,
    vars: &[(&str, &str)],
) -> Result<ServerSettings, Vec<SettingMistake>> {
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    ServerSettings::read(vars, Overrides::default(), purpose)
}

fn serve_with(name: &'static str, value: &str) -> Result<ServerSettings, Vec<SettingMistake>> {
    let mut vars: Vec<_> = GOOD.iter().copied().filter(|(known, _)| *known != name).collect();
    vars.push((name, value));
    read(SettingsPurpose::Serve, &vars)
}

#[track_caller]
fn refused(name: &'static str, value: &str, words: &str) {
    let mistakes = serve_with(name, value).expect_err("the value was accepted");
    let text = describe(&mistakes);
    assert!(mistakes.iter().any(|mistake| mistake.name == name), "{text}");
    assert!(text.contains(words), "{text}");
}

#[test]
fn a_whole_installation_is_read() {
    let settings = read(SettingsPurpose::Serve, GOOD).unwrap();
    assert_eq!(settings.public_url.as_str(), "https://login.example.com");
    assert!(settings.public_url.is_https());
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.rate_limits, RateLimits::On);
    assert!(settings.audience_aliases.is_empty());
    let Database::Url(url) = settings.database else { panic!("no database") };
    assert!(url.expose_secret().starts_with("postgres://app:"));
    assert!(
        matches!(settings.master_key, MasterKeySource::Given(key) if key.expose_secret() == KEY)
    );
}

#[test]
fn l22_the_number_of_connections_is_a_number_that_a_node_can_work_with() {
    assert_eq!(
        read(SettingsPurpose::Serve, GOOD).unwrap().database_connections,
        DEFAULT_CONNECTIONS
    );
    for (text, number) in [("8", 8), ("18", 18), (" 250 ", 250), ("10000", 10_000)] {
        let settings = serve_with("UNDERSTUDY_DATABASE_CONNECTIONS", text).unwrap();
        assert_eq!(settings.database_connections, number, "{text}");
    }
    for nonsense in ["0", "7", "-1", "10001", "1e3", "8.5", "many", "18446744073709551616"] {
        refused("UNDERSTUDY_DATABASE_CONNECTIONS", nonsense, "must be a number from 8 to 10000");
    }
}

#[test]
fn serve_asks_for_all_that_is_missing_at_once() {
    let mistakes = read(SettingsPurpose::Serve, &[("UNDERSTUDY_LISTEN", "here")]).unwrap_err();
    let names: Vec<_> = mistakes.iter().map(|mistake| mistake.name.as_str()).collect();
    assert_eq!(
        names,
        ["UNDERSTUDY_LISTEN", "UNDERSTUDY_MASTER_KEY", "DATABASE_URL", "UNDERSTUDY_PUBLIC_URL"]
    );
    assert!(
        describe(&mistakes).starts_with("The settings have 4 mistakes:\n  UNDERSTUDY_LISTEN: ")
    );
}

#[test]
fn dev_needs_nothing() {
    let settings = read(SettingsPurpose::Dev, &[]).unwrap();
    assert_eq!(settings.public_url.as_str(), "http://127.0.0.1:8080");
    assert!(matches!(settings.database, Database::Embedded));
    assert!(matches!(settings.master_key, MasterKeySource::Development));
    assert_eq!(settings.audience_aliases, ["https://api.box.com/oauth2/token"]);
}

#[test]
fn a_flag_wins_over_the_environment() {
    let vars = [("UNDERSTUDY_LISTEN".to_owned(), "127.0.0.1:1".to_owned())];
    let overrides = Overrides {
        listen: Some("[::1]:9000".to_owned()),
        port: NonZeroU16::new(9001),
        log_format: Some("json".to_owned()),
        ..Overrides::default()
    };
    let settings = ServerSettings::read(vars, overrides, SettingsPurpose::Dev).unwrap();
    assert_eq!(settings.listen.to_string(), "[::1]:9001");
    assert_eq!(settings.public_url.as_str(), "http://127.0.0.1:9001");
    assert_eq!(settings.log.format, Some(LogFormat::Json));
}

#[test]
fn a_database_of_its_own_makes_a_link_ask_for_the_rest() {
    assert!(read(SettingsPurpose::Link, &[]).is_ok());
    let mistakes =
        read(SettingsPurpose::Link, &[("DATABASE_URL", "postgres://db/app")]).unwrap_err();
    assert_eq!(mistakes.len(), 2);
    assert!(read(SettingsPurpose::Database, &[("DATABASE_URL", "postgres://db/app")]).is_ok());
}

#[test]
fn an_empty_value_counts_as_not_given() {
    let settings = serve_with("UNDERSTUDY_TRUSTED_PROXIES", " ").unwrap();
    assert!(settings.trusted_proxies.is_empty());
    refused("UNDERSTUDY_PUBLIC_URL", "", "missing");
}

#[test]
fn a_name_we_do_not_know_is_refused_and_the_nearest_one_named() {
    refused("UNDERSTUDY_PUBLIC_URI", "x", "did you mean UNDERSTUDY_PUBLIC_URL?");
    refused("understudy_log", "info", "did you mean UNDERSTUDY_LOG?");
    refused("UNDERSTUDY_INSECURE", "true", "no such setting");
}

#[test]
fn bad_values_are_refused() {
    refused("DATABASE_URL", "mysql://db/app", "postgres://");
    refused("DATABASE_URL", "host=db user=app", "postgres://");
    refused("UNDERSTUDY_LISTEN", "localhost:8080", "127.0.0.1:8080");
    refused("UNDERSTUDY_LOG", "understudy=loud", "level");
    refused("UNDERSTUDY_LOG", "verbose", "is no level");
    refused("UNDERSTUDY_LOG", "understudy", "is no level");
    refused("UNDERSTUDY_LOG", "inof", "did you mean info?");
    refused("DATABASE_URL", "postgres://u:p@h/d?sslmode=verify", "sslmode must be");
    refused("DATABASE_URL", "postgres://u:p@h/d?sslcert=/x", "sslkey");
    refused("UNDERSTUDY_LOG_FORMAT", "xml", "`text` or `json`");
    refused("UNDERSTUDY_RATE_LIMITS", "no", "`on` or `off`");
    refused("UNDERSTUDY_STEP_UP_MINUTES", "-1", "from 1 to 720");
    refused("UNDERSTUDY_STEP_UP_MINUTES", "soon", "from 1 to 720");
    refused("UNDERSTUDY_JWT_AUDIENCE_ALIASES", "https://a.example, box", "`box`");
    refused("UNDERSTUDY_SMTP_URL", "mail.example.com", "smtp://");
    refused("UNDERSTUDY_MAIL_FROM", "nobody", "e-mail");
}

#[test]
fn rate_limits_may_be_off_only_on_a_loopback_address() {
    refused("UNDERSTUDY_RATE_LIMITS", "off", "loopback");
    let settings = read(SettingsPurpose::Dev, &[("UNDERSTUDY_RATE_LIMITS", "off")]).unwrap();
    assert_eq!(settings.rate_limits, RateLimits::Off);
}

#[test]
fn b42_a_public_url_is_https_unless_it_stays_on_this_machine() {
    for good in [
        "http://localhost:8080",
        "http://127.3.2.1",
        "http://[::1]:9000/",
        "https://a.example:8443",
    ] {
        let settings = serve_with("UNDERSTUDY_PUBLIC_URL", good).unwrap();
        assert_eq!(settings.public_url.as_str(), good.trim_end_matches('/'));
    }
    refused("UNDERSTUDY_PUBLIC_URL", "http://login.example.com", "must be https");
    refused("UNDERSTUDY_PUBLIC_URL", "http://localhost.example.com", "must be https");
    refused("UNDERSTUDY_PUBLIC_URL", "http://10.0.0.1:8080", "must be https");
    refused("UNDERSTUDY_PUBLIC_URL", "ftp://login.example.com", "must begin with https://");
}

#[test]
fn a_public_url_is_a_host_and_nothing_more() {
    refused("UNDERSTUDY_PUBLIC_URL", "https://a.example/?x", "no query");
    refused("UNDERSTUDY_PUBLIC_URL", "https://a.example/#x", "no query");
    refused("UNDERSTUDY_PUBLIC_URL", "https://me@a.example", "user name");
    refused("UNDERSTUDY_PUBLIC_URL", "https://a.example/idp", "no path");
    refused("UNDERSTUDY_PUBLIC_URL", "a.example", "is no URL");
}

#[test]
fn a_public_url_is_kept_in_its_canonical_form() {
    let settings = serve_with("UNDERSTUDY_PUBLIC_URL", "https://Login.Example.com:443/").unwrap();
    assert_eq!(settings.public_url.to_string(), "https://login.example.com");
}

#[test]
fn f14_nobody_is_a_trusted_proxy_by_default_and_everybody_never() {
    assert!(read(SettingsPurpose::Serve, GOOD).unwrap().trusted_proxies.is_empty());
    for everybody in
        ["0.0.0.0/0", "::/0", "10.0.0.1, 0.0.0.0/1", "::/32", "::ffff:0:0/96", "2000::/3"]
    {
        assert!(serve_with("UNDERSTUDY_TRUSTED_PROXIES", everybody).is_err(), "{everybody}");
    }
    refused("UNDERSTUDY_TRUSTED_PROXIES", "10.0.0.1/8", "end it in zeros");
    refused("UNDERSTUDY_TRUSTED_PROXIES", "10.0.0.0/33", "0 to 32");
    refused("UNDERSTUDY_TRUSTED_PROXIES", "proxy.example.com", "no IP address");
}

#[test]
fn c81_a_forwarded_address_counts_only_from_a_trusted_proxy() {
    let trusted =
        serve_with("UNDERSTUDY_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1, fd00::/8").unwrap();
    let client = |peer: &str, header: Option<&str>| {
        let peer: IpAddr = peer.parse().unwrap();
        client_address(peer, header, &trusted.trusted_proxies).to_string()
    };
    assert_eq!(client("203.0.113.9", Some("198.51.100.1")), "203.0.113.9");
    assert_eq!(client("10.1.2.3", Some("198.51.100.1")), "198.51.100.1");
    assert_eq!(client("::ffff:10.1.2.3", Some("198.51.100.1")), "198.51.100.1");
    assert_eq!(client("10.1.2.3", Some("1.1.1.1, 198.51.100.1, 192.0.2.1")), "198.51.100.1");
    assert_eq!(client("fd00::1", Some("2001:db8::7")), "2001:db8::7");
    assert_eq!(client("10.1.2.3", Some("198.51.100.1, unknown")), "10.1.2.3");
    assert_eq!(client("10.1.2.3", None), "10.1.2.3");
}

#[test]
fn b25_a_mistake_does_not_repeat_a_secret() {
    let secrets = [
        ("UNDERSTUDY_MASTER_KEY", "c2hvcnQtc2VjcmV0"),
        ("DATABASE_URL", "mysql://app:pg-secret@db/app"),
        ("UNDERSTUDY_SMTP_URL", "imap://mail:mail-secret@host"),
        ("UNDERSTUDY_MASTERKEY", "c2hvcnQtc2VjcmV0"),
    ];
    let text = describe(&read(SettingsPurpose::Serve, &secrets).unwrap_err());
    for secret in ["c2hvcnQtc2VjcmV0", "pg-secret", "mail-secret"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn i22_debug_output_shows_no_secret() {
    let settings = serve_with("UNDERSTUDY_SMTP_URL", "smtps://mail:mail-secret@host").unwrap();
    let text = format!("{settings:?}");
    for secret in ["pg-secret", "mail-secret", KEY] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_master_key_is_32_bytes_that_differ() {
    refused("UNDERSTUDY_MASTER_KEY", "not base64!", "is not base64");
    refused("UNDERSTUDY_MASTER_KEY", "c2hvcnQ=", "32 bytes");
    refused("UNDERSTUDY_MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "repeated");
    assert!(serve_with("UNDERSTUDY_MASTER_KEY", KEY.trim_end_matches('=')).is_ok());
}

#[test]
fn i22_a_key_file_that_everybody_may_read_is_refused() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{KEY}").unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let with_file = |extra: &[(&'static str, &str)]| {
        let mut vars = GOOD.to_vec();
        vars.retain(|(name, _)| *name != "UNDERSTUDY_MASTER_KEY");
        vars.extend_from_slice(extra);
        vars.push(("UNDERSTUDY_MASTER_KEY_FILE", &path));
        read(SettingsPurpose::Serve, &vars).map_err(|mistakes| describe(&mistakes))
    };
    for (mode, accepted) in [(0o400, true), (0o440, true), (0o644, false), (0o606, false)] {
        file.as_file().set_permissions(Permissions::from_mode(mode)).unwrap();
        assert_eq!(with_file(&[]).is_ok(), accepted, "{mode:o}");
    }
    file.as_file().set_permissions(Permissions::from_mode(0o600)).unwrap();
    let settings = with_file(&[]).unwrap();
    assert!(
        matches!(settings.master_key, MasterKeySource::Given(key) if key.expose_secret() == KEY)
    );
    assert!(with_file(&[("UNDERSTUDY_MASTER_KEY", KEY)]).unwrap_err().contains("keep one"));
}

#[test]
fn a_key_file_must_be_there_and_hold_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("long"), "A".repeat(1 << 20)).unwrap();
    std::fs::set_permissions(path("long"), Permissions::from_mode(0o600)).unwrap();
    for (name, words) in [("absent", "not found"), ("", "regular file"), ("long", "32 bytes")] {
        let vars = [("UNDERSTUDY_MASTER_KEY_FILE", path(name))];
        let vars = vars.map(|(name, value)| (name.to_owned(), value));
        let mistakes =
            ServerSettings::read(vars, Overrides::default(), SettingsPurpose::Dev).unwrap_err();
        assert!(describe(&mistakes).contains(words), "{}", describe(&mistakes));
    }
}

proptest::proptest! {
    #[test]
    fn no_setting_makes_the_reader_panic(name in "UNDERSTUDY_[A-Z_\u{e9}]{0,12}", value in "\\PC*") {
        for name in [name.as_str(), "UNDERSTUDY_PUBLIC_URL", "UNDERSTUDY_TRUSTED_PROXIES",
            "UNDERSTUDY_LISTEN", "UNDERSTUDY_LOG", "UNDERSTUDY_MASTER_KEY", "UNDERSTUDY_MAIL_FROM"]
        {
            let _ = read(SettingsPurpose::Serve, &[(name, &value)]);
        }
    }
}

#[test]
fn l18_modules_without_a_level_of_their_own_go_on_as_usual() {
    for (text, filter) in [
        ("debug", "debug"),
        ("WARN", "WARN"),
        ("off", "off"),
        ("understudy::store=debug", "info,understudy::store=debug"),
        ("warn,understudy=trace", "warn,understudy=trace"),
    ] {
        assert_eq!(serve_with("UNDERSTUDY_LOG", text).unwrap().log.filter, filter);
    }
}

#[test]
fn k57_metrics_are_off_unless_an_address_of_their_own_is_given() {
    assert_eq!(read(SettingsPurpose::Serve, GOOD).unwrap().management_listen, None);
    assert_eq!(read(SettingsPurpose::Dev, &[]).unwrap().management_listen, None);
    let name = "UNDERSTUDY_MANAGEMENT_LISTEN";
    let given = serve_with(name, "127.0.0.1:9464").unwrap().management_listen;
    assert_eq!(given, Some("127.0.0.1:9464".parse().unwrap()));
    refused(name, "9464", "must be an address and a port");
    // The default of UNDERSTUDY_LISTEN, also by another address.
    refused(name, "127.0.0.1:8080", "needs a port of its own");
    refused(name, "0.0.0.0:8080", "needs a port of its own");
}
