//! "Did you mean …?"

/// The known name that `name` is a slip of a few keys away from, if there is one; capitals do not count.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::osa_distance(&name, &known.to_lowercase()), known))
        .min()
        // Of a short name not much is left after three slips.
        .filter(|(distance, known)| *distance <= (known.chars().count() / 3).clamp(1, 3))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn l26_a_slip_is_a_few_keys_and_not_another_word() {
        let known = ["redirect_uris", "kind", "name", "grant_types"];
        for (typed, meant) in [
            ("redirect_uri", Some("redirect_uris")),
            ("redirct_uris", Some("redirect_uris")),
            ("RedirectUris", Some("redirect_uris")),
            ("knid", Some("kind")),
            ("grant-types", Some("grant_types")),
            ("colour", None),
            ("x", None),
        ] {
            assert_eq!(nearest(typed, known), meant, "{typed}");
        }
    }
}
