//! Whatever is asked, no yes breaks a rule about who asks.
use super::*;

fn any_question() -> impl Strategy<Value = ImpersonationRequest> {
    let occasions = [Occasion::Request, Occasion::Redemption, Occasion::Use];
    (0..Asks::ALL.len(), 0..Channel::ALL.len(), 0..4_usize, 0..3_usize, some_permissions())
        .prop_map(move |(asks, channel, shown, occasion, permissions)| {
            let mut ask = question(Asks::ALL[asks], Channel::ALL[channel], Shown::ALL[shown]);
            ask.occasion = occasions[occasion];
            ask.actor.permissions = permission::ALL.iter().copied().collect();
            ask.subject.permissions = permissions.into_iter().collect();
            ask
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50_000))]

    #[test]
    fn k01_k04_no_yes_breaks_a_rule_about_who_asks(
        mut ask in any_question(),
        off in proptest::collection::vec(any::<bool>(), 3),
    ) {
        if let Some(application) = ask.requester.application.as_mut() {
            application.first_party &= !off[0];
            application.active = !off[1];
            if off[2] && application.organization.is_none() {
                application.organization = Some(OrganizationId::parse("org_globex").unwrap());
            }
        }
        let itself = ask.requester.by.application() == Some(&ask.client.id);
        let application = ask.requester.application.clone();
        match decide(&ask) {
            Ok(_) => {
                if let Some(application) = application {
                    prop_assert!(application.first_party);
                    prop_assert!(application.active || itself);
                    let home = application.organization.as_ref();
                    prop_assert!(itself || home.is_none() || home == ask.subject.organization_id());
                }
                let administrator = ask.subject.permissions.is_administrative();
                let named = ask.proof == ActorProof::Asserted && ask.occasion != Occasion::Request;
                prop_assert!(!(administrator && named));
                let starts = ask.occasion != Occasion::Use;
                let aged = ask.proof.is_older_than(STEP_UP, ask.now);
                let by_call = [Channel::AsUser, Channel::OnBehalfOf, Channel::JwtGrant];
                prop_assert!(!(starts && aged) || by_call.contains(&ask.channel));
            }
            Err(Denial::StepUpRequired) => prop_assert!(ask.occasion != Occasion::Use),
            Err(_) => {}
        }
    }
}
