//! A hash: fields with values, each with an expiry if it was given one.

use crate::types::Limits;

/// A field of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
    /// The moment at which it expires, in Unix milliseconds, if it has one.
    pub expiry: Option<i64>,
}

/// What becomes of a field's expiry when its value is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldExpiry {
    /// It stays as it was.
    Keep,
    /// It is removed.
    Clear,
}

#[derive(Clone)]
struct Stored {
    name: Box<[u8]>,
    value: Box<[u8]>,
    expiry: Option<i64>,
}

impl Stored {
    fn field(&self) -> Field<'_> {
        Field {
            name: &self.name,
            value: &self.value,
            expiry: self.expiry,
        }
    }
}

#[derive(Clone, Default)]
struct Inner {
    fields: Vec<Stored>,
    large: bool,
    had_expiry: bool,
}

/// A hash. One word: a pointer.
#[derive(Clone, Default)]
pub struct Hash(Box<Inner>);

impl Hash {
    /// An empty hash.
    pub fn new() -> Self {
        Hash::default()
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        self.0.fields.len()
    }

    /// Whether it has no field.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn position(&self, name: &[u8]) -> Option<usize> {
        self.0.fields.iter().position(|field| *field.name == *name)
    }

    /// The field of this name. O(1), or O(n) in the compact form.
    pub fn get(&self, name: &[u8]) -> Option<Field<'_>> {
        self.position(name).map(|at| self.0.fields[at].field())
    }

    /// Sets a field. Returns whether it is new.
    pub fn set(&mut self, name: &[u8], value: &[u8], expiry: FieldExpiry, limits: Limits) -> bool {
        self.0.large |= name.len() > limits.value || value.len() > limits.value;
        let found = self.position(name);
        match found {
            Some(at) => {
                let field = &mut self.0.fields[at];
                field.value = value.into();
                if expiry == FieldExpiry::Clear {
                    field.expiry = None;
                }
            }
            None => self.0.fields.push(Stored {
                name: name.into(),
                value: value.into(),
                expiry: None,
            }),
        }
        self.0.large |= self.len() > limits.entries;
        found.is_none()
    }

    /// Says that `fields` fields will be set: more than fit into the compact form end it now, even if some
    /// of them are the same (as Redis decides by the length of a request).
    pub fn make_room(&mut self, fields: usize, limits: Limits) {
        self.0.large |= fields > limits.entries;
    }

    /// Sets or removes the expiry of a field. False if there is no such field.
    pub fn set_expiry(&mut self, name: &[u8], expiry: Option<i64>) -> bool {
        let Some(at) = self.position(name) else {
            return false;
        };
        self.0.had_expiry |= expiry.is_some();
        self.0.fields[at].expiry = expiry;
        true
    }

    /// Removes a field. False if there is no such field.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let found = self.position(name);
        if let Some(at) = found {
            self.0.fields.remove(at);
        }
        found.is_some()
    }

    /// The fields.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.0.fields.iter().map(Stored::field)
    }

    /// Visits about `count` fields from `cursor` on. Returns the next cursor, 0 at the end.
    pub fn scan(&self, _cursor: u64, _count: usize, visit: impl FnMut(Field<'_>)) -> u64 {
        self.iter().for_each(visit);
        0
    }

    /// A random field, each with the same chance; `below(n)` draws a number below `n`.
    pub fn random(&self, mut below: impl FnMut(usize) -> usize) -> Option<Field<'_>> {
        if self.is_empty() {
            return None;
        }
        self.0.fields.get(below(self.len())).map(Stored::field)
    }

    /// Whether a field has an expiry. O(1).
    pub fn has_expiring(&self) -> bool {
        self.expiring() > 0
    }

    /// A moment before which no field expires.
    pub fn earliest_expiry(&self) -> Option<i64> {
        self.iter().filter_map(|field| field.expiry).min()
    }

    /// Number of fields that have an expiry.
    pub fn expiring(&self) -> usize {
        self.iter().filter(|field| field.expiry.is_some()).count()
    }

    /// Removes the fields that are past their expiry at `now`, but no more than `limit` of them, and tells
    /// which. Returns how many; fewer than `limit` only if none is left.
    pub fn take_expired(
        &mut self,
        now: i64,
        limit: usize,
        mut removed: impl FnMut(Field<'_>),
    ) -> usize {
        let before = self.len();
        let mut left = limit;
        self.0.fields.retain(|field| {
            let stale = left > 0 && field.expiry.is_some_and(|at| at <= now);
            if stale {
                left -= 1;
                removed(field.field());
            }
            !stale
        });
        before - self.len()
    }

    /// The word that OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match (self.0.large, self.0.had_expiry) {
            (true, _) => "hashtable",
            (false, true) => "listpackex",
            (false, false) => "listpack",
        }
    }

    /// Whether it is in the compact form: one piece of memory.
    pub fn is_compact(&self) -> bool {
        !self.0.large
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let fields = &self.0.fields;
        size_of::<Inner>()
            + fields.capacity() * size_of::<Stored>()
            + fields
                .iter()
                .map(|field| field.name.len() + field.value.len())
                .sum::<usize>()
    }
}
