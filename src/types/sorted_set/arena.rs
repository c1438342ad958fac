//! Nodes of a tree, named by numbers.
//!
//! A number is half a pointer and can be copied, so nodes can name each other both ways without
//! shared ownership or unsafe code. Each node is an allocation of its own, so that memory goes back
//! whenever a node does; what may grow large is only the list of their addresses.

/// Nodes by number.
pub struct Arena<T> {
    nodes: Vec<Option<Box<T>>>,
    vacant: Vec<u32>,
}

impl<T> Arena<T> {
    /// An arena without nodes.
    pub fn new() -> Self {
        Arena {
            nodes: Vec::new(),
            vacant: Vec::new(),
        }
    }

    /// Puts in a node. Returns its number. O(1) amortised.
    pub fn insert(&mut self, node: Box<T>) -> u32 {
        match self.vacant.pop() {
            Some(number) => {
                self.nodes[number as usize] = Some(node);
                number
            }
            None => {
                self.nodes.push(Some(node));
                (self.nodes.len() - 1) as u32
            }
        }
    }

    /// Takes out a node that is there. O(1) amortised.
    pub fn remove(&mut self, number: u32) -> Box<T> {
        let node = self.nodes[number as usize].take();
        self.vacant.push(number);
        node.expect("a node that is there")
    }

    /// A node that is there.
    #[inline]
    pub fn get(&self, number: u32) -> &T {
        self.nodes[number as usize]
            .as_ref()
            .expect("a node that is there")
    }

    /// A node that is there, to be changed.
    #[inline]
    pub fn get_mut(&mut self, number: u32) -> &mut T {
        self.nodes[number as usize]
            .as_mut()
            .expect("a node that is there")
    }

    /// Two nodes that are there and are not the same.
    pub fn get_two(&mut self, one: u32, other: u32) -> (&mut T, &mut T) {
        let two = self
            .nodes
            .get_disjoint_mut([one as usize, other as usize])
            .expect("two nodes");
        two.map(|node| &mut **node.as_mut().expect("a node that is there"))
            .into()
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len() - self.vacant.len()
    }

    /// Bytes allocated.
    pub fn bytes(&self) -> usize {
        self.len() * size_of::<T>()
            + self.nodes.capacity() * size_of::<Option<Box<T>>>()
            + self.vacant.capacity() * size_of::<u32>()
    }
}
