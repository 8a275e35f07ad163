//! `docs/api-scopes.md` says what the code does.
use crate::every_route::table::TABLE;
use std::collections::BTreeSet;
use understudy::domain::api_scope::ApiScope;
use understudy::http::extract::api_routes::API_ROUTES;

const TEXT: &str = include_str!("../../../docs/api-scopes.md");

/// Scope, method, route and permission of each row of the first table.
fn rows() -> Vec<[String; 4]> {
    let rows = TEXT.lines().skip_while(|line| !line.starts_with("| --- ")).skip(1);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let cells = |line: &str| {
        let cells: Vec<String> =
            line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        <[String; 4]>::try_from(cells).unwrap()
    };
    rows.map(cells).collect()
}

#[test]
fn k01_the_table_of_scopes_is_what_the_code_asks_for() {
    let mut told = BTreeSet::new();
    for [scope, method, path, permission] in rows() {
        let scope = ApiScope::parse(scope.trim_matches('`')).unwrap();
        let expected = match scope.permission() {
            _ if permission.starts_with("nobody") => {
                assert!(path.contains("/impersonate"), "{path}");
                permission.clone()
            }
            Some(name) => format!("`{name}`"),
            None => "nothing".to_owned(),
        };
        assert!(permission.starts_with(&expected), "{path}: {permission} and not {expected}");
        told.insert((
            scope,
            method.trim_matches('`').to_owned(),
            path.trim_matches('`').to_owned(),
        ));
    }
    let mut real: BTreeSet<_> =
        API_ROUTES.iter().map(|it| (it.scope, it.method.to_owned(), it.path.to_owned())).collect();
    let forward_auth = TABLE.iter().filter(|line| line.path.starts_with("/forward-auth"));
    real.extend(
        forward_auth.map(|line| (ApiScope::ForwardAuth, "any".to_owned(), line.path.to_owned())),
    );
    assert_eq!(told, real);
    for scope in ApiScope::ALL {
        assert!(told.iter().any(|(known, ..)| *known == scope), "{} opens nothing", scope.as_str());
    }
}
