//! What must hold in every room.
use super::PROTOCOLS;

#[test]
fn every_room_has_its_own_name() {
    let mut names: Vec<&str> = PROTOCOLS.iter().map(|room| room.name().as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), PROTOCOLS.len());
}
