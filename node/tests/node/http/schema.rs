//! JSON Schema, as far as the OpenAPI document uses it: checking values, and making them.
//!
//! A keyword that is not known here fails the test, so that the document cannot say what nobody checks.

use rand_chacha::ChaCha20Rng;
use rand_core::Rng as _;
use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Value, json};

/// The OpenAPI document.
pub struct Document(pub Value);

/// Keywords that say nothing about validity.
const REMARKS: [&str; 3] = ["description", "default", "contentEncoding"];

impl Document {
    /// What a reference points to, or the value itself.
    pub fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let pointer = reference.strip_prefix('#').expect("references stay in the document");
                self.resolve(self.0.pointer(pointer).unwrap_or_else(|| panic!("{reference} points nowhere")))
            }
            None => value,
        }
    }

    /// Whether a value is as a schema says; otherwise where it is not.
    pub fn check(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let keywords = schema.as_object().expect("a schema is an object");
        for (keyword, rule) in keywords {
            self.keyword(keyword, rule, keywords, value).map_err(|error| format!("{keyword}: {error}"))?;
        }
        Ok(())
    }

    fn keyword(&self, keyword: &str, rule: &Value, all: &Map<String, Value>, value: &Value) -> Result<(), String> {
        let holds = match keyword {
            "$ref" => return self.check(self.resolve(&json!({ "$ref": rule })), value),
            "type" => match rule {
                Value::Array(types) => types.iter().any(|rule| is(rule, value)),
                rule => is(rule, value),
            },
            "const" => rule == value,
            "enum" => rule.as_array().unwrap().contains(value),
            "oneOf" => rule.as_array().unwrap().iter().filter(|schema| self.check(schema, value).is_ok()).count() == 1,
            "pattern" => {
                value.as_str().is_none_or(|text| regex::Regex::new(rule.as_str().unwrap()).unwrap().is_match(text))
            }
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= rule.as_u64().unwrap()),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap()),
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap()),
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    self.check(rule, item)?;
                }
                true
            }
            "required" => {
                let missing = |name: &&Value| value.get(name.as_str().unwrap()).is_none();
                !value.is_object() || !rule.as_array().unwrap().iter().any(|name| missing(&name))
            }
            "properties" => {
                for (name, schema) in rule.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        self.check(schema, value).map_err(|error| format!("{name}: {error}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                assert_eq!(rule, false);
                let known = all["properties"].as_object().unwrap();
                value.as_object().is_none_or(|object| object.keys().all(|name| known.contains_key(name)))
            }
            remark => {
                assert!(REMARKS.contains(&remark), "unknown keyword {remark}");
                true
            }
        };
        if holds { Ok(()) } else { Err(format!("expected {rule}, got {value}")) }
    }

    /// A value that a schema allows.
    pub fn make(&self, schema: &Value, rng: &mut ChaCha20Rng) -> Value {
        let schema = self.resolve(schema);
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(choices) = schema.get("enum").or(schema.get("oneOf")).and_then(Value::as_array) {
            let choice = pick(rng, choices);
            return if schema.get("enum").is_some() { choice.clone() } else { self.make(choice, rng) };
        }
        match schema["type"].as_str() {
            Some("string") => match schema.get("pattern").and_then(Value::as_str) {
                Some(pattern) => {
                    let mut text = String::new();
                    write(&regex_syntax::parse(pattern).unwrap(), rng, &mut text);
                    Value::String(text)
                }
                None => panic!("{schema}: a string of what form?"),
            },
            Some("integer") => {
                let (least, most) = (schema["minimum"].as_u64().unwrap(), schema["maximum"].as_u64().unwrap());
                // Corners as often as anything else.
                let between = least + rng.next_u64() % (most - least + 1);
                json!(*pick(rng, &[least, most, between]))
            }
            Some("object") => {
                let properties = schema["properties"].as_object().unwrap();
                let made = properties.iter().map(|(name, schema)| (name.clone(), self.make(schema, rng)));
                Value::Object(made.collect())
            }
            other => panic!("{other:?}: values of this type are not sent"),
        }
    }
}

fn is(rule: &Value, value: &Value) -> bool {
    match rule.as_str().expect("a type is a word") {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        other => panic!("unknown type {other}"),
    }
}

/// One of several.
pub fn pick<'a, T>(rng: &mut ChaCha20Rng, choices: &'a [T]) -> &'a T {
    &choices[(rng.next_u64() % choices.len() as u64) as usize]
}

/// Writes a text that a pattern matches.
fn write(pattern: &Hir, rng: &mut ChaCha20Rng, text: &mut String) {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).unwrap()),
        HirKind::Class(Class::Unicode(class)) => {
            let range = pick(rng, class.ranges());
            let (start, end) = (u32::from(range.start()), u32::from(range.end()));
            text.push(char::from_u32(start + rng.next_u32() % (end - start + 1)).unwrap());
        }
        HirKind::Class(Class::Bytes(class)) => {
            let range = pick(rng, class.ranges());
            text.push(char::from(range.start() + (rng.next_u32() % u32::from(range.end() - range.start() + 1)) as u8));
        }
        HirKind::Repetition(repetition) => {
            let (least, most) = (repetition.min, repetition.max.unwrap_or(repetition.min + 8));
            for _ in 0..least + rng.next_u32() % (most - least + 1) {
                write(&repetition.sub, rng, text);
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, rng, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| write(part, rng, text)),
        HirKind::Alternation(parts) => write(pick(rng, parts), rng, text),
    }
}
