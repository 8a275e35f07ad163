//! On which line a key stands. Parsed values do not know, so the text is walked again; the parser
//! adds the place to an error that is raised where we want to know it.
use super::mistake::{Path, PathStep};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The line of what `path` leads to, or of the nearest thing around it that is there.
pub(super) fn line_of(text: &str, path: &Path) -> usize {
    let all = path.0.as_slice();
    (1..=all.len())
        .rev()
        .filter_map(|len| all.get(..len))
        .find_map(|steps| find(text, steps))
        .unwrap_or(1)
}

fn find(text: &str, steps: &[PathStep]) -> Option<usize> {
    let deserializer = serde_norway::Deserializer::from_str(text);
    let error = LineWalk { steps }.deserialize(deserializer).err()?;
    error.location().map(|place| place.line())
}

/// Walks to the end of `steps`, and fails there.
struct LineWalk<'a> {
    steps: &'a [PathStep],
}

impl<'de> DeserializeSeed<'de> for LineWalk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.steps.first() {
            Some(PathStep::Key(_)) => deserializer.deserialize_map(self),
            Some(PathStep::Item(_)) => deserializer.deserialize_seq(self),
            None => deserializer.deserialize_any(Location),
        }
    }
}

impl<'de> Visitor<'de> for LineWalk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the way on")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((PathStep::Key(wanted), rest)) = self.steps.split_first() else { return Ok(()) };
        let last = rest.is_empty();
        while let Some(found) = map.next_key_seed(LocatedKey { wanted, last })? {
            if found {
                return map.next_value_seed(LineWalk { steps: rest });
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Some((PathStep::Item(wanted), rest)) = self.steps.split_first() else { return Ok(()) };
        for _ in 0..*wanted {
            if seq.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
        }
        seq.next_element_seed(LineWalk { steps: rest }).map(|_| ())
    }
}

struct LocatedKey<'a> {
    wanted: &'a str,
    last: bool,
}

impl<'de> DeserializeSeed<'de> for LocatedKey<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for LocatedKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        if self.last && key == self.wanted {
            Err(E::custom("here"))
        } else {
            Ok(key == self.wanted)
        }
    }
}

/// Fails at whatever stands here.
struct Location;

impl<'de> Visitor<'de> for Location {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the place")
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom("here"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom("here"))
    }
}
