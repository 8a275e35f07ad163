//! Who may ask for what, by which token, and with what proof: the whole matrix, and the rules one by one.
#[path = "requesters/properties.rs"]
mod properties;

use super::*;
use crate::domain::box_settings::BoxSettings;
use crate::domain::client::GrantType;
use std::sync::Arc;

/// The kinds of requester.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    ThirdParty,
    Web,
    Spa,
    Native,
    Machine,
    ServiceAccount,
    Global,
    GlobalOfTheSubjects,
    GlobalOfAnother,
    Console,
    CommandLine,
}

impl Asks {
    const ALL: [Self; 11] = [
        Self::ThirdParty,
        Self::Web,
        Self::Spa,
        Self::Native,
        Self::Machine,
        Self::ServiceAccount,
        Self::Global,
        Self::GlobalOfTheSubjects,
        Self::GlobalOfAnother,
        Self::Console,
        Self::CommandLine,
    ];

    fn in_words(self) -> &'static str {
        match self {
            Self::ThirdParty => "a person by a token of a third party's application",
            Self::Web => "a person by a token of a web application",
            Self::Spa => "a person by a token of a single-page application",
            Self::Native => "a person by a token of a native application",
            Self::Machine => "a program by its own credentials",
            Self::ServiceAccount => "a program by a token of its service account",
            Self::Global => "the global client",
            Self::GlobalOfTheSubjects => "a global client of the subject's organization",
            Self::GlobalOfAnother => "a global client of another organization",
            Self::Console => "a person in the console",
            Self::CommandLine => "the command line",
        }
    }

    fn kind(self) -> Option<ClientKind> {
        match self {
            Self::ThirdParty | Self::Web => Some(ClientKind::Web),
            Self::Spa => Some(ClientKind::Spa),
            Self::Native => Some(ClientKind::Native),
            Self::Machine | Self::ServiceAccount => Some(ClientKind::Machine),
            Self::Global | Self::GlobalOfTheSubjects | Self::GlobalOfAnother => {
                Some(ClientKind::Global)
            }
            Self::Console | Self::CommandLine => None,
        }
    }

    /// As it asks: a machine and a global client for themselves, the others by the token of the actor.
    fn requester(self, actor: &UserId, id: &str) -> Requester {
        let id = ClientId::parse(id).unwrap();
        let by = match self {
            Self::ThirdParty | Self::Web | Self::Spa | Self::Native | Self::ServiceAccount => {
                RequestedBy::Token { person: actor.clone(), application: Some(id.clone()) }
            }
            Self::Machine | Self::Global | Self::GlobalOfTheSubjects | Self::GlobalOfAnother => {
                RequestedBy::Application(id.clone())
            }
            Self::Console => RequestedBy::Session(actor.clone()),
            Self::CommandLine => RequestedBy::CommandLine,
        };
        let homes =
            [(Self::GlobalOfTheSubjects, "org_acme"), (Self::GlobalOfAnother, "org_globex")];
        let home = homes.into_iter().find(|(asks, _)| *asks == self).map(|(_, home)| home);
        let application = self.kind().map(|kind| RequestingApplication {
            id,
            kind,
            first_party: self != Self::ThirdParty,
            organization: home.map(|home| OrganizationId::parse(home).unwrap()),
            active: true,
            may_create: true,
        });
        Requester { by, application, scopes: creates() }
    }
}

fn creates() -> Scopes {
    Scopes::parse("impersonations:create").unwrap()
}

/// How the actor has shown who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Fresh,
    Stale,
    Asserted,
    Over,
}

impl Shown {
    const ALL: [Self; 4] = [Self::Fresh, Self::Stale, Self::Asserted, Self::Over];

    fn proof(self, channel: Channel) -> ActorProof {
        let at = match self {
            Self::Stale => noon() - Duration::hours(2),
            Self::Fresh | Self::Asserted | Self::Over => noon() - Duration::minutes(1),
        };
        match (self, channel) {
            (Self::Asserted, _) => ActorProof::Asserted,
            (Self::Over, Channel::Link | Channel::Console) => ActorProof::SessionEnded,
            (Self::Over, _) => ActorProof::TokenEnded,
            (_, Channel::Link | Channel::Console) => ActorProof::Session { authenticated_at: at },
            (_, Channel::JwtGrant) => ActorProof::Client,
            (_, _) => ActorProof::Token { authenticated_at: Some(at) },
        }
    }
}

/// In Acme, everything is switched on, the actor may act and manage users, and the subject is nobody in particular.
/// By the channels of tokens one acts in the application that asks.
fn question(asks: Asks, channel: Channel, shown: Shown) -> ImpersonationRequest {
    let mut ask = allowed();
    (ask.occasion, ask.channel, ask.proof) = (Occasion::Request, channel, shown.proof(channel));
    ask.actor = user("cora", &["impersonate", "users:read", "users:write"]);
    ask.client.grant_types = vec![GrantType::TokenExchange];
    ask.client.box_ = Some(Arc::new(BoxSettings {
        perform_actions_as_users: true,
        on_behalf_of: true,
        generate_user_access_tokens: true,
        enterprise_access: true,
        authorized_in: vec![OrganizationId::parse("org_acme").unwrap()],
        public_keys: vec![],
    }));
    if channel == Channel::JwtGrant || asks == Asks::ServiceAccount {
        ask.actor.kind = UserKind::ServiceAccount;
        ask.actor.owner = Some(ask.client.id.clone());
    }
    let by = if channel.is_browser() { "asks" } else { ask.client.id.as_str() };
    ask.requester = asks.requester(&ask.actor.id, by);
    if !channel.is_browser() {
        (ask.redeem, ask.return_url) = (None, None);
        let id = ImpersonationId::parse("imp_2").unwrap();
        ask.terms = Terms::of_token(id, noon(), noon() + Duration::hours(1));
    }
    ask
}

fn answer(ask: &ImpersonationRequest) -> &'static str {
    match decide(ask) {
        Ok(_) => "yes",
        Err(denial) => denial.code(),
    }
}

const YES: &str = "yes";
const STEP_UP_FIRST: &str = "step_up_required";
const NOT_ALLOWED: &str = "requester_not_allowed";
const SIGNED_OUT: &str = "actor_signed_out";
const ELSEWHERE: &str = "other_organization";
const NEVER: [&str; 4] = [NOT_ALLOWED; 4];

/// The answers to a proof that is fresh, stale, only asserted, and over.
fn expected(asks: Asks, channel: Channel) -> [&'static str; 4] {
    let by_person = [YES, STEP_UP_FIRST, NOT_ALLOWED, SIGNED_OUT];
    let may_name = [YES, STEP_UP_FIRST, YES, SIGNED_OUT];
    let of_any_age = [YES, YES, NOT_ALLOWED, SIGNED_OUT];
    match (asks, channel) {
        (Asks::Web | Asks::Spa | Asks::Native, Channel::Link)
        | (Asks::Web, Channel::TokenExchange)
        | (Asks::Console, Channel::Console) => by_person,
        (Asks::CommandLine, Channel::Console)
        | (Asks::Global | Asks::GlobalOfTheSubjects, Channel::Link) => may_name,
        (Asks::GlobalOfAnother, Channel::Link) => [ELSEWHERE; 4],
        (
            Asks::Web | Asks::Spa | Asks::Native | Asks::ServiceAccount,
            Channel::AsUser | Channel::OnBehalfOf,
        )
        | (Asks::Machine, Channel::JwtGrant) => of_any_age,
        // A service account is nobody who signs in.
        (Asks::ServiceAccount, Channel::Link | Channel::TokenExchange) => {
            ["not_permitted", "not_permitted", NOT_ALLOWED, SIGNED_OUT]
        }
        _ => NEVER,
    }
}

#[test]
fn k01_k04_every_requester_channel_and_proof_has_its_written_answer() {
    for asks in Asks::ALL {
        for channel in Channel::ALL {
            let answers = Shown::ALL.map(|shown| answer(&question(asks, channel, shown)));
            assert_eq!(answers, expected(asks, channel), "{asks:?} by {channel:?}");
        }
    }
}

/// The same in words. Who never may is left out.
fn table() -> String {
    let mut lines = vec![
        "| who asks | channel | signed in lately | longer ago | only named | signed out |"
            .to_owned(),
        "| --- | --- | --- | --- | --- | --- |".to_owned(),
    ];
    for asks in Asks::ALL {
        let open = Channel::ALL.map(|channel| (channel, expected(asks, channel)));
        for (channel, answers) in open.iter().filter(|(_, answers)| *answers != NEVER) {
            let cells = answers.map(|it| if it == YES { it.to_owned() } else { format!("`{it}`") });
            let (who, channel) = (asks.in_words(), channel.as_str());
            lines.push(format!("| {who} | `{channel}` | {} |", cells.join(" | ")));
        }
        if open.iter().all(|(_, answers)| *answers == NEVER) {
            let cells = NEVER.map(|it| format!("`{it}`")).join(" | ");
            lines.push(format!("| {} | any | {cells} |", asks.in_words()));
        }
    }
    lines.join("\n")
}

#[test]
fn k_matrix_in_the_documents_is_the_one_that_is_decided() {
    let document = include_str!("../../../docs/authority.md");
    assert!(document.contains(&table()), "docs/authority.md should hold:\n{}", table());
}

#[test]
fn k01_an_application_of_a_third_party_asks_for_nothing() {
    let third_party = |a: &mut ImpersonationRequest| {
        a.requester.application.as_mut().unwrap().first_party = false;
    };
    refused(third_party, Denial::RequesterNotAllowed);
    refused(
        |a| {
            third_party(a);
            a.occasion = Occasion::Use;
        },
        Denial::RequesterNotAllowed,
    );
}

#[test]
fn k01_an_application_that_lost_the_scope_opens_no_link() {
    let by_token = |a: &mut ImpersonationRequest, may_create: bool| {
        let application = a.requester.application.as_mut().unwrap();
        (application.kind, application.may_create) = (ClientKind::Web, may_create);
        a.requester.by = RequestedBy::Token {
            person: a.actor.id.clone(),
            application: Some(application.id.clone()),
        };
        a.requester.scopes = creates();
    };
    let mut ask = allowed();
    by_token(&mut ask, true);
    assert!(decide(&ask).is_ok());
    refused(|a| by_token(a, false), Denial::RequesterNotAllowed);
    (ask.requester.scopes, ask.occasion) = (Scopes::default(), Occasion::Redemption);
    assert!(decide(&ask).is_ok());
    ask.occasion = Occasion::Request;
    assert_eq!(decide(&ask).err(), Some(Denial::RequesterNotAllowed));
}

#[test]
fn k18_a_refusal_is_seen_where_it_was_asked_and_not_where_somebody_was_named() {
    let [acme, globex] = ["org_acme", "org_globex"].map(|id| OrganizationId::parse(id).unwrap());
    let mut requester = global();
    let home = |requester: &Requester| {
        requester.organization_of_refusal(Some(&globex), Some(&acme)).cloned()
    };
    assert_eq!(home(&requester), Some(globex.clone()), "the operator's application has none");
    requester.application.as_mut().unwrap().organization = Some(acme.clone());
    assert_eq!(home(&requester), Some(acme.clone()), "an actor who is only named");
    requester.by = RequestedBy::Session(UserId::parse("carol").unwrap());
    assert_eq!(home(&requester), Some(globex.clone()), "a person who asks");
    requester.application = None;
    assert_eq!(requester.organization_of_refusal(None, Some(&acme)), Some(&acme));
}

#[test]
fn k01_a_person_asks_for_nobody_else() {
    for by in [
        RequestedBy::Session(UserId::parse("ada").unwrap()),
        RequestedBy::Token {
            person: UserId::parse("ada").unwrap(),
            application: Some(ClientId::parse("global").unwrap()),
        },
    ] {
        refused(|a| a.requester.by = by, Denial::RequesterNotAllowed);
    }
}

#[test]
fn k02_a_requester_of_another_organization_is_refused_whenever_it_is_asked() {
    for occasion in [Occasion::Request, Occasion::Redemption, Occasion::Use] {
        let home = |a: &mut ImpersonationRequest, home: &str| {
            a.occasion = occasion;
            let application = a.requester.application.as_mut().unwrap();
            application.organization = Some(OrganizationId::parse(home).unwrap());
        };
        refused(|a| home(a, "org_globex"), Denial::RequesterOfOtherOrganization);
        // An operator's user is of no organization, so of none of theirs.
        refused(
            |a| {
                home(a, "org_acme");
                (a.actor.organization, a.subject.organization) = (None, None);
            },
            Denial::RequesterOfOtherOrganization,
        );
        let mut ask = allowed();
        home(&mut ask, "org_acme");
        assert!(decide(&ask).is_ok());
    }
}

#[test]
fn k03_an_actor_who_is_only_named_reaches_no_administrator() {
    let administrator = |a: &mut ImpersonationRequest| {
        a.actor.permissions = permission::ALL.iter().copied().collect();
        a.subject.permissions = [permission::USERS_WRITE].into_iter().collect();
    };
    let direct = |a: &mut ImpersonationRequest, occasion| {
        administrator(a);
        (a.occasion, a.redeem) = (occasion, Some(Redeem::Direct));
        a.proof = ActorProof::Asserted;
    };
    for occasion in [Occasion::Request, Occasion::Redemption, Occasion::Use] {
        refused(|a| direct(a, occasion), Denial::HigherPrivileges);
    }
    // Whoever asks in a session of their own hands the link to whoever opens it.
    refused(
        |a| {
            direct(a, Occasion::Request);
            a.proof = signed_in_now();
        },
        Denial::HigherPrivileges,
    );
    // It will be confirmed, or has been.
    let mut ask = allowed();
    administrator(&mut ask);
    assert!(decide(&ask).is_ok());
    (ask.occasion, ask.proof) = (Occasion::Request, ActorProof::Asserted);
    assert!(decide(&ask).is_ok());
}

#[test]
fn k04_a_sign_in_of_long_ago_starts_nothing_and_ends_nothing() {
    let at = |ago| ActorProof::Session { authenticated_at: noon() - ago };
    for occasion in [Occasion::Request, Occasion::Redemption] {
        let stale = |a: &mut ImpersonationRequest| {
            (a.occasion, a.proof) = (occasion, at(STEP_UP + Duration::seconds(1)));
        };
        refused(stale, Denial::StepUpRequired);
        let unknown = ActorProof::Token { authenticated_at: None };
        refused(|a| (a.occasion, a.proof) = (occasion, unknown), Denial::StepUpRequired);
    }
    let mut ask = allowed();
    ask.proof = at(STEP_UP);
    assert!(decide(&ask).is_ok(), "to the second");
    (ask.proof, ask.step_up) = (at(Duration::hours(11)), None);
    assert!(decide(&ask).is_ok(), "the operator does not ask");
    (ask.occasion, ask.step_up) = (Occasion::Use, Some(STEP_UP));
    assert!(decide(&ask).is_ok(), "what runs goes on");
    assert_eq!(Denial::StepUpRequired.end_reason(), None);
}

#[test]
fn k19_whoever_asked_still_stands_by_the_kind_of_their_id() {
    refused(|a| a.requester.application = None, Denial::RequesterGone);
    refused(|a| a.requester.application.as_mut().unwrap().active = false, Denial::RequesterGone);
    // A token whose application nobody recorded.
    refused(
        |a| {
            let person = a.actor.id.clone();
            a.requester.by = RequestedBy::Token { person, application: None };
            a.requester.application = None;
        },
        Denial::RequesterGone,
    );
    let same = ["cli", "global"].map(|id| {
        let (client, person) = (ClientId::parse(id).unwrap(), UserId::parse(id).unwrap());
        let token = RequestedBy::Token { person: person.clone(), application: None };
        [RequestedBy::Application(client), RequestedBy::Session(person), token]
    });
    for [application, session, token] in same {
        assert_eq!((application.id(), application.id()), (session.id(), token.id()));
        assert_ne!(application, session);
        assert_ne!(session, token);
        assert_ne!(application.kind(), session.kind());
        assert_ne!(session, RequestedBy::CommandLine);
    }
}
