//! Addresses of proxies, and whom a request came from.
use std::net::{IpAddr, Ipv6Addr};

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

/// What a trusted proxy wrote about where a request came from, as far as it is needed.
#[derive(Debug, Clone, Copy, Default)]
pub struct ForwardedHeaders<'a> {
    /// All `X-Forwarded-For` lines joined by commas, in order; `None` without such a line.
    pub x_forwarded_for: Option<&'a str>,
    /// All `Forwarded` lines joined by commas, in order. They count where there is no `X-Forwarded-For`: a proxy that
    /// writes only the other one passes on what the client has put here.
    pub forwarded: Option<&'a str>,
}

/// From where a request came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientOrigin {
    pub address: IpAddr,
    /// The hop that could not be read and that the search stopped at. `address` is then only the proxy that wrote it:
    /// good enough for the audit trail, but shared with everybody whose hop cannot be read.
    pub unreadable: Option<String>,
}

/// The longest part of an unreadable hop that is kept.
const MAX_UNREADABLE: usize = 64;

/// Where a request came from: the right-most hop that is not one of our proxies.
///
/// A peer that is no trusted proxy is the client, whatever it writes; a hop that cannot be read ends the search at the
/// last address that is known.
pub fn client_origin(
    peer: IpAddr,
    headers: ForwardedHeaders<'_>,
    trusted: &[Network],
) -> ClientOrigin {
    let ours = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut origin = ClientOrigin { address: peer.to_canonical(), unreadable: None };
    if !ours(origin.address) {
        return origin;
    }
    let hops = match headers {
        ForwardedHeaders { x_forwarded_for: Some(list), .. } => addresses_of_list(list),
        ForwardedHeaders { forwarded: Some(list), .. } => addresses_of_elements(list),
        ForwardedHeaders { .. } => Vec::new(),
    };
    for (text, address) in hops {
        let Some(address) = address else {
            origin.unreadable = Some(text.chars().take(MAX_UNREADABLE).collect());
            return origin;
        };
        origin.address = address;
        if !ours(address) {
            break;
        }
    }
    origin
}

/// The address of [`client_origin`], where only `X-Forwarded-For` is looked at.
pub fn client_address(peer: IpAddr, forwarded_for: Option<&str>, trusted: &[Network]) -> IpAddr {
    let headers = ForwardedHeaders { x_forwarded_for: forwarded_for, forwarded: None };
    client_origin(peer, headers, trusted).address
}

type Hop<'a> = (&'a str, Option<IpAddr>);

const SPACE: [char; 2] = [' ', '\t'];

/// The hops of `X-Forwarded-For`, the last one first. No address has a comma, so a quote that a client left open
/// cannot swallow what a proxy wrote behind it. Empty elements are none ([RFC 9110 §5.6.1]).
///
/// [RFC 9110 §5.6.1]: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.1
fn addresses_of_list(list: &str) -> Vec<Hop<'_>> {
    let hops = list.rsplit(',').map(|hop| hop.trim_matches(SPACE)).filter(|hop| !hop.is_empty());
    hops.map(|hop| (hop, node_address(hop))).collect()
}

/// The hops of `Forwarded` ([RFC 7239 §4]), the last one first. An element is read from its end, for the same reason.
///
/// [RFC 7239 §4]: https://www.rfc-editor.org/rfc/rfc7239#section-4
fn addresses_of_elements(list: &str) -> Vec<Hop<'_>> {
    let mut hops = Vec::new();
    let mut rest = list;
    loop {
        let (before, element) = last_element(rest);
        let element = element.trim_matches(SPACE);
        if !element.is_empty() {
            hops.push((element, element_address(element)));
        }
        match before {
            Some(before) => rest = before,
            None => return hops,
        }
    }
}

/// The last element of a list, whose quotes are all closed again, and what stands before its comma.
fn last_element(list: &str) -> (Option<&str>, &str) {
    for (comma, _) in list.rmatch_indices(',') {
        let element = list.get(comma + 1..).unwrap_or_default();
        if quotes_are_closed(element) {
            return (list.get(..comma), element);
        }
    }
    (None, list)
}

fn quotes_are_closed(text: &str) -> bool {
    split_unquoted(text, ',').is_some()
}

/// The parts between separators that are in no quotes; `None` if a quote stays open.
fn split_unquoted(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if letter == separator && !quoted => {
                parts.push(text.get(start..at)?);
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text.get(start..)?);
    (!quoted).then_some(parts)
}

/// The address of the one `for` of an element.
fn element_address(element: &str) -> Option<IpAddr> {
    let mut named = None;
    for pair in split_unquoted(element, ';')? {
        let Some((name, value)) = pair.split_once('=') else { continue };
        if name.trim_matches(SPACE).eq_ignore_ascii_case("for")
            && named.replace(value.trim_matches(SPACE)).is_some()
        {
            return None;
        }
    }
    node_address(named?)
}

/// The address of a node ([RFC 7239 §6]): with a port or without, an IPv6 address in brackets or, as
/// `X-Forwarded-For` has it, bare; in quotes or not. `unknown` and obfuscated identifiers have none.
///
/// [RFC 7239 §6]: https://www.rfc-editor.org/rfc/rfc7239#section-6
fn node_address(node: &str) -> Option<IpAddr> {
    let node = unquoted(node.trim_matches(SPACE))?;
    let node = node.trim_matches(SPACE);
    if let Some(rest) = node.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let has_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return has_port.then(|| literal(address)).flatten();
    }
    if let Some(address) = literal(node) {
        return Some(address);
    }
    let (address, port) = node.split_once(':')?;
    let address: std::net::Ipv4Addr = address.parse().ok()?;
    is_port(port).then_some(IpAddr::V4(address))
}

/// A quoted string without its quotes and escapes; anything else as it is.
fn unquoted(text: &str) -> Option<String> {
    let Some(inner) = text.strip_prefix('"') else { return Some(text.to_owned()) };
    let inner = inner.strip_suffix('"')?;
    let mut letters = inner.chars();
    let mut plain = String::with_capacity(inner.len());
    while let Some(letter) = letters.next() {
        plain.push(if letter == '\\' { letters.next()? } else { letter });
    }
    Some(plain)
}

/// An address; the zone of a link-local one ([RFC 6874]) is a name on the proxy's machine, and no part of it.
///
/// [RFC 6874]: https://www.rfc-editor.org/rfc/rfc6874
fn literal(text: &str) -> Option<IpAddr> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    if zone.is_some_and(|zone| zone.is_empty() || address.is_ipv4()) {
        return None;
    }
    Some(address.to_canonical())
}

/// A number, or an obfuscated one.
fn is_port(port: &str) -> bool {
    if let Some(name) = port.strip_prefix('_') {
        let known = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        return !name.is_empty() && name.chars().all(known);
    }
    port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

/// What the attempts from one address are counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottleKey {
    /// The network that one customer of a provider has: an IPv4 address, or an IPv6 network of 64 bits, in which
    /// anybody has 2⁶⁴ addresses.
    pub network: String,
    /// Of an IPv6 address the 48 bits that a site has, which is 65,536 such networks ([RFC 6177 §2]). Its limits are
    /// [`SITE_FACTOR`] times higher.
    ///
    /// [RFC 6177 §2]: https://www.rfc-editor.org/rfc/rfc6177#section-2
    pub site: Option<String>,
}

/// How many times the limits of one network a site of several networks has.
pub const SITE_FACTOR: u16 = 10;

/// The one way from an address to what it is counted by.
pub fn throttle_key(address: IpAddr) -> ThrottleKey {
    match address.to_canonical() {
        IpAddr::V4(v4) => ThrottleKey { network: v4.to_string(), site: None },
        // All of IPv4 behind a translator (RFC 6052 §2.1): each address is a line of its own.
        IpAddr::V6(v6) if v6.to_bits() & !mask(32) == NAT64 => {
            ThrottleKey { network: v6.to_string(), site: None }
        }
        IpAddr::V6(v6) => {
            let upper = |bits: u32| Ipv6Addr::from_bits(v6.to_bits() & !mask(128 - bits));
            ThrottleKey {
                network: format!("{}/64", upper(64)),
                site: Some(format!("{}/48", upper(48))),
            }
        }
    }
}

/// `64:ff9b::/96`.
const NAT64: u128 = 0x0064_ff9b << 96;

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

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
