//! Which addresses a mail server may have (MAIL-14).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::Security;
use crate::error::ServerError;

/// The ports at which mail servers listen: IMAP 143 and 993, SMTP 25, 465 and 587.
pub const MAIL_PORTS: [u16; 5] = [143, 993, 25, 465, 587];

/// Networks in which any address, any port and connections without TLS are allowed.
///
/// Written as in `POSTROOM_MAIL_ALLOW_NETS`: networks in CIDR form or single addresses, separated by commas or spaces.
/// Empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowNets(Vec<IpNet>);

/// A text is no list of networks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no network such as 10.1.0.0/16 and no address such as 10.1.2.3")]
pub struct AllowNetsError(String);

impl FromStr for AllowNets {
    type Err = AllowNetsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split([',', ' '])
            .filter(|part| !part.is_empty())
            .map(|part| {
                part.parse::<IpNet>()
                    .or_else(|_| part.parse::<IpAddr>().map(IpNet::from))
                    .map_err(|_| AllowNetsError(part.to_owned()))
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Self)
    }
}

impl AllowNets {
    /// Every address there is.
    #[must_use]
    pub fn everywhere() -> Self {
        Self(vec![IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())])
    }

    /// True if the address lies in one of the networks.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|net| net.contains(&ip))
    }

    /// Says whether a server at this address may be used in this way.
    ///
    /// # Errors
    /// `AddressNotAllowed`, `PortNotAllowed` or `PlainNotAllowed`, in this order.
    pub fn check(&self, address: SocketAddr, security: Security) -> Result<(), ServerError> {
        if self.contains(address.ip()) {
            return Ok(());
        }
        if !is_public(address.ip()) {
            return Err(ServerError::AddressNotAllowed);
        }
        if !MAIL_PORTS.contains(&address.port()) {
            return Err(ServerError::PortNotAllowed);
        }
        if security == Security::None {
            return Err(ServerError::PlainNotAllowed);
        }
        Ok(())
    }
}

/// IPv4 networks that are not globally reachable, by IANA's registry of special-purpose addresses, and multicast.
const SPECIAL_V4: [(Ipv4Addr, u8); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Networks inside the global unicast space 2000::/3 that are not for the public: protocol assignments (with Teredo),
/// documentation, and 6to4, which carries any IPv4 address inside.
const SPECIAL_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// True for addresses that the public internet routes to somebody else's machine.
///
/// IPv4 addresses written as IPv6 are judged by the address inside, both mapped (`::ffff:a.b.c.d`) and translated by
/// a NAT64 gateway (`64:ff9b::a.b.c.d`, RFC 6052).
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => !in_any_v4(ip),
        IpAddr::V6(ip) => match nat64(ip) {
            Some(inside) => !in_any_v4(inside),
            None => ip.segments()[0] >> 13 == 1 && !in_any_v6(ip),
        },
    }
}

fn in_any_v4(ip: Ipv4Addr) -> bool {
    SPECIAL_V4.iter().any(|&(base, bits)| Ipv4Net::new(base, bits).is_ok_and(|net| net.contains(&ip)))
}

fn in_any_v6(ip: Ipv6Addr) -> bool {
    SPECIAL_V6.iter().any(|&(base, bits)| Ipv6Net::new(base, bits).is_ok_and(|net| net.contains(&ip)))
}

fn nat64(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    match ip.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => {
            let [.., a, b, c, d] = ip.octets();
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ip: &str, port: u16) -> SocketAddr {
        SocketAddr::new(ip.parse().unwrap(), port)
    }

    #[test]
    fn only_public_addresses_are_mail_servers() {
        let none = AllowNets::default();
        for ip in ["8.8.8.8", "192.0.1.1", "172.32.0.1", "2a00:1450:4001::1b", "64:ff9b::8.8.8.8"] {
            assert_eq!(none.check(at(ip, 993), Security::Tls), Ok(()), "{ip}");
        }
        for ip in [
            "127.0.0.1",
            "10.0.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "64:ff9b::127.0.0.1",
            "2002:7f00:1::1",
            "2001:db8::1",
            "ff02::1",
        ] {
            assert_eq!(none.check(at(ip, 993), Security::Tls), Err(ServerError::AddressNotAllowed), "{ip}");
        }
    }

    #[test]
    fn other_ports_and_plain_text_need_an_allowed_network() {
        let none = AllowNets::default();
        assert_eq!(none.check(at("8.8.8.8", 22), Security::Tls), Err(ServerError::PortNotAllowed));
        assert_eq!(none.check(at("8.8.8.8", 143), Security::None), Err(ServerError::PlainNotAllowed));
        assert_eq!(none.check(at("8.8.8.8", 587), Security::StartTls), Ok(()));
        let local: AllowNets = "127.0.0.0/8, ::1".parse().unwrap();
        assert_eq!(local.check(at("127.0.0.7", 40_143), Security::None), Ok(()));
        assert_eq!(local.check(at("::1", 40_143), Security::None), Ok(()));
        assert_eq!(local.check(at("::ffff:127.0.0.1", 1), Security::None), Ok(()));
        assert_eq!(local.check(at("10.0.0.1", 143), Security::Tls), Err(ServerError::AddressNotAllowed));
    }

    #[test]
    fn networks_are_read_from_the_setting() {
        assert_eq!("".parse(), Ok(AllowNets::default()));
        assert!("10.0.0.0/8,fd00::/8 192.168.1.5".parse::<AllowNets>().is_ok());
        assert_eq!("10.0.0.0/33".parse::<AllowNets>(), Err(AllowNetsError("10.0.0.0/33".to_owned())));
        assert!("localhost".parse::<AllowNets>().is_err());
    }
}
