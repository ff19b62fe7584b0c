//! Networks, as a manifest names them: `10.0.0.0/8`, or one address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error};

/// A network of addresses, of IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Whether an address is in it. One of IPv4 that is written as one of IPv6 (`::ffff:10.0.0.1`) is what it means.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address.to_canonical()),
            Err(_) => text.parse().map_err(|_| {
                format!(
                    "`{text}` is neither an address nor a network; write for example `127.0.0.1`, `10.0.0.0/8` or `fd00::/8`"
                )
            })?,
        };
        match network.trunc() {
            whole if whole == network => Ok(Self(network)),
            whole => Err(format!(
                "`{text}` names an address within a network; write the network, `{whole}`, or the address without `/{}`",
                network.prefix_len()
            )),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
