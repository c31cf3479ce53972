//! The ledger: accounts, how blocks change them, and the state root.
//!
//! # State
//!
//! A balance and, for each lane, the next nonce, under the account's 48-byte key, in an authenticated database
//! (commonware's QMDB over a Merkle mountain range). Its root is the block's state root. An account at zero with no
//! nonce spent is not stored.
//!
//! # Settlement
//!
//! A block settles as one batch ([`commonware_glue::transfers`]): each account pays its debits (amount and fee) from
//! the balance it had before the block, then receives its credits. So the outcome does not depend on the order of
//! transactions of different senders, and a credit is spendable from the next block on.
//!
//! # Fees
//!
//! Fees are burned. If a proposer received them, he could fill his own blocks with his own transactions for nothing
//! and push others out; burning makes block space cost the same for everybody. The supply only shrinks, so that no
//! balance can overflow.
//!
//! # The first block
//!
//! The database of a new node is empty, and the genesis block commits to the empty database. The genesis balances
//! enter the state with the block at height 1, before its transactions: where the database does not hold an account
//! the genesis balance counts, and execution writes every genesis account.
//!
//! # Account keys
//!
//! Every stored account is a valid public key: genesis accounts are checked with the genesis, and a block that
//! creates an account whose address is no key in the subgroup is invalid. So nothing can be sent to an address that
//! nobody can ever spend from, and senders that exist need no second check.

use crate::genesis::Genesis;
use crate::transaction::{Address, Lane, Transaction};
use commonware_codec::{Buf, Error as CodecError, FixedSize, Read, ReadExt as _, Write};
use commonware_cryptography::Sha256;
use commonware_glue::stateful::db::Shared;
use commonware_glue::transfers::{self, Change, Transfer};
use commonware_parallel::Sequential;
use commonware_runtime::BufMut;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_storage::journal::contiguous::fixed::Config as LogConfig;
use commonware_storage::mmr::{self, full::Config as TreeConfig};
use commonware_storage::qmdb::any::batch::Slot;
use commonware_storage::qmdb::any::{FixedConfig, unordered::fixed};
use commonware_storage::translator::EightCap;
use commonware_utils::{NZU64, NZUsize};

/// What the state holds for an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// What it can spend.
    pub balance: u64,
    /// The next nonce in each lane, at [`Lane::index`].
    pub nonces: [u64; 2],
}

impl Account {
    /// An account that has received `balance` and spent nothing.
    pub const fn with_balance(balance: u64) -> Self {
        Self { balance, nonces: [0; 2] }
    }
}

impl FixedSize for Account {
    const SIZE: usize = 3 * u64::SIZE;
}

impl Write for Account {
    fn write(&self, buf: &mut impl BufMut) {
        self.balance.write(buf);
        self.nonces[0].write(buf);
        self.nonces[1].write(buf);
    }
}

impl Read for Account {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        Ok(Self { balance: u64::read(buf)?, nonces: [u64::read(buf)?, u64::read(buf)?] })
    }
}

impl transfers::Account for Account {
    type Effect = (Lane, u64);

    fn balance(&self) -> u64 {
        self.balance
    }

    fn set_balance(&mut self, balance: u64) {
        self.balance = balance;
    }

    fn apply(&mut self, (lane, nonce): (Lane, u64)) -> bool {
        let next = &mut self.nonces[lane.index()];
        match nonce.checked_add(1) {
            Some(after) if nonce == *next => {
                *next = after;
                true
            }
            _ => false,
        }
    }
}

impl Transfer for Transaction {
    type Key = Address;
    type Account = Account;

    /// A cost that overflows becomes a debit nobody can afford; [`Transaction::check`] refuses it before.
    fn changes(&self) -> impl Iterator<Item = (&Address, Change<(Lane, u64)>)> {
        let cost = self.cost().unwrap_or(u64::MAX);
        let sender = Change::debit(cost).with_effect((self.lane, self.nonce));
        [(&self.sender, sender), (&self.recipient, Change::credit(self.amount))].into_iter()
    }
}

/// The authenticated database of accounts.
///
/// Keys are indexed by their first eight bytes. Honest keys spread evenly; forcing many into one slot takes 2^32 key
/// generations for each pair, for a slower lookup of these keys alone.
pub type Database<E> = fixed::Db<mmr::Family, E, Address, Account, Sha256, EightCap, Sequential>;

/// The database as the engine shares it.
pub type Databases<E> = Shared<Database<E>>;

/// Where the database lives: partitions that begin with `prefix`.
pub fn database_config(prefix: &str, page_cache: CacheRef) -> FixedConfig<EightCap, Sequential> {
    let (write_buffer, replay_buffer) = (NZUsize!(1 << 20), NZUsize!(1 << 20));
    FixedConfig {
        merkle_config: TreeConfig {
            journal_partition: format!("{prefix}-state-tree-journal"),
            metadata_partition: format!("{prefix}-state-tree-metadata"),
            items_per_blob: NZU64!(1 << 16),
            write_buffer,
            replay_buffer,
            strategy: Sequential,
            page_cache: page_cache.clone(),
        },
        journal_config: LogConfig {
            partition: format!("{prefix}-state-log-journal"),
            items_per_blob: NZU64!(1 << 14),
            page_cache,
            write_buffer,
            replay_buffer,
        },
        translator: EightCap,
        init_cache: Some(NZUsize!(1024)),
        init_buffer: NZUsize!(1 << 21),
        init_concurrency: (),
    }
}

/// What a block writes: a slot for each account read, and accounts that were not read.
pub type Writes = (Vec<Slot<Account>>, Vec<(Address, Option<Account>)>);

/// Genesis balances as they show through at height 1, and nothing at any other height.
#[derive(Clone, Copy, Debug)]
pub struct Overlay<'a> {
    genesis: Option<&'a Genesis>,
}

impl<'a> Overlay<'a> {
    /// The overlay for executing the block at `height`.
    pub fn at(genesis: &'a Genesis, height: u64) -> Self {
        Self { genesis: (height == 1).then_some(genesis) }
    }

    /// What an account holds before the block, given what the database holds.
    pub fn read(&self, address: &Address, stored: Option<Account>) -> Option<Account> {
        stored.or_else(|| Some(Account::with_balance(*self.genesis?.accounts().get(address)?)))
    }

    /// Turns the outcome of settlement into database writes.
    ///
    /// `keys`, `before` (as [`Overlay::read`] gave them) and `slots` correspond. Returns the slots to write and the
    /// accounts that no transaction touched but that the database does not hold yet.
    pub fn writes(&self, keys: &[Address], before: &[Option<Account>], slots: Vec<Slot<Account>>) -> Writes {
        let Some(genesis) = self.genesis else {
            return (slots, Vec::new());
        };
        let slots = slots
            .into_iter()
            .zip(before)
            .map(|(slot, before)| match (slot, before) {
                (Slot::Keep, Some(account)) => Slot::Put(*account),
                (slot, _) => slot,
            })
            .collect();
        let touched: std::collections::HashSet<&Address> = keys.iter().collect();
        let untouched = genesis
            .accounts()
            .iter()
            .filter(|(address, _)| !touched.contains(address))
            .map(|(address, balance)| (address.clone(), Some(Account::with_balance(*balance))))
            .collect();
        (slots, untouched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use commonware_glue::transfers::{Plan, Rejection};

    fn transfer(from: u8, to: u8, amount: u64, fee: u64, nonce: u64, lane: Lane) -> Transaction {
        let (sender, recipient) = (Address::new([from; 48]), Address::new([to; 48]));
        Transaction { sender, recipient, amount, fee, nonce, lane }
    }

    /// Settles against accounts 1 and 2 holding 100 each; returns what they hold afterwards.
    fn settle(transactions: &[Transaction]) -> Result<[Option<Account>; 3], Rejection<Address>> {
        let plan = Plan::with_seed(transactions, 0, &Sequential)?;
        let start = |key: &Address| (key.as_ref()[0] < 3).then_some(Account::with_balance(100));
        let reads: Vec<_> = plan.keys().iter().map(start).collect();
        let slots = plan.settle(&reads, &Sequential)?;
        let mut after = [1, 2, 3].map(|n| start(&Address::new([n; 48])));
        for (key, slot) in plan.keys().iter().zip(slots) {
            let place = &mut after[usize::from(key.as_ref()[0]) - 1];
            match slot {
                Slot::Put(account) => *place = Some(account),
                Slot::Delete => *place = None,
                Slot::Keep => {}
            }
        }
        Ok(after)
    }

    #[test]
    fn a_block_cannot_overspend_replay_or_skip() {
        let standard = Lane::Standard;
        assert!(matches!(settle(&[transfer(1, 2, 99, 2, 0, standard)]), Err(Rejection::Insufficient(_))));
        let twice = [transfer(1, 2, 50, 1, 0, standard), transfer(1, 3, 50, 1, 1, standard)];
        assert!(matches!(settle(&twice), Err(Rejection::Insufficient(_))), "two debits against one balance");
        let credit = [transfer(2, 1, 50, 1, 0, standard), transfer(1, 3, 120, 1, 0, standard)];
        assert!(matches!(settle(&credit), Err(Rejection::Insufficient(_))), "a credit of the same block");
        let replay = [transfer(1, 2, 1, 1, 0, standard), transfer(1, 2, 1, 1, 0, standard)];
        assert!(matches!(settle(&replay), Err(Rejection::Refused(_))));
        assert!(matches!(settle(&[transfer(1, 2, 1, 1, 1, standard)]), Err(Rejection::Refused(_))), "a gap");
        assert!(matches!(settle(&[transfer(3, 1, 1, 1, 0, standard)]), Err(Rejection::Insufficient(_))), "no account");
        assert!(matches!(settle(&[transfer(1, 2, u64::MAX, 9, 0, standard)]), Err(Rejection::Insufficient(_))));
    }

    #[test]
    fn fees_are_burned_and_lanes_count_their_own_nonces() {
        let block = [
            transfer(1, 3, 10, 2, 0, Lane::Standard),
            transfer(1, 3, 10, 8, 0, Lane::Priority),
            transfer(1, 1, 5, 1, 1, Lane::Standard),
        ];
        let after = settle(&block).unwrap();
        assert_eq!(after[0], Some(Account { balance: 100 - 20 - 11, nonces: [2, 1] }));
        assert_eq!(after[2], Some(Account::with_balance(20)));
        let total: u64 = after.iter().flatten().map(|account| account.balance).sum();
        assert_eq!(total, 200 - 11);
    }
}
