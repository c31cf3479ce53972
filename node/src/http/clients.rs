//! What each client uses: a token bucket of requests, and open connections.
//!
//! The table is bounded. An entry with no connection and a full bucket says nothing and is forgotten; if the table is
//! full of others, newcomers share one bucket, so that a flood from many addresses costs them speed and us no memory.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often a full table is swept at most: a sweep looks at every entry.
const SWEEP: Duration = Duration::from_millis(500);

/// Who is counted as one: an IPv4 address, or an IPv6 /64, which one host commonly has to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Client(u64, bool);

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        let mapped = |address: Ipv6Addr| address.to_ipv4_mapped().map(IpAddr::V4);
        match address {
            IpAddr::V4(address) => Self(u32::from(address).into(), false),
            IpAddr::V6(address) => match mapped(address) {
                Some(address) => address.into(),
                None => Self((u128::from(address) >> 64) as u64, true),
            },
        }
    }
}

/// A token bucket, filled lazily.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

#[derive(Debug)]
struct Entry {
    bucket: Bucket,
    connections: usize,
}

#[derive(Debug)]
struct Table {
    entries: HashMap<Client, Entry>,
    /// What clients without an entry share.
    rest: Entry,
    swept: Option<Instant>,
}

/// The bounds that [`Clients`] keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Requests a second, for ever.
    pub rate: f64,
    /// Requests at once after a rest.
    pub burst: f64,
    /// Open connections.
    pub connections: usize,
    /// Entries of the table.
    pub clients: usize,
}

/// The table of clients.
#[derive(Debug)]
pub(super) struct Clients {
    bounds: Bounds,
    table: Mutex<Table>,
}

impl Bucket {
    fn refilled(self, bounds: &Bounds, now: Instant) -> f64 {
        let earned = now.saturating_duration_since(self.at).as_secs_f64() * bounds.rate;
        (self.tokens + earned).min(bounds.burst)
    }

    /// Takes a token; otherwise says how long until there is one.
    fn take(&mut self, bounds: &Bounds, now: Instant) -> Result<(), Duration> {
        let tokens = self.refilled(bounds, now);
        (self.tokens, self.at) = (tokens, now);
        if tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::try_from_secs_f64((1.0 - tokens) / bounds.rate).unwrap_or(Duration::MAX))
    }
}

impl Clients {
    pub fn new(bounds: Bounds, now: Instant) -> Self {
        let rest = Entry { bucket: Bucket { tokens: bounds.burst, at: now }, connections: 0 };
        Self { bounds, table: Mutex::new(Table { entries: HashMap::new(), rest, swept: None }) }
    }

    /// Counts a request; if it is one too many, says how long until the next may come.
    pub fn request(&self, client: Client, now: Instant) -> Result<(), Duration> {
        self.with(client, now, |entry| entry.bucket.take(&self.bounds, now))
    }

    /// Counts a connection; false if the client has too many.
    pub fn connect(&self, client: Client, now: Instant) -> bool {
        self.with(client, now, |entry| {
            let room = entry.connections < self.bounds.connections;
            entry.connections += usize::from(room);
            room
        })
    }

    /// Counts a connection out.
    pub fn disconnect(&self, client: Client) {
        let mut table = self.lock();
        let table = &mut *table;
        let entry = table.entries.get_mut(&client).unwrap_or(&mut table.rest);
        entry.connections = entry.connections.saturating_sub(1);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
        // Nothing that holds the lock can panic half-way through a change.
        self.table.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn with<T>(&self, client: Client, now: Instant, act: impl FnOnce(&mut Entry) -> T) -> T {
        let mut table = self.lock();
        let table = &mut *table;
        if !table.entries.contains_key(&client) && self.room(table, now) {
            let bucket = Bucket { tokens: self.bounds.burst, at: now };
            table.entries.insert(client, Entry { bucket, connections: 0 });
        }
        act(table.entries.get_mut(&client).unwrap_or(&mut table.rest))
    }

    /// Whether there is room for one more entry, after a sweep if need be.
    fn room(&self, table: &mut Table, now: Instant) -> bool {
        if table.entries.len() < self.bounds.clients {
            return true;
        }
        if table.swept.is_some_and(|swept| now.saturating_duration_since(swept) < SWEEP) {
            return false;
        }
        table.swept = Some(now);
        let idle =
            |entry: &Entry| entry.connections == 0 && entry.bucket.refilled(&self.bounds, now) >= self.bounds.burst;
        table.entries.retain(|_, entry| !idle(entry));
        table.entries.len() < self.bounds.clients
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const BOUNDS: Bounds = Bounds { rate: 10.0, burst: 3.0, connections: 2, clients: 4 };

    fn client(last: u8) -> Client {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)).into()
    }

    #[test]
    fn a_client_is_an_address_or_a_subnet() {
        let of = |text: &str| Client::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(of("10.0.0.1"), of("::ffff:10.0.0.1"), "mapped");
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("0.0.0.1"), of("0:0:0:1::"), "the same number in both families");
    }

    #[test]
    fn a_bucket_empties_and_fills() {
        let start = Instant::now();
        let clients = Clients::new(BOUNDS, start);
        for _ in 0..3 {
            assert_eq!(clients.request(client(1), start), Ok(()));
        }
        let wait = clients.request(client(1), start).unwrap_err();
        assert!((wait.as_secs_f64() - 0.1).abs() < 1e-6, "{wait:?}");
        assert_eq!(clients.request(client(2), start), Ok(()), "the other has his own");
        let later = start + Duration::from_millis(101);
        assert_eq!(clients.request(client(1), later), Ok(()));
        assert!(clients.request(client(1), later).is_err());
        assert!(clients.request(client(1), start).is_err(), "a clock that goes backwards earns nothing");
        let rested = start + Duration::from_secs(3600);
        assert_eq!((0..9).filter(|_| clients.request(client(1), rested).is_ok()).count(), 3, "no more than the burst");
    }

    #[test]
    fn connections_are_counted_in_and_out() {
        let now = Instant::now();
        let clients = Clients::new(BOUNDS, now);
        assert!(clients.connect(client(1), now) && clients.connect(client(1), now));
        assert!(!clients.connect(client(1), now));
        assert!(clients.connect(client(2), now));
        clients.disconnect(client(1));
        assert!(clients.connect(client(1), now));
        clients.disconnect(client(9));
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_idle() {
        let start = Instant::now();
        let clients = Clients::new(BOUNDS, start);
        assert!(clients.connect(client(0), start));
        for last in 1..=255 {
            let _ = clients.request(client(last), start);
        }
        assert_eq!(clients.lock().entries.len(), 4);
        assert!(clients.request(client(200), start).is_err(), "newcomers share what is left");
        let later = start + Duration::from_secs(10);
        assert_eq!(clients.request(client(200), later), Ok(()));
        let table = clients.lock();
        assert_eq!(table.entries.len(), 2, "the connected one and the newcomer");
        assert_eq!(table.entries[&client(0)].connections, 1);
    }
}
