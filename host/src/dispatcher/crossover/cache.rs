//! What was measured, kept in a file of the user's cache folder.
//!
//! The file holds an entry for each processor, device and number of threads that was measured, so that a home folder
//! may serve several machines. It is replaced as a whole, by renaming: whoever reads sees the old or the new one. Of
//! two processes that write at once the later one's file stays, and what the other added is measured again some time.
//!
//! Nothing in it is trusted beyond speed: a file that is damaged, or an entry for another device, driver or version, is
//! passed over, said so, and replaced by the next measurement.

use super::curve::{Curve, crossing};
use crate::backend::Op;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts changes of the file's form.
const FORMAT: u32 = 1;
/// Entries kept, the newest.
const MOST_ENTRIES: usize = 64;
/// Bytes read at most; a full file has a tenth of that.
const MOST_BYTES: u64 = 8 << 20;

/// What a measurement holds for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Key {
    /// The processor's name.
    pub(super) processor: String,
    /// Its logical cores.
    pub(super) cores: usize,
    /// The backends of the CPU, with their threads.
    pub(super) cpu: String,
    /// The device's name among the backends.
    pub(super) device: String,
    /// The hardware, as its driver names it.
    pub(super) hardware: String,
    /// The version of driver or design.
    pub(super) driver: String,
    /// The version of this library.
    pub(super) arblast: String,
}

impl Key {
    /// Whether both are about the same device of the same machine, with whatever driver and version.
    fn same_place(&self, other: &Self) -> bool {
        (&self.processor, self.cores, &self.cpu, &self.device)
            == (&other.processor, other.cores, &other.cpu, &other.device)
    }

    /// What is not as it was, for the operator.
    fn changes(&self, before: &Self) -> String {
        let fields = [
            ("hardware", &before.hardware, &self.hardware),
            ("driver", &before.driver, &self.driver),
            ("arblast", &before.arblast, &self.arblast),
        ];
        let changed = fields.into_iter().filter(|(_, before, now)| before != now);
        changed.map(|(what, before, now)| format!("{what} was {before:?}, is {now:?}")).collect::<Vec<_>>().join("; ")
    }
}

/// The times of one operation on the CPU and on a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) cpu: Curve,
    pub(super) device: Curve,
}

impl Measured {
    fn is_sound(&self) -> bool {
        self.cpu.is_sound() && self.device.is_sound() && crossing(&self.cpu, &self.device).is_some()
    }
}

/// The operations measured for a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) key: Key,
    /// When, in seconds since the Unix epoch.
    pub(super) measured_at_unix_seconds: u64,
    operations: BTreeMap<String, Measured>,
}

impl Entry {
    pub(super) fn new(key: Key, at: u64, operations: &BTreeMap<Op, Measured>) -> Self {
        let operations = operations.iter().map(|(op, measured)| (op.name().to_owned(), measured.clone())).collect();
        Self { key, measured_at_unix_seconds: at, operations }
    }

    /// The operations that this version knows and whose times make sense.
    pub(super) fn operations(&self) -> BTreeMap<Op, Measured> {
        let known = Op::ALL.into_iter().filter_map(|op| Some((op, self.operations.get(op.name())?.clone())));
        known.filter(|(_, measured)| measured.is_sound()).collect()
    }
}

#[derive(Serialize, Deserialize)]
struct File {
    format: u32,
    entries: Vec<Entry>,
}

/// What a file has for a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The entry.
    Entry(Entry),
    /// An entry that holds no more, and what changed.
    Stale(String),
    /// Nothing.
    Nothing,
}

/// The entries of a file; none where there is no file.
///
/// # Errors
/// Why the file is passed over.
pub(super) fn read(path: &Path) -> Result<Vec<Entry>, String> {
    let bytes = match std::fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        Ok(found) if found.len() > MOST_BYTES => return Err(format!("{} bytes are too many", found.len())),
        Ok(found) if !found.is_file() => return Err("it is no file".into()),
        _ => std::fs::read(path).map_err(|e| e.to_string())?,
    };
    let format: Format = serde_json::from_slice(&bytes).map_err(|e| format!("it is damaged ({e})"))?;
    if format.format != FORMAT {
        return Err(format!("its format is {}, this version's is {FORMAT}", format.format));
    }
    let file: File = serde_json::from_slice(&bytes).map_err(|e| format!("it is damaged ({e})"))?;
    Ok(file.entries)
}

/// The part of a file that every version has.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// What `entries` have for `key`.
pub(super) fn find(entries: &[Entry], key: &Key) -> Found {
    if let Some(entry) = entries.iter().find(|entry| entry.key == *key) {
        return Found::Entry(entry.clone());
    }
    let before = entries.iter().find(|entry| entry.key.same_place(key));
    before.map_or(Found::Nothing, |before| Found::Stale(key.changes(&before.key)))
}

/// Puts an entry into the file, in place of an older one of the same device.
///
/// # Errors
/// Those of the file system; the file is then as it was.
pub(super) fn save(path: &Path, entry: Entry) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut entries = read(path).unwrap_or_default();
    entries.retain(|kept| !kept.key.same_place(&entry.key));
    entries.push(entry);
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.measured_at_unix_seconds));
    entries.truncate(MOST_ENTRIES);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // A name that no other process and no other thread of this one has.
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let new = path.with_extension(format!("{}-{number}.new", std::process::id()));
    let bytes = serde_json::to_vec_pretty(&File { format: FORMAT, entries })?;
    let written = std::fs::write(&new, bytes).and_then(|()| std::fs::rename(&new, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::time::Duration;

    fn scratch(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("arblast-crossovers-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        folder.join("arblast").join("crossovers.json")
    }

    fn remove(path: &Path) {
        std::fs::remove_dir_all(path.parent().unwrap().parent().unwrap()).unwrap();
    }

    fn key(device: &str, driver: &str) -> Key {
        Key {
            processor: "Zen".into(),
            cores: 2,
            cpu: "blst".into(),
            device: device.into(),
            hardware: "H200".into(),
            driver: driver.into(),
            arblast: "0.1.0".into(),
        }
    }

    fn entry(device: &str, driver: &str, at: u64) -> Entry {
        let curve = |item: u64| {
            let mut curve = Curve::default();
            [1, 4, 16].into_iter().for_each(|n| curve.push(n, Duration::from_nanos(item * n as u64)));
            curve
        };
        let measured = Measured { cpu: curve(1_000), device: curve(10) };
        Entry::new(key(device, driver), at, &[(Op::MsmG1, measured.clone()), (Op::Ntt, measured)].into())
    }

    #[test]
    fn what_is_saved_is_found_again() {
        let path = scratch("again");
        assert_eq!(read(&path), Ok(vec![]), "no file is an empty one");
        save(&path, entry("gpu", "1", 5)).unwrap();
        save(&path, entry("other", "1", 6)).unwrap();
        let entries = read(&path).unwrap();
        let Found::Entry(found) = find(&entries, &key("gpu", "1")) else { panic!("{entries:?}") };
        assert_eq!(found, entry("gpu", "1", 5));
        assert_eq!(found.operations().keys().copied().collect::<Vec<_>>(), [Op::MsmG1, Op::Ntt]);
        assert_eq!(find(&entries, &Key { cores: 64, ..key("gpu", "1") }), Found::Nothing, "another machine");
        let left: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "no temporary file is left: {left:?}");
        remove(&path);
    }

    #[test]
    fn a_changed_device_is_measured_again_and_its_old_entry_goes() {
        let path = scratch("changed");
        save(&path, entry("gpu", "1", 5)).unwrap();
        let entries = read(&path).unwrap();
        assert_eq!(find(&entries, &key("gpu", "2")), Found::Stale("driver was \"1\", is \"2\"".into()));
        let newer = Key { arblast: "0.2.0".into(), hardware: "H300".into(), ..key("gpu", "1") };
        let Found::Stale(what) = find(&entries, &newer) else { panic!("{entries:?}") };
        assert!(what.contains("hardware was \"H200\"") && what.contains("arblast was \"0.1.0\""), "{what}");
        save(&path, entry("gpu", "2", 7)).unwrap();
        let entries = read(&path).unwrap();
        assert_eq!((entries.len(), entries[0].key.driver.as_str()), (1, "2"));
        remove(&path);
    }

    #[test]
    fn a_damaged_or_foreign_file_is_passed_over_and_replaced() {
        let path = scratch("damaged");
        save(&path, entry("gpu", "1", 5)).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let text = String::from_utf8(whole.clone()).unwrap();
        let cases: Vec<(Vec<u8>, &str)> = vec![
            (vec![], "damaged"),
            (whole[..whole.len() / 2].to_vec(), "damaged"),
            (vec![0xff; 100], "damaged"),
            (b"[]".to_vec(), "damaged"),
            (b"{\"retired\": {}}".to_vec(), "damaged"),
            (text.replace("\"format\": 1", "\"format\": 2").into_bytes(), "format is 2"),
            (text.replace("\"cores\": 2", "\"cores\": -2").into_bytes(), "damaged"),
        ];
        for (bytes, why) in cases {
            std::fs::write(&path, &bytes).unwrap();
            let refused = read(&path).unwrap_err();
            assert!(refused.contains(why), "{refused}");
            save(&path, entry("gpu", "1", 5)).unwrap();
            assert_eq!(read(&path).unwrap().len(), 1);
        }
        // A hole of that size takes no room.
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(MOST_BYTES + 1).unwrap();
        assert!(read(&path).unwrap_err().contains("too many"));
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(read(&path).is_err());
        assert!(save(&path, entry("gpu", "1", 5)).is_err());
        remove(&path);
    }

    /// Numbers that no measurement gives, and operations of another version, are left out one by one.
    #[test]
    fn senseless_operations_are_left_out() {
        let path = scratch("senseless");
        save(&path, entry("gpu", "1", 5)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let spoilt = text.replacen("4000", "0", 1).replace("\"ntt\"", "\"quantum\"");
        assert_ne!(spoilt, text);
        std::fs::write(&path, spoilt).unwrap();
        let entries = read(&path).unwrap();
        assert_eq!(entries[0].operations(), BTreeMap::new(), "{entries:?}");
        let (mut cpu, mut device) = (Curve::default(), Curve::default());
        cpu.push(4, Duration::from_nanos(9));
        device.push(16, Duration::from_nanos(9));
        let apart = Entry::new(key("gpu", "1"), 5, &[(Op::Ntt, Measured { cpu, device })].into());
        assert_eq!(apart.operations(), BTreeMap::new(), "no size in common");
        remove(&path);
    }

    #[test]
    fn the_file_stays_bounded() {
        let path = scratch("bounded");
        for at in 0..MOST_ENTRIES as u64 + 5 {
            save(&path, entry(&format!("gpu{at}"), "1", at)).unwrap();
        }
        let entries = read(&path).unwrap();
        assert_eq!(entries.len(), MOST_ENTRIES);
        assert!(entries.iter().all(|entry| entry.measured_at_unix_seconds >= 5), "the oldest go");
        remove(&path);
    }

    /// Whoever reads while others write sees a whole file; the last writer's entry is in it.
    #[test]
    fn writers_at_once_leave_a_whole_file() {
        let path = scratch("writers");
        save(&path, entry("gpu", "1", 5)).unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..25 {
                        save(path, entry(&format!("gpu{writer}"), "1", 6)).unwrap();
                    }
                });
            }
            for _ in 0..200 {
                assert!(!read(&path).unwrap().is_empty());
            }
        });
        let entries = read(&path).unwrap();
        let mut names: Vec<&str> = entries.iter().map(|entry| entry.key.device.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), entries.len(), "no device twice: {names:?}");
        assert!(names.iter().any(|name| name.len() > 3), "{names:?}");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        remove(&path);
    }

    /// A folder that cannot be written, as it is for everybody: a file in its place.
    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_to_the_caller() {
        let path = scratch("readonly");
        std::fs::create_dir_all(path.parent().unwrap().parent().unwrap()).unwrap();
        std::fs::write(path.parent().unwrap(), b"").unwrap();
        assert!(save(&path, entry("gpu", "1", 5)).is_err());
        assert!(read(&path).is_err() || read(&path) == Ok(vec![]));
        remove(&path);
    }
}
