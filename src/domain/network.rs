//! Addresses of proxies, and whom a request came from.
use std::net::IpAddr;

/// A range of addresses whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: u128,
    last: u128,
}

/// The widest range that can be somebody's own: 10.0.0.0/8, `fc00::/7`, a provider's IPv6 allocation.
fn widest(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 8,
        IpAddr::V6(v6) if v6.is_unique_local() => 7,
        IpAddr::V6(_) => 16,
    }
}

impl Network {
    /// `192.0.2.1`, `10.0.0.0/8`, `fd00::/8`. A range that takes in strangers (`0.0.0.0/0`) is refused: it
    /// would let anybody choose the address that throttling and the audit trail see.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shown = text.escape_debug();
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr =
            address.parse().map_err(|_| format!("`{shown}` is no IP address and no range"))?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix: u32 = prefix
            .map_or(Ok(bits), str::parse)
            .ok()
            .filter(|prefix| *prefix <= bits)
            .ok_or_else(|| format!("`{shown}`: the part after `/` must be 0 to {bits}"))?;
        if prefix < widest(address) {
            return Err(format!("`{shown}` would trust strangers; name your own proxies"));
        }
        let host_bits = mask(bits - prefix);
        let first = number(address);
        if first & host_bits != 0 {
            return Err(format!("`{shown}` is an address with a length; end it in zeros"));
        }
        let range = Self { first, last: first | host_bits };
        if address.is_ipv6() && range.meets(&IPV4) {
            return Err(format!("`{shown}`: write IPv4 addresses as IPv4"));
        }
        Ok(range)
    }

    fn meets(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        (self.first..=self.last).contains(&number(address))
    }
}

/// The address a request came from: the right-most hop that is not one of our proxies.
///
/// `forwarded_for` is every `X-Forwarded-For` value joined by commas, in order. A peer that is no trusted
/// proxy is the client, whatever it writes there; a hop that cannot be read ends the search at the last
/// address we know.
pub fn client_address(peer: IpAddr, forwarded_for: Option<&str>, trusted: &[Network]) -> IpAddr {
    let ours = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    if !ours(client) {
        return client;
    }
    for hop in forwarded_for.unwrap_or_default().rsplit(',') {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !ours(client) {
            break;
        }
    }
    client
}

/// `::ffff:0:0/96`. An IPv6 range that takes it in would be 0.0.0.0/0 in disguise.
const IPV4: Network = Network { first: 0xffff_0000_0000, last: 0xffff_ffff_ffff };

/// IPv4 addresses live in their mapped range, so that `::ffff:10.0.0.1` and `10.0.0.1` are one.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
    .to_bits()
}

fn mask(bits: u32) -> u128 {
    1_u128.checked_shl(bits).map_or(u128::MAX, |power| power - 1)
}
