//! One key with its value, expiry and access clock, in 48 bytes.
//!
//! Short keys and values lie inside the entry, so that a look-up touches one or two cache lines and
//! a small key costs no allocation: with 16-byte keys and values this halves Redis's memory, and
//! the entry's own cache miss is the only one. What does not fit goes to the heap.
//!
//! The body's 40 bytes hold, from the front, the key (its bytes, or a pointer and a length) and,
//! from the back, the expiry if there is one and before it the value:
//!
//! | value | its bytes at the back |
//! |---|---|
//! | integer | 8: the number |
//! | short string | its length |
//! | long string | 16: pointer, length, capacity |
//! | collection | 8: the collection itself, which is a pointer |

mod due;
mod loaded;

use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::clock::Millis;
use crate::error::Error;
use crate::keyspace::heap_string::{HeapString, grown_capacity};
use crate::keyspace::object::{Kind, Object, ValueRef, with_object};
use crate::memory;
use crate::types::hasher;
use crate::types::number;
use crate::types::table::{Keyed, Slot};

const BODY: usize = 40;
/// What the table keeps for each slot besides the entry.
const CONTROL_BYTE: usize = 1;
const TTL_SIZE: usize = 8;
const INT_SIZE: usize = 8;
const HEAP_KEY_SIZE: usize = 12;
const HEAP_VALUE_SIZE: usize = 16;
const OBJECT_SIZE: usize = 8;

/// Longest string that Redis stores in one allocation with its object (`embstr`), in bytes.
const EMBSTR_LIMIT: usize = 44;

/// Longest text of a 64-bit integer.
const INTEGER_TEXT_LIMIT: usize = 20;

/// Bytes above which a removed string is dropped after the locks.
const LARGE: usize = 4 * 1024;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ValueForm {
    Int,
    Inline,
    Heap,
    Object,
}

/// Bits of [`Entry::shape`].
mod shape {
    pub const VALUE_INT: u8 = 0;
    pub const VALUE_INLINE: u8 = 1;
    pub const VALUE_HEAP: u8 = 2;
    /// The first of the collections; their kinds count on from here.
    pub const VALUE_OBJECT: u8 = 3;
    pub const VALUE_MASK: u8 = 0b0000_0111;
    /// OBJECT ENCODING answers `raw` however short the string is: it was changed in place.
    pub const RAW: u8 = 0b0000_1000;
    pub const HEAP_KEY: u8 = 0b0001_0000;
    pub const TTL: u8 = 0b0010_0000;
    /// It holds a hash of which a field has an expiry.
    pub const FIELD_TTL: u8 = 0b0100_0000;
    /// Something in it may be past its expiry: most entries are told apart by this mask alone.
    pub const TIMED: u8 = TTL | FIELD_TTL;
}

/// A string value to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// An integer in its canonical text form.
    Int(i64),
    /// Any bytes.
    Bytes(&'a [u8]),
    /// Bytes whose encoding is to be called `raw`, as after SETRANGE.
    RawBytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The most compact form of `bytes`: an integer if they are the text of one.
    #[inline]
    pub fn encode(bytes: &'a [u8]) -> Self {
        if bytes.len() <= INTEGER_TEXT_LIMIT
            && let Some(number) = number::parse_i64(bytes)
        {
            return Value::Int(number);
        }
        Value::Bytes(bytes)
    }
}

/// A string value as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StringRef<'a> {
    /// An integer.
    Int(i64),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl<'a> StringRef<'a> {
    /// The bytes; an integer's text is put into `buffer`.
    #[inline]
    pub fn bytes<'b>(self, buffer: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            StringRef::Int(number) => buffer.format(number).as_bytes(),
            StringRef::Bytes(bytes) => bytes,
        }
    }

    /// Length in bytes.
    pub fn len(self) -> usize {
        self.bytes(&mut itoa::Buffer::new()).len()
    }

    /// Whether it is the empty string.
    pub fn is_empty(self) -> bool {
        matches!(self, StringRef::Bytes([]))
    }

    /// As an integer.
    ///
    /// # Errors
    /// `ERR value is not an integer or out of range`.
    pub fn integer(self) -> Result<i64, Error> {
        match self {
            StringRef::Int(number) => Ok(number),
            StringRef::Bytes(bytes) => number::parse_i64(bytes).ok_or(Error::NotInteger),
        }
    }
}

/// A key, its value, its expiry and its access clock.
#[repr(C, align(8))]
pub struct Entry {
    clock: AtomicU32,
    shape: u8,
    key_len: u8,
    value_len: u8,
    /// Keeps the body aligned, so that a collection in it can be referred to.
    spare: u8,
    body: [MaybeUninit<u8>; BODY],
}

const _: () = assert!(size_of::<Entry>() == 48);

// SAFETY: the entry owns what its pointers point to, and shared access only reads it.
unsafe impl Send for Entry {}
// SAFETY: as above; the access clock is atomic.
unsafe impl Sync for Entry {}

impl Entry {
    /// A new entry with `clock` as its access clock.
    pub fn new(key: &[u8], value: Value<'_>, expiry: Option<Millis>, clock: u32) -> Self {
        let mut entry = Self::empty(expiry.is_some(), clock);
        let value_size = match value {
            Value::Int(_) => INT_SIZE,
            Value::Bytes(bytes) | Value::RawBytes(bytes) => {
                let inline_room = entry.end() - HEAP_KEY_SIZE;
                if key.len() + bytes.len() <= entry.end()
                    || (key.len() + HEAP_VALUE_SIZE > entry.end() && bytes.len() <= inline_room)
                {
                    bytes.len()
                } else {
                    HEAP_VALUE_SIZE
                }
            }
        };
        entry.put_key(key, entry.end() - value_size);
        entry.put_value(value);
        if let Some(at) = expiry {
            entry.put_expiry(at);
        }
        entry
    }

    /// A new entry that holds a collection.
    pub fn with_object<T: Object>(
        key: &[u8],
        object: T,
        expiry: Option<Millis>,
        clock: u32,
    ) -> Self {
        let mut entry = Self::empty(expiry.is_some(), clock);
        entry.put_key(key, entry.end() - OBJECT_SIZE);
        entry.put_object(object);
        if let Some(at) = expiry {
            entry.put_expiry(at);
        }
        entry
    }

    fn empty(expires: bool, clock: u32) -> Self {
        Entry {
            clock: AtomicU32::new(clock),
            shape: if expires { shape::TTL } else { 0 } | shape::VALUE_INT,
            key_len: 0,
            value_len: 0,
            spare: 0,
            body: [MaybeUninit::uninit(); BODY],
        }
    }

    /// Where the value's bytes end and the expiry's begin.
    #[inline]
    fn end(&self) -> usize {
        if self.shape & shape::TTL != 0 {
            BODY - TTL_SIZE
        } else {
            BODY
        }
    }

    #[inline]
    fn value_form(&self) -> ValueForm {
        match self.shape & shape::VALUE_MASK {
            shape::VALUE_INT => ValueForm::Int,
            shape::VALUE_INLINE => ValueForm::Inline,
            shape::VALUE_HEAP => ValueForm::Heap,
            _ => ValueForm::Object,
        }
    }

    #[inline]
    fn key_size(&self) -> usize {
        if self.shape & shape::HEAP_KEY != 0 {
            HEAP_KEY_SIZE
        } else {
            self.key_len as usize
        }
    }

    fn value_size(&self) -> usize {
        match self.value_form() {
            ValueForm::Int => INT_SIZE,
            ValueForm::Inline => self.value_len as usize,
            ValueForm::Heap => HEAP_VALUE_SIZE,
            ValueForm::Object => OBJECT_SIZE,
        }
    }

    #[inline]
    fn read<T: Copy>(&self, offset: usize) -> T {
        debug_assert!(offset + size_of::<T>() <= BODY);
        // SAFETY: within the body; the callers read only where the same type was written.
        unsafe { self.body.as_ptr().add(offset).cast::<T>().read_unaligned() }
    }

    #[inline]
    fn write<T>(&mut self, offset: usize, value: T) {
        assert!(offset + size_of::<T>() <= BODY);
        // SAFETY: within the body.
        unsafe {
            self.body
                .as_mut_ptr()
                .add(offset)
                .cast::<T>()
                .write_unaligned(value)
        }
    }

    #[inline]
    fn write_bytes(&mut self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= BODY);
        // SAFETY: within the body, and `bytes` lies elsewhere.
        unsafe {
            self.body
                .as_mut_ptr()
                .add(offset)
                .cast::<u8>()
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
    }

    /// # Safety
    /// The bytes must have been written.
    #[inline]
    unsafe fn body_bytes(&self, offset: usize, len: usize) -> &[u8] {
        debug_assert!(offset + len <= BODY);
        // SAFETY: within the body, and written by the caller's promise.
        unsafe { std::slice::from_raw_parts(self.body.as_ptr().add(offset).cast(), len) }
    }

    fn put_key(&mut self, key: &[u8], room: usize) {
        if key.len() <= room {
            self.shape &= !shape::HEAP_KEY;
            self.key_len = key.len() as u8;
            self.write_bytes(0, key);
        } else {
            let heap = HeapString::copy_of(key, 0);
            self.shape |= shape::HEAP_KEY;
            self.key_len = 0;
            self.write(0, heap.ptr);
            self.write(8, heap.len);
        }
    }

    fn put_value(&mut self, value: Value<'_>) {
        self.shape &= !(shape::VALUE_MASK | shape::RAW);
        let end = self.end();
        match value {
            Value::Int(number) => {
                self.shape |= shape::VALUE_INT;
                self.write(end - INT_SIZE, number);
            }
            Value::Bytes(bytes) | Value::RawBytes(bytes) => {
                if matches!(value, Value::RawBytes(_)) {
                    self.shape |= shape::RAW;
                }
                if self.key_size() + bytes.len() <= end {
                    self.shape |= shape::VALUE_INLINE;
                    self.value_len = bytes.len() as u8;
                    self.write_bytes(end - bytes.len(), bytes);
                } else {
                    self.put_heap_value(HeapString::copy_of(bytes, 0));
                }
            }
        }
    }

    fn put_heap_value(&mut self, heap: HeapString) {
        self.shape = (self.shape & !shape::VALUE_MASK) | shape::VALUE_HEAP;
        let at = self.end() - HEAP_VALUE_SIZE;
        self.write(at, heap.ptr);
        self.write(at + 8, heap.len);
        self.write(at + 12, heap.capacity);
    }

    #[inline]
    fn heap_value(&self) -> HeapString {
        let at = self.end() - HEAP_VALUE_SIZE;
        HeapString {
            ptr: self.read(at),
            len: self.read(at + 8),
            capacity: self.read(at + 12),
        }
    }

    fn put_object<T: Object>(&mut self, object: T) {
        self.shape = (self.shape & !(shape::VALUE_MASK | shape::RAW))
            | (shape::VALUE_OBJECT + T::KIND as u8);
        self.write(
            self.end() - OBJECT_SIZE,
            std::mem::ManuallyDrop::new(object),
        );
        if T::KIND == Kind::Hash {
            self.note_fields();
        }
    }

    /// Which collection it holds, if any.
    #[inline]
    pub fn kind(&self) -> Option<Kind> {
        (self.shape & shape::VALUE_MASK)
            .checked_sub(shape::VALUE_OBJECT)
            .map(|number| Kind::ALL[usize::from(number)])
    }

    #[inline]
    fn object_ptr<T: Object>(&self) -> *const T {
        const {
            assert!(
                std::mem::offset_of!(Entry, body).is_multiple_of(8)
                    && (BODY - TTL_SIZE).is_multiple_of(8)
            )
        };
        // SAFETY: within the body; both places where a collection may lie are aligned.
        unsafe { self.body.as_ptr().add(self.end() - OBJECT_SIZE).cast() }
    }

    /// The collection under the key.
    ///
    /// # Errors
    /// `WRONGTYPE` if the value is of another type.
    #[inline]
    pub fn object<T: Object>(&self) -> Result<&T, Error> {
        if self.shape & shape::VALUE_MASK == shape::VALUE_OBJECT + T::KIND as u8 {
            // SAFETY: written by `put_object` with this type.
            Ok(unsafe { &*self.object_ptr() })
        } else {
            Err(Error::WrongType)
        }
    }

    /// The collection under the key, to be changed.
    ///
    /// # Errors
    /// As [`Entry::object`].
    #[inline]
    pub fn object_mut<T: Object>(&mut self) -> Result<&mut T, Error> {
        self.object::<T>()?;
        // SAFETY: as in `object`, and exclusive by `&mut self`.
        Ok(unsafe { &mut *self.object_ptr::<T>().cast_mut() })
    }

    /// What it holds.
    pub fn value(&self) -> ValueRef<'_> {
        match self.kind() {
            // SAFETY: the kind says what was written.
            Some(Kind::Hash) => ValueRef::Hash(unsafe { &*self.object_ptr() }),
            // SAFETY: as above.
            Some(Kind::Set) => ValueRef::Set(unsafe { &*self.object_ptr() }),
            // SAFETY: as above.
            Some(Kind::SortedSet) => ValueRef::SortedSet(unsafe { &*self.object_ptr() }),
            // SAFETY: as above.
            Some(Kind::Stream) => ValueRef::Stream(unsafe { &*self.object_ptr() }),
            // SAFETY: as above.
            Some(Kind::List) => ValueRef::List(unsafe { &*self.object_ptr() }),
            None => ValueRef::String(self.text()),
        }
    }

    /// Takes the collection out; the empty string is left in its place.
    fn take_object<T: Object>(&mut self) -> T {
        // SAFETY: the caller has checked the kind, and the form changes at once.
        let object = unsafe { self.object_ptr::<T>().read() };
        self.shape = (self.shape & !(shape::VALUE_MASK | shape::FIELD_TTL)) | shape::VALUE_INLINE;
        self.value_len = 0;
        object
    }

    #[cold]
    fn drop_object(&mut self) {
        if let Some(kind) = self.kind() {
            with_object!(kind, T => drop(self.take_object::<T>()));
        }
    }

    fn put_expiry(&mut self, at: Millis) {
        self.write(BODY - TTL_SIZE, at);
    }

    /// The key.
    #[inline]
    pub fn key(&self) -> &[u8] {
        if self.shape & shape::HEAP_KEY != 0 {
            let ptr: NonNull<u8> = self.read(0);
            let len: u32 = self.read(8);
            // SAFETY: the pointer and length of the key's own allocation.
            unsafe { std::slice::from_raw_parts(ptr.as_ptr(), len as usize) }
        } else {
            // SAFETY: written by `put_key`.
            unsafe { self.body_bytes(0, self.key_len as usize) }
        }
    }

    /// The string under the key.
    ///
    /// # Errors
    /// `WRONGTYPE` if the value is of another type.
    #[inline]
    pub fn string(&self) -> Result<StringRef<'_>, Error> {
        if self.value_form() == ValueForm::Object {
            return Err(Error::WrongType);
        }
        Ok(self.text())
    }

    /// The string of an entry that holds one.
    #[inline]
    fn text(&self) -> StringRef<'_> {
        match self.value_form() {
            ValueForm::Int => StringRef::Int(self.read(self.end() - INT_SIZE)),
            ValueForm::Inline => {
                let len = self.value_len as usize;
                // SAFETY: written by `put_value`.
                StringRef::Bytes(unsafe { self.body_bytes(self.end() - len, len) })
            }
            ValueForm::Heap => {
                let heap = self.heap_value();
                // SAFETY: the pointer and length of the value's own allocation.
                StringRef::Bytes(unsafe {
                    std::slice::from_raw_parts(heap.ptr.as_ptr(), heap.len as usize)
                })
            }
            ValueForm::Object => StringRef::Bytes(b""),
        }
    }

    /// The type's name, as TYPE answers it.
    pub fn type_name(&self) -> &'static str {
        self.kind().map_or("string", Kind::name)
    }

    /// How the value is encoded, as OBJECT ENCODING answers it.
    pub fn encoding(&self) -> &'static str {
        match self.value() {
            ValueRef::String(StringRef::Int(_)) => "int",
            ValueRef::String(StringRef::Bytes(bytes))
                if bytes.len() <= EMBSTR_LIMIT && self.shape & shape::RAW == 0 =>
            {
                "embstr"
            }
            ValueRef::String(_) => "raw",
            ValueRef::Hash(hash) => hash.encoding(),
            ValueRef::Set(set) => set.encoding(),
            ValueRef::SortedSet(sorted_set) => sorted_set.encoding(),
            ValueRef::Stream(stream) => stream.encoding(),
            ValueRef::List(list) => list.encoding(),
        }
    }

    /// The moment at which the key expires, if it has one.
    #[inline]
    pub fn expiry(&self) -> Option<Millis> {
        if self.shape & shape::TTL != 0 {
            Some(self.read(BODY - TTL_SIZE))
        } else {
            None
        }
    }

    /// Sets or removes the expiry.
    pub fn set_expiry(&mut self, expiry: Option<Millis>) {
        if expiry.is_some() != (self.shape & shape::TTL != 0) {
            self.toggle_expiry();
        }
        if let Some(at) = expiry {
            self.put_expiry(at);
        }
    }

    /// Moves the value to where it belongs with or without an expiry behind it.
    fn toggle_expiry(&mut self) {
        let size = self.value_size();
        let old_end = self.end();
        self.shape ^= shape::TTL;
        let new_end = self.end();
        if self.key_size() + size <= new_end {
            let body = self.body.as_mut_ptr();
            // SAFETY: both ranges lie within the body.
            unsafe {
                body.add(old_end - size)
                    .copy_to(body.add(new_end - size), size)
            };
            return;
        }
        // Only a new expiry can make things too tight: the value must leave, or the key, or both.
        let saved = self.body;
        let key_size = self.key_size();
        let key_leaves = key_size + HEAP_VALUE_SIZE > new_end;
        if key_leaves {
            // SAFETY: the inline key's bytes, written before; a heap key is never too large.
            let key: &[u8] = unsafe { std::slice::from_raw_parts(saved.as_ptr().cast(), key_size) };
            self.put_key(key, 0);
        }
        if self.value_form() == ValueForm::Inline && self.key_size() + size > new_end {
            // SAFETY: the inline value's bytes, written before.
            let bytes = unsafe {
                std::slice::from_raw_parts(saved.as_ptr().add(old_end - size).cast(), size)
            };
            self.put_heap_value(HeapString::copy_of(bytes, 0));
            return;
        }
        let body = self.body.as_mut_ptr();
        // SAFETY: `saved` is a copy, and the range lies within the body.
        unsafe {
            body.add(new_end - size)
                .copy_from_nonoverlapping(saved.as_ptr().add(old_end - size), size);
        }
    }

    /// Replaces the value; key, expiry and access clock stay.
    pub fn set_value(&mut self, value: Value<'_>) {
        if self.value_form() == ValueForm::Object {
            self.drop_object();
        }
        if self.value_form() == ValueForm::Heap {
            let mut heap = self.heap_value();
            if let Value::Bytes(bytes) = value
                && bytes.len() <= heap.capacity as usize
                && bytes.len() >= heap.capacity as usize / 2
                && self.key_size() + bytes.len() > self.end()
            {
                // SAFETY: the value's own allocation has room, and `bytes` lies elsewhere.
                unsafe {
                    heap.ptr
                        .as_ptr()
                        .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len())
                };
                heap.len = bytes.len() as u32;
                self.put_heap_value(heap);
                self.shape &= !shape::RAW;
                return;
            }
            heap.free();
        }
        // Nothing of the old value is needed from here on.
        self.shape = (self.shape & !shape::VALUE_MASK) | shape::VALUE_INLINE;
        self.value_len = 0;
        self.make_room(match value {
            Value::Int(_) => INT_SIZE,
            Value::Bytes(bytes) | Value::RawBytes(bytes) => bytes.len(),
        });
        self.put_value(value);
    }

    /// Replaces the value by these bytes, which are not copied if they are many. Their encoding is `raw`.
    pub fn adopt(&mut self, bytes: Vec<u8>) {
        self.set_value(Value::RawBytes(b""));
        if self.key_size() + bytes.len() <= self.end() {
            return self.put_value(Value::RawBytes(&bytes));
        }
        self.make_room(HEAP_VALUE_SIZE);
        self.put_heap_value(HeapString::adopt(bytes));
    }

    /// Takes the string out, without a copy if it is on the heap; the empty string is left in its place.
    pub fn take_bytes(&mut self) -> Vec<u8> {
        let bytes = match self.value_form() {
            ValueForm::Heap => self.heap_value().into_vec(),
            _ => self.text().bytes(&mut itoa::Buffer::new()).to_vec(),
        };
        if self.value_form() != ValueForm::Object {
            // The heap is no longer this entry's.
            self.shape = (self.shape & !shape::VALUE_MASK) | shape::VALUE_INLINE;
            self.value_len = 0;
        }
        bytes
    }

    /// Moves the key to the heap if neither a value of `size` bytes nor a pointer to it fits beside it.
    fn make_room(&mut self, size: usize) {
        let least = size.min(HEAP_VALUE_SIZE);
        if self.key_size() + least > self.end() {
            let saved = self.body;
            // SAFETY: the inline key's bytes; a heap key is never too large.
            let key: &[u8] =
                unsafe { std::slice::from_raw_parts(saved.as_ptr().cast(), self.key_len as usize) };
            self.put_key(key, 0);
        }
    }

    /// Adds to the end of the string; its encoding becomes `raw`. Returns the new length in bytes.
    /// Amortised O(1) per byte.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let old_len = self.string().map_or(0, StringRef::len);
        let new_len = old_len + bytes.len();
        self.edit(new_len, |string| string[old_len..].copy_from_slice(bytes));
        new_len
    }

    /// Gives `change` the string, grown with zero bytes to at least `min_len`, to be changed in place.
    /// Its encoding becomes `raw`.
    pub fn edit<R>(&mut self, min_len: usize, change: impl FnOnce(&mut [u8]) -> R) -> R {
        if self.value_form() != ValueForm::Heap {
            let mut buffer = itoa::Buffer::new();
            let mut short = [0; BODY];
            let len = match self.string() {
                Ok(string) => {
                    let bytes = string.bytes(&mut buffer);
                    short[..bytes.len()].copy_from_slice(bytes);
                    bytes.len()
                }
                Err(_) => 0,
            };
            let new_len = len.max(min_len);
            if self.key_size() + new_len <= self.end() {
                let result = change(&mut short[..new_len]);
                self.put_value(Value::RawBytes(&short[..new_len]));
                return result;
            }
            self.set_value(Value::Bytes(b""));
            self.make_room(HEAP_VALUE_SIZE);
            self.put_heap_value(HeapString::copy_of(&short[..len], new_len));
        }
        let mut heap = self.heap_value();
        if min_len > heap.len as usize {
            if min_len > heap.capacity as usize {
                heap.reserve(grown_capacity(min_len));
            }
            // SAFETY: the allocation has room up to `min_len`.
            unsafe {
                heap.ptr
                    .as_ptr()
                    .add(heap.len as usize)
                    .write_bytes(0, min_len - heap.len as usize)
            };
            heap.len = min_len as u32;
        }
        self.put_heap_value(heap);
        self.shape |= shape::RAW;
        // SAFETY: the value's own allocation, of which every byte has been written.
        change(unsafe { std::slice::from_raw_parts_mut(heap.ptr.as_ptr(), heap.len as usize) })
    }

    /// A copy of the value under another key, with the same encoding.
    pub fn duplicate(&self, key: &[u8], expiry: Option<Millis>, clock: u32) -> Entry {
        let value = match self.value() {
            ValueRef::String(StringRef::Int(number)) => Value::Int(number),
            ValueRef::String(StringRef::Bytes(bytes)) if self.shape & shape::RAW != 0 => {
                Value::RawBytes(bytes)
            }
            ValueRef::String(StringRef::Bytes(bytes)) => Value::Bytes(bytes),
            ValueRef::Hash(hash) => return Entry::with_object(key, hash.clone(), expiry, clock),
            ValueRef::Set(set) => return Entry::with_object(key, set.clone(), expiry, clock),
            ValueRef::SortedSet(sorted_set) => {
                return Entry::with_object(key, sorted_set.clone(), expiry, clock);
            }
            ValueRef::Stream(stream) => {
                return Entry::with_object(key, stream.clone(), expiry, clock);
            }
            ValueRef::List(list) => return Entry::with_object(key, list.clone(), expiry, clock),
        };
        Entry::new(key, value, expiry, clock)
    }

    /// The value under another key; a value on the heap is moved, not copied.
    pub fn renamed(mut self, key: &[u8]) -> Entry {
        let expiry = self.expiry();
        let clock = self.access_clock();
        if let Some(kind) = self.kind() {
            return with_object!(kind, T => {
                Entry::with_object(key, self.take_object::<T>(), expiry, clock)
            });
        }
        if self.value_form() != ValueForm::Heap {
            return self.duplicate(key, expiry, clock);
        }
        let heap = self.heap_value();
        let raw = self.shape & shape::RAW;
        // The value now belongs to the new entry.
        self.shape = (self.shape & !shape::VALUE_MASK) | shape::VALUE_INLINE;
        self.value_len = 0;
        let mut entry = Entry::new(key, Value::Bytes(b""), expiry, clock);
        entry.make_room(HEAP_VALUE_SIZE);
        entry.put_heap_value(heap);
        entry.shape |= raw;
        entry
    }

    /// The access clock: 24 bits, either LRU seconds or LFU's minutes and counter.
    #[inline]
    pub fn access_clock(&self) -> u32 {
        self.clock.load(Relaxed)
    }

    /// Sets the access clock.
    #[inline]
    pub fn set_access_clock(&self, clock: u32) {
        // Not stored when equal: the cache line then stays shared.
        if self.clock.load(Relaxed) != clock {
            self.clock.store(clock, Relaxed);
        }
    }

    /// Bytes that the entry has on the heap, without the allocator's own.
    pub fn heap_bytes(&self) -> usize {
        let key = if self.shape & shape::HEAP_KEY != 0 {
            self.key().len()
        } else {
            0
        };
        let value = match self.value_form() {
            ValueForm::Heap => self.heap_value().capacity as usize,
            ValueForm::Object => self.object_bytes(),
            ValueForm::Int | ValueForm::Inline => 0,
        };
        key + value
    }

    fn object_bytes(&self) -> usize {
        match self.value() {
            ValueRef::String(_) => 0,
            ValueRef::Hash(hash) => hash.heap_bytes(),
            ValueRef::Set(set) => set.heap_bytes(),
            ValueRef::SortedSet(sorted_set) => sorted_set.heap_bytes(),
            ValueRef::Stream(stream) => stream.heap_bytes(),
            ValueRef::List(list) => list.heap_bytes(),
        }
    }

    /// Whether freeing the value is worth another thread.
    pub fn is_slow_to_free(&self) -> bool {
        match self.value() {
            ValueRef::String(StringRef::Int(_)) => false,
            ValueRef::String(StringRef::Bytes(bytes)) => bytes.len() >= LARGE,
            ValueRef::Hash(hash) => !hash.is_compact(),
            ValueRef::Set(set) => !set.is_compact(),
            ValueRef::SortedSet(sorted_set) => !sorted_set.is_compact(),
            ValueRef::Stream(stream) => !stream.is_compact(),
            ValueRef::List(list) => !list.is_compact(),
        }
    }

    /// Bytes of memory that the key and its value use: what they have on the heap, as the allocator
    /// rounds it, and the entry's slot in its table, without the table's spare slots.
    pub fn memory_usage(&self) -> usize {
        let mut bytes = size_of::<Entry>() + CONTROL_BYTE;
        if self.shape & shape::HEAP_KEY != 0 {
            bytes += memory::footprint(self.key().len());
        }
        if self.value_form() == ValueForm::Heap {
            bytes += memory::footprint(self.heap_value().capacity as usize);
        }
        bytes += self.object_bytes();
        bytes
    }
}

impl Drop for Entry {
    #[inline]
    fn drop(&mut self) {
        match self.value_form() {
            ValueForm::Heap => self.heap_value().free(),
            ValueForm::Object => self.drop_object(),
            ValueForm::Int | ValueForm::Inline => {}
        }
        if self.shape & shape::HEAP_KEY != 0 {
            let len: u32 = self.read(8);
            HeapString {
                ptr: self.read(0),
                len,
                capacity: len.max(1),
            }
            .free();
        }
    }
}

impl Slot for Entry {
    #[inline]
    fn hash(&self) -> u64 {
        hasher::hash(self.key())
    }
}

impl Keyed for Entry {
    #[inline]
    fn key(&self) -> &[u8] {
        Entry::key(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;
    use crate::types::hash::FieldExpiry;
    use crate::types::{Hash, Limits, Set};

    fn text(entry: &Entry) -> Vec<u8> {
        entry
            .string()
            .unwrap()
            .bytes(&mut itoa::Buffer::new())
            .to_vec()
    }

    fn random_bytes(limit: usize) -> Vec<u8> {
        (0..random::below(limit + 1))
            .map(|_| random::next() as u8)
            .collect()
    }

    /// Every operation in random order, against a key, a `Vec` and an `Option`.
    #[test]
    fn agrees_with_a_naive_model() {
        for _ in 0..2_000 {
            let mut key = random_bytes(60);
            let mut value = random_bytes(60);
            let mut expiry = (random::below(2) == 0).then(|| random::next() as i64);
            let mut entry = Entry::new(&key, Value::encode(&value), expiry, 7);
            for _ in 0..20 {
                match random::below(8) {
                    0 => {
                        value = random_bytes(60);
                        entry.set_value(Value::encode(&value));
                    }
                    1 => {
                        let more = random_bytes(30);
                        value.extend_from_slice(&more);
                        assert_eq!(entry.append(&more), value.len());
                        assert_eq!(entry.encoding(), "raw");
                    }
                    2 => {
                        expiry = (random::below(2) == 0).then(|| random::next() as i64);
                        entry.set_expiry(expiry);
                    }
                    3 => {
                        let at = random::below(50);
                        entry.edit(at + 1, |string| string[at] = 9);
                        value.resize(value.len().max(at + 1), 0);
                        value[at] = 9;
                    }
                    4 => {
                        key = random_bytes(60);
                        entry = entry.renamed(&key);
                    }
                    5 => {
                        let number = random::next() as i64;
                        value = number.to_string().into_bytes();
                        entry.set_value(Value::encode(&value));
                        assert_eq!(entry.encoding(), "int");
                    }
                    6 => {
                        value = random_bytes(60);
                        let mut taken = entry.take_bytes();
                        taken.clone_from(&value);
                        entry.adopt(taken);
                        assert_eq!(entry.encoding(), "raw");
                    }
                    _ => entry = entry.duplicate(&key, expiry, 7),
                }
                assert_eq!(entry.key(), key);
                assert_eq!(text(&entry), value);
                assert_eq!(entry.expiry(), expiry);
                assert_eq!(entry.access_clock(), 7);
            }
        }
    }

    #[test]
    fn sixteen_byte_keys_and_values_need_no_heap() {
        let with_expiry = Entry::new(&[b'k'; 16], Value::Bytes(&[b'v'; 16]), Some(1), 0);
        assert_eq!(with_expiry.heap_bytes(), 0);
    }

    /// A collection keeps its place whatever happens to the key and the expiry around it.
    #[test]
    fn collections_stay_whole() {
        let limits = Limits {
            entries: 4,
            value: 8,
        };
        for _ in 0..1_000 {
            let mut key = random_bytes(60);
            let mut expiry = (random::below(2) == 0).then(|| random::next() as i64);
            let mut entry = Entry::with_object(&key, Hash::new(), expiry, 7);
            let mut len = 0;
            for nth in 0..20u8 {
                match random::below(6) {
                    0 => {
                        expiry = (random::below(2) == 0).then(|| random::next() as i64);
                        entry.set_expiry(expiry);
                    }
                    1 => {
                        key = random_bytes(60);
                        entry = entry.renamed(&key);
                    }
                    2 => entry = entry.duplicate(&key, expiry, 7),
                    3 => {
                        entry.set_value(Value::encode(&random_bytes(60)));
                        assert!(entry.object::<Hash>().is_err());
                        entry = Entry::with_object(&key, Set::new(), expiry, 7);
                        assert!(entry.object::<Hash>().is_err());
                        entry.set_value(Value::Int(5));
                        assert!(entry.object::<Hash>().is_err());
                        entry = Entry::with_object(&key, Hash::new(), expiry, 7);
                        len = 0;
                    }
                    _ => {
                        let hash = entry.object_mut::<Hash>().unwrap();
                        hash.set(&[nth], b"value", FieldExpiry::Clear, limits);
                        len += 1;
                    }
                }
                assert_eq!(entry.key(), key);
                assert_eq!(entry.expiry(), expiry);
                assert_eq!(entry.object::<Hash>().unwrap().len(), len);
                assert_eq!(entry.type_name(), "hash");
                assert!(entry.string().is_err());
            }
        }
    }
}
