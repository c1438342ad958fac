//! Consumer groups: who reads what of a stream, and what was delivered but not acknowledged.
//!
//! What is pending lies in the group, with its consumer, time and count; a consumer keeps the IDs alone.
//! That is 52 bytes for each pending entry, and an entry that is delivered costs no allocation but one for
//! 64. Nothing here reads a clock or the stream: times and IDs are given.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::StreamId;
use super::by_id::{ById, HasId};

/// The groups of a stream, in the order of their names.
#[derive(Clone, Default)]
pub struct Groups(BTreeMap<Box<[u8]>, Box<Group>>);

impl Groups {
    /// Number of groups. O(1).
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The group of this name. O(log n).
    pub fn get(&self, name: &[u8]) -> Option<&Group> {
        self.0.get(name).map(Box::as_ref)
    }

    /// The group of this name, to be changed. O(log n).
    pub fn get_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.0.get_mut(name).map(Box::as_mut)
    }

    /// Adds a group. False if there is one of this name; it stays as it is. O(log n).
    pub fn create(&mut self, name: &[u8], group: Group) -> bool {
        if self.0.contains_key(name) {
            return false;
        }
        self.0.insert(name.into(), Box::new(group));
        true
    }

    /// Takes out the group of this name. O(log n); dropping it is O(what it holds).
    pub fn destroy(&mut self, name: &[u8]) -> Option<Box<Group>> {
        self.0.remove(name)
    }

    /// All groups with their names, in the order of these.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.0
            .iter()
            .map(|(name, group)| (name.as_ref(), group.as_ref()))
    }

    /// Bytes on the heap. O(consumers + what is pending / 64).
    pub fn heap_bytes(&self) -> usize {
        self.iter()
            .map(|(name, group)| {
                let own = size_of::<Group>() + size_of::<(Box<[u8]>, Box<Group>)>() * 3 / 2;
                name.len() + own + group.heap_bytes()
            })
            .sum()
    }
}

/// A consumer of a group, by number: valid until it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerId(u32);

/// An entry that was delivered and not acknowledged.
// A whole word for the consumer would make it 40 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, packed(4))]
pub struct Pending {
    /// The entry's ID.
    pub id: StreamId,
    /// When it was delivered last, in Unix milliseconds.
    pub time: i64,
    /// How often it was delivered.
    pub count: u64,
    /// To whom it was delivered last.
    pub consumer: ConsumerId,
}

const _: () = assert!(size_of::<Pending>() == 36);

impl HasId for Pending {
    #[inline]
    fn id(&self) -> StreamId {
        self.id
    }
}

/// Who reads for a group.
#[derive(Clone)]
pub struct Consumer {
    name: Arc<[u8]>,
    /// When it last tried to read or to claim, in Unix milliseconds.
    pub seen: i64,
    /// When it last got something, in Unix milliseconds; `None` if it never has.
    pub active: Option<i64>,
    /// What was delivered to it and not acknowledged.
    pending: ById<StreamId>,
}

impl Consumer {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The IDs of what is pending for it.
    pub fn pending(&self) -> &ById<StreamId> {
        &self.pending
    }
}

/// A consumer group.
#[derive(Clone)]
pub struct Group {
    /// The highest ID that was delivered to any of its consumers.
    pub last_id: StreamId,
    /// How many entries of the stream's whole life lie up to `last_id`, if that is known.
    pub entries_read: Option<i64>,
    pending: ById<Pending>,
    /// By number; `None` is free for the next.
    consumers: Vec<Option<Consumer>>,
    free: Vec<u32>,
    names: BTreeMap<Arc<[u8]>, u32>,
}

impl Group {
    /// A group without consumers.
    pub fn new(last_id: StreamId, entries_read: Option<i64>) -> Self {
        Group {
            last_id,
            entries_read,
            pending: ById::default(),
            consumers: Vec::new(),
            free: Vec::new(),
            names: BTreeMap::new(),
        }
    }

    /// What is pending, for whichever consumer.
    pub fn pending(&self) -> &ById<Pending> {
        &self.pending
    }

    /// Number of consumers. O(1).
    pub fn consumer_count(&self) -> usize {
        self.names.len()
    }

    /// The consumers in the order of their names.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.names.values().map(|number| self.at(*number))
    }

    fn at(&self, number: u32) -> &Consumer {
        self.consumers[number as usize]
            .as_ref()
            .expect("a consumer that is there")
    }

    /// A consumer that is there.
    pub fn consumer(&self, consumer: ConsumerId) -> &Consumer {
        self.at(consumer.0)
    }

    /// A consumer that is there, to be changed.
    pub fn consumer_mut(&mut self, consumer: ConsumerId) -> &mut Consumer {
        self.consumers[consumer.0 as usize]
            .as_mut()
            .expect("a consumer that is there")
    }

    /// The consumer of this name. O(log n).
    pub fn find_consumer(&self, name: &[u8]) -> Option<ConsumerId> {
        self.names.get(name).copied().map(ConsumerId)
    }

    /// Adds a consumer that was seen at `seen`. `None` if there is one of this name. O(log n).
    pub fn add_consumer(&mut self, name: &[u8], seen: i64) -> Option<ConsumerId> {
        if self.names.contains_key(name) {
            return None;
        }
        let name: Arc<[u8]> = name.into();
        let consumer = Some(Consumer {
            name: name.clone(),
            seen,
            active: None,
            pending: ById::default(),
        });
        let number = match self.free.pop() {
            Some(number) => {
                self.consumers[number as usize] = consumer;
                number
            }
            None => {
                self.consumers.push(consumer);
                (self.consumers.len() - 1) as u32
            }
        };
        self.names.insert(name, number);
        Some(ConsumerId(number))
    }

    /// Removes a consumer with all that is pending for it, and tells how much that was. `None` if there
    /// is no such consumer. O(m log n) for m pending entries.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let number = self.names.remove(name)?;
        let consumer = self.consumers[number as usize].take()?;
        self.free.push(number);
        for id in consumer.pending.iter() {
            self.pending.remove(*id);
        }
        Some(consumer.pending.len())
    }

    /// Notes that an entry was delivered to a consumer for the first time. One that is pending already,
    /// whosever it is, begins anew. O(log n).
    #[inline]
    pub fn deliver(&mut self, id: StreamId, consumer: ConsumerId, time: i64) {
        let pending = Pending {
            id,
            time,
            count: 1,
            consumer,
        };
        if !self.put(pending) {
            self.assign(id, consumer, |pending| {
                pending.time = time;
                pending.count = 1;
            });
        }
    }

    /// Adds a pending entry. False if there is one of this ID; it stays as it is. O(log n).
    #[inline]
    pub fn put(&mut self, pending: Pending) -> bool {
        let inserted = self.pending.insert(pending);
        if inserted {
            let consumer = pending.consumer;
            self.consumer_mut(consumer).pending.insert(pending.id);
        }
        inserted
    }

    /// Gives a pending entry to a consumer, be it its own, and lets `change` change its time and count.
    /// False if it is not pending. O(log n).
    pub fn assign(
        &mut self,
        id: StreamId,
        consumer: ConsumerId,
        change: impl FnOnce(&mut Pending),
    ) -> bool {
        let Some(pending) = self.pending.get_mut(id) else {
            return false;
        };
        let owner = pending.consumer;
        change(pending);
        pending.consumer = consumer;
        if owner != consumer {
            self.consumer_mut(owner).pending.remove(id);
            self.consumer_mut(consumer).pending.insert(id);
        }
        true
    }

    /// Lets go of a pending entry. False if it is not pending. O(log n).
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(id) else {
            return false;
        };
        let consumer = pending.consumer;
        self.consumer_mut(consumer).pending.remove(id);
        true
    }

    /// What is pending for a consumer, from an ID on, in order. O(log n) for each.
    pub fn pending_of(
        &self,
        consumer: ConsumerId,
        from: StreamId,
    ) -> impl Iterator<Item = &Pending> {
        let ids = self.consumer(consumer).pending.iter_from(from);
        ids.filter_map(|id| self.pending.get(*id))
    }

    /// As [`Group::pending_of`], to be changed in time and count, until `visit` returns false.
    pub fn visit_pending_of(
        &mut self,
        consumer: ConsumerId,
        from: StreamId,
        mut visit: impl FnMut(&mut Pending) -> bool,
    ) {
        let Some(consumer) = &self.consumers[consumer.0 as usize] else {
            return;
        };
        for id in consumer.pending.iter_from(from) {
            if let Some(pending) = self.pending.get_mut(*id)
                && !visit(pending)
            {
                return;
            }
        }
    }

    /// Bytes on the heap. O(consumers + what is pending / 64).
    pub fn heap_bytes(&self) -> usize {
        let named = |consumer: &Consumer| {
            let counts = 2 * size_of::<usize>();
            let in_tree = size_of::<(Arc<[u8]>, u32)>() * 3 / 2;
            consumer.name.len() + counts + in_tree + consumer.pending.heap_bytes()
        };
        self.pending.heap_bytes()
            + self.consumers.capacity() * size_of::<Option<Consumer>>()
            + self.free.capacity() * size_of::<u32>()
            + self.consumers().map(named).sum::<usize>()
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        self.pending.check();
        let mut sum = 0;
        for (name, number) in &self.names {
            let consumer = self.at(*number);
            assert_eq!(consumer.name, *name);
            consumer.pending.check();
            sum += consumer.pending.len();
            for id in consumer.pending.iter() {
                let pending = self.pending.get(*id).expect("pending in the group too");
                assert_eq!({ pending.consumer }, ConsumerId(*number));
            }
        }
        assert_eq!(sum, self.pending.len());
        assert_eq!(self.names.len() + self.free.len(), self.consumers.len());
    }
}
