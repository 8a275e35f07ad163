//! Labels for the values that the program knows by stable names: end reasons, protocols, channels, event types.
use crate::domain::protocol::EndReason;
use crate::domain::text::is_visible;

/// Label of an end reason for the impersonated user.
pub fn how_it_ended_for_its_subject(reason: EndReason) -> &'static str {
    match reason {
        EndReason::StoppedByActor => "they ended it",
        EndReason::StoppedBySubject => "you ended it",
        EndReason::StoppedByAdmin => "an administrator ended it",
        EndReason::Timeout => "its time was up",
        EndReason::Idle => "it was not used any more",
        EndReason::ActorRevoked => "they are not allowed to any more",
        EndReason::SubjectChanged => "your account changed",
        EndReason::ClientChanged => "the application changed",
        EndReason::ConsentWithdrawn => "you withdrew your consent",
        EndReason::Superseded => "a newer link took its place",
        EndReason::FeatureOff => "impersonation was switched off",
        EndReason::Logout => "they signed out",
    }
}

/// Label of an end reason for staff.
pub fn how_it_ended(reason: EndReason) -> &'static str {
    match reason {
        EndReason::StoppedByActor => "Stopped by the actor",
        EndReason::StoppedBySubject => "Stopped by the subject",
        EndReason::StoppedByAdmin => "Stopped by an administrator",
        EndReason::Timeout => "Expired",
        EndReason::Idle => "Not used for 10 minutes",
        EndReason::ActorRevoked => "Agent lost permission",
        EndReason::SubjectChanged => "Subject changed",
        EndReason::ClientChanged => "Application changed",
        EndReason::ConsentWithdrawn => "Consent withdrawn",
        EndReason::Superseded => "Replaced by a newer link",
        EndReason::FeatureOff => "Impersonation switched off",
        EndReason::Logout => "Signed out",
    }
}

pub const PROTOCOLS: &[(&str, &str)] = &[
    ("oauth2", "OpenID Connect"),
    ("samlp", "SAML 2.0"),
    ("wsfed", "WS-Federation"),
    ("wsfed-rms", "WS-Federation for Rights Management"),
];

pub fn protocol(name: &str) -> &'static str {
    word(PROTOCOLS, name).unwrap_or("another protocol")
}

pub const CHANNELS: &[(&str, &str)] = &[
    ("link", "Link"),
    ("console", "Console or command line"),
    ("as_user", "As-User header"),
    ("on_behalf_of", "On-Behalf-Of header"),
    ("token_exchange", "Token exchange"),
    ("jwt_grant", "Signed request of the application"),
];

pub fn channel(name: &str) -> &str {
    word(CHANNELS, name).unwrap_or(name)
}

fn word(words: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    words.iter().find(|(known, _)| *known == name).map(|(_, word)| *word)
}

const EVENTS: &[(&str, &str)] = &[
    ("impersonation.requested", "Code created"),
    ("impersonation.refused", "Impersonation refused"),
    ("impersonation.link_issued", "Link created"),
    ("impersonation.link_rejected", "Link rejected"),
    ("impersonation.started", "Impersonation started"),
    ("impersonation.token_issued", "Token issued"),
    ("impersonation.api_call", "API call"),
    ("impersonation.action_blocked", "Action blocked"),
    ("impersonation.ended", "Impersonation ended"),
    ("api.refused", "API call refused"),
    ("login.succeeded", "Signed in"),
    ("login.failed", "Sign-in failed"),
    ("logout", "Signed out"),
    ("user.changed", "User changed"),
    ("user.password_changed", "Password changed"),
    ("application.changed", "Application changed"),
    ("application.token_issued", "Token for an application's own user"),
    ("application.token_refused", "Token for an application refused"),
    ("organization.changed", "Organization changed"),
    ("role.changed", "Role changed"),
    ("key.rotated", "Key rotated"),
    ("key.replaced", "Keys replaced"),
    ("sessions.ended", "All sessions and tokens ended"),
    ("audit.exported", "Audit trail exported"),
    ("backup.restored", "Backup restored"),
];

/// What happened, by the type of its event; a type that has no words yet speaks for itself.
pub fn event(kind: &str) -> &str {
    word(EVENTS, kind).unwrap_or(kind)
}

/// What a filter offers: groups first.
pub fn kind_choices() -> impl Iterator<Item = (&'static str, &'static str)> {
    const GROUPS: &[(&str, &str)] =
        &[("impersonation.*", "All about impersonation"), ("login.*", "All sign-ins")];
    GROUPS.iter().chain(EVENTS).copied()
}

/// The types of a choice; `login.*` is a group.
pub fn kinds(choice: &str) -> Vec<String> {
    let Some(group) = choice.strip_suffix('*') else { return vec![choice.to_owned()] };
    let of_group = EVENTS.iter().filter(|(kind, _)| kind.starts_with(group));
    let mut kinds: Vec<String> = of_group.map(|(kind, _)| (*kind).to_owned()).collect();
    // Keeps the unknown prefix, so that an empty group filters to nothing instead of matching all events.
    kinds.push(choice.to_owned());
    kinds
}

/// Which browser on which system, as far as it says so: good enough for people to tell their own apart, and
/// good for nothing else. The first mark that fits counts, because each claims to be its forerunners too.
pub fn browser(user_agent: Option<&str>) -> String {
    const BROWSERS: &[(&str, &str)] = &[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("CriOS/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    const SYSTEMS: &[(&str, &str)] = &[
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let Some(text) = user_agent.filter(|text| !text.is_empty()) else {
        return "Unknown browser".to_owned();
    };
    let find = |marks: &[(&str, &'static str)]| {
        marks.iter().find(|(mark, _)| text.contains(mark)).map(|(_, name)| *name)
    };
    match (find(BROWSERS), find(SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => text.chars().filter(|c| is_visible(*c)).take(60).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_called_what_people_call_it() {
        for (text, name) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8.5.0", "curl"),
            ("a robot", "a robot"),
        ] {
            assert_eq!(browser(Some(text)), name);
        }
        assert_eq!(browser(None), browser(Some("")));
        assert_eq!(browser(Some("x\r\n\u{1b}[31m")), "x[31m", "h25");
    }
}
