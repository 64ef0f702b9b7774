//! How much there may be at once: connections, and what a request's head may hold.
//!
//! The table of addresses cannot outgrow the number of connections: an entry goes with its last one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Request;

use super::Limits;
use crate::refusal::Refusal;

/// Connections that are open, in all and by address.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    most_per_address: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Connections {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            most: limits.connections,
            most_per_address: limits.connections_per_address,
            open: Mutex::default(),
        })
    }

    /// Room for one more connection; `address` is `None` for a peer whose own count has no limit.
    pub(super) fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Slot> {
        let address = address.map(counted_as);
        let mut open = self.lock();
        if open.all >= self.most {
            return None;
        }
        if let Some(address) = address {
            let count = open.by_address.get(&address).copied().unwrap_or_default();
            if count >= self.most_per_address {
                return None;
            }
            open.by_address.insert(address, count + 1);
        }
        open.all += 1;
        Some(Slot {
            connections: Arc::clone(self),
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place; free again when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    connections: Arc<Connections>,
    address: Option<IpAddr>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        open.all = open.all.saturating_sub(1);
        let Some(address) = self.address else { return };
        if let Some(count) = open.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

/// What one address's connections are counted under: IPv6 clients own a /64 at least.
fn counted_as(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let network = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
    }
}

/// Whether the head is within the limits, on HTTP/1 and HTTP/2 alike.
///
/// hyper counts bytes on both and fields on HTTP/1 only (seen with hyper 1.12: 400 fields accepted on
/// HTTP/2), and takes targets up to 64 KiB.
///
/// # Errors
/// [`Refusal::TargetTooLong`] and [`Refusal::HeadTooLarge`].
pub(super) fn check_head<B>(request: &Request<B>, limits: &Limits) -> Result<(), Refusal> {
    let uri = request.uri();
    let target = uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len())
        + uri
            .authority()
            .map_or(0, |authority| authority.as_str().len());
    if target > limits.target_bytes {
        return Err(Refusal::TargetTooLong);
    }
    // `len` counts every value, so cookie crumbs count one by one.
    let headers = request.headers();
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + b": \r\n".len())
        .sum();
    if headers.len() > limits.head_fields || target + bytes > limits.head_bytes {
        return Err(Refusal::HeadTooLarge);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(all: usize, per_address: usize) -> Arc<Connections> {
        Connections::new(&Limits {
            connections: all,
            connections_per_address: per_address,
            ..Limits::default()
        })
    }

    #[test]
    fn one_address_gets_its_share_and_the_others_theirs() {
        let connections = connections(10, 2);
        let (a, b) = ("192.0.2.1".parse().ok(), "192.0.2.2".parse().ok());
        let kept = [connections.admit(a), connections.admit(a)];
        assert!(kept.iter().all(Option::is_some));
        assert!(connections.admit(a).is_none());
        assert!(connections.admit(b).is_some());
        drop(kept);
        assert!(connections.admit(a).is_some());
    }

    #[test]
    fn a_v6_network_is_one_address() {
        let connections = connections(10, 1);
        let kept = connections.admit("2001:db8::1".parse().ok());
        assert!(kept.is_some());
        assert!(connections.admit("2001:db8::2".parse().ok()).is_none());
        assert!(connections.admit("2001:db8:0:1::2".parse().ok()).is_some());
    }

    #[test]
    fn the_limit_of_all_connections_holds_for_trusted_proxies_too() {
        let connections = connections(1, 1);
        let kept = connections.admit(None);
        assert!(kept.is_some());
        assert!(connections.admit(None).is_none());
        assert!(connections.admit("192.0.2.1".parse().ok()).is_none());
    }

    #[test]
    fn the_table_of_addresses_empties_with_the_connections() {
        let connections = connections(1_000, 1);
        let slots: Vec<_> = (0..1_000_u32)
            .map(|n| connections.admit(Some(IpAddr::V4(n.into()))))
            .collect();
        assert_eq!(connections.lock().by_address.len(), 1_000);
        drop(slots);
        assert_eq!(connections.lock().by_address.len(), 0);
        assert_eq!(connections.lock().all, 0);
    }

    #[test]
    fn each_crumb_of_a_cookie_counts_as_a_field() {
        let limits = Limits::default();
        let with = |crumbs: usize| {
            let mut request = Request::new(());
            for _ in 0..crumbs {
                request
                    .headers_mut()
                    .append("cookie", http::HeaderValue::from_static("a=b"));
            }
            check_head(&request, &limits)
        };
        assert_eq!(with(100), Ok(()));
        assert_eq!(with(101), Err(Refusal::HeadTooLarge));
    }
}
