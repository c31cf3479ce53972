//! Reading TOML files whose values are plain: entries with their lines.

use super::FileError;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One `key = value` of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The value as text: a string's content, a number's digits, `true` or `false`.
    pub value: String,
    /// The line of the key, from 1.
    pub line: usize,
}

/// The entries of a file, in its order.
///
/// # Errors
/// A [`FileError`] with the line, if the text is no TOML or holds anything but plain values.
pub fn entries(path: &Path, text: &str) -> Result<Vec<Entry>, FileError> {
    let line_of = |span: Option<Range<usize>>| span.map_or(0, |span| line(text, span.start));
    let table = DeTable::parse(text)
        .map_err(|error| FileError::new(path, error.message().to_owned()).at(line_of(error.span())))?;
    let mut entries = Vec::new();
    for (key, value) in table.into_inner() {
        let line = line(text, key.span().start);
        let key = key.into_inner().into_owned();
        let value = plain(&value).ok_or_else(|| {
            let found = value.get_ref().type_str();
            FileError::new(path, format!("{key} is a {found}, expected a single value")).at(line)
        })?;
        entries.push(Entry { key, value, line });
    }
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}

fn plain(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(value) => Some(value.to_string()),
        _ => None,
    }
}

/// The line of a byte, from 1.
fn line(text: &str, position: usize) -> usize {
    1 + text.as_bytes()[..position.min(text.len())].iter().filter(|byte| **byte == b'\n').count()
}
