//! What the load asks for, and what the answers must be.

use crate::template::{Draw, Part, Template};

/// Keys that the workloads on many keys choose from.
pub const KEY_SPACE: u64 = 100_000;

/// A key's name: this, then six digits. 16 bytes in all.
pub const KEY_PREFIX: &str = "key:000000";

/// Keys in one MGET or MSET.
const MANY: usize = 10;

/// Fields of each small hash.
pub const SMALL_FIELDS: u64 = 5;

/// Members that a small set begins with, and members that it may come to have.
pub const SMALL_MEMBERS: u64 = 10;
const POSSIBLE_MEMBERS: u64 = 20;

/// What comes before six digits in the names of fields and members.
pub const FIELD_PREFIX: &str = "f";
pub const ITEM_PREFIX: &str = "item";
pub const MEMBER_PREFIX: &str = "member:";

/// Bytes of a member of a large collection.
const MEMBER_SIZE: u64 = MEMBER_PREFIX.len() as u64 + 6;

/// Members in one answer of ZRANGE.
const RANGE: u64 = 10;

/// What each entry of a stream has, and the first part of the first ID. XREADGROUP's have a digit more, because it reads more.
pub const ENTRY: [&str; 2] = ["field", "xxx"];
pub const FIRST_ID: u64 = 100_000;
pub const FIRST_GROUP_ID: u64 = 1_000_000;
pub const GROUP: &str = "group";

/// Where the positions are: a square degree. GEOSEARCH looks around places that are not near its edge.
pub const WEST: &str = "13.";
pub const SOUTH: &str = "52.";
const INSIDE: [u64; 2] = [200_000, 800_000];
const RADIUS_KM: &str = "5";

/// Scores have six digits and no zero before them, as ranks in ZRANGE must: `"000123"` is no integer.
pub const SCORES: Draw = Draw {
    prefix: "",
    from: 100_000,
    below: 1_000_000,
};

/// One collection, and two that are put together.
pub const ONE: &str = "one";
pub const TWO: &str = "two";
const SUM: &str = "sum";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Get,
    Set,
    Incr,
    Mget,
    Mset,
    Multi,
    Watch,
    Hset,
    Hget,
    Sadd,
    Sismember,
    Zadd,
    Zscore,
    Zrank,
    Zrange,
    Sinter,
    Zunionstore,
    Hgetall,
    Lpush,
    Rpush,
    Lpop,
    Lrange,
    Xadd,
    Xrange,
    Xreadgroup,
    Setbit,
    Bitcount,
    Pfadd,
    Geosearch,
}

/// One row of the comparison.
#[derive(Clone, Copy)]
pub struct Workload {
    pub name: &'static str,
    pub kind: Kind,
    /// Bytes in each value.
    pub value_size: usize,
    /// Members of the one collection, or of each of the two, or bytes of the one string; 0 for workloads on many keys.
    pub size: u64,
    /// Elements that one request asks for, where that is not the same for all of the kind.
    range: u64,
    /// Part of the usual time that it is measured: what uses up what was made beforehand gets less.
    pub time: f64,
    /// Requests per write that it is measured at, of those that are asked for; empty for all.
    only_at: &'static [usize],
    /// At most this many connections.
    pub connections: usize,
    /// For requests per write: the CPU time of Redis should be this many times ours.
    goals: &'static [(usize, f64)],
}

const SINGLE: &[(usize, f64)] = &[(1, 1.05), (16, 1.4), (64, 2.0)];
const MILLION: &[(usize, f64)] = &[(64, 2.0)];
const WHOLE: &[(usize, f64)] = &[(1, 1.2), (16, 1.2)];
const UNION: &[(usize, f64)] = &[(1, 1.2)];
const ELEMENT: &[(usize, f64)] = &[(1, 1.0), (16, 1.4), (64, 1.4)];

/// Every workload, in the order of the table.
pub const WORKLOADS: &[Workload] = &[
    Workload::new("get-3", Kind::Get, 3),
    Workload::new("get-1k", Kind::Get, 1024),
    Workload::new("set-3", Kind::Set, 3),
    Workload::new("set-1k", Kind::Set, 1024),
    Workload::new("incr", Kind::Incr, 3),
    Workload::new("mget-10", Kind::Mget, 3),
    Workload::new("mset-10", Kind::Mset, 3),
    Workload::new("multi", Kind::Multi, 3),
    Workload::new("watch", Kind::Watch, 3),
    Workload::new("hset", Kind::Hset, 10).goals(SINGLE),
    Workload::new("hget", Kind::Hget, 10).goals(SINGLE),
    Workload::new("sadd", Kind::Sadd, 0).goals(SINGLE),
    Workload::new("sismember", Kind::Sismember, 0).goals(SINGLE),
    Workload::new("zadd", Kind::Zadd, 0)
        .of(100_000)
        .goals(SINGLE),
    Workload::new("zscore", Kind::Zscore, 0)
        .of(100_000)
        .goals(SINGLE),
    Workload::new("zadd-1m", Kind::Zadd, 0)
        .of(1_000_000)
        .at(&[64])
        .goals(MILLION),
    Workload::new("zrank-1m", Kind::Zrank, 0)
        .of(1_000_000)
        .at(&[64])
        .goals(MILLION),
    Workload::new("zrange-1m", Kind::Zrange, 0)
        .of(1_000_000)
        .at(&[64])
        .goals(MILLION),
    Workload::new("sinter", Kind::Sinter, 0)
        .of(100_000)
        .at(&[1, 16])
        .goals(WHOLE)
        .connections(2),
    Workload::new("zunionstore", Kind::Zunionstore, 0)
        .of(100_000)
        .at(&[1])
        .goals(UNION)
        .connections(2),
    Workload::new("hgetall-1k", Kind::Hgetall, 10)
        .of(1_000)
        .at(&[1, 16])
        .goals(WHOLE),
    Workload::new("lpush", Kind::Lpush, 3).of(1).goals(ELEMENT),
    Workload::new("rpush", Kind::Rpush, 3).of(1).goals(ELEMENT),
    Workload::new("lpop", Kind::Lpop, 3)
        .of(2_000_000)
        .goals(ELEMENT)
        .using_up(),
    Workload::new("lrange-100", Kind::Lrange, 3)
        .of(1_000)
        .range(100)
        .goals(ELEMENT),
    Workload::new("lrange-600", Kind::Lrange, 3)
        .of(1_000)
        .range(600)
        .goals(ELEMENT),
    Workload::new("xadd", Kind::Xadd, 3).of(1).goals(ELEMENT),
    Workload::new("xrange-100", Kind::Xrange, 3)
        .of(100_000)
        .range(100)
        .goals(ELEMENT),
    Workload::new("xreadgroup-10", Kind::Xreadgroup, 3)
        .of(2_000_000)
        .range(10)
        .goals(ELEMENT)
        .using_up(),
    Workload::new("setbit", Kind::Setbit, 0)
        .of(125_000)
        .goals(ELEMENT),
    Workload::new("bitcount-1m", Kind::Bitcount, 0)
        .of(1 << 20)
        .goals(ELEMENT)
        .connections(2),
    Workload::new("pfadd", Kind::Pfadd, 0)
        .of(1_000_000)
        .goals(ELEMENT),
    Workload::new("geosearch", Kind::Geosearch, 0)
        .of(10_000)
        .goals(ELEMENT),
];

impl Workload {
    const fn new(name: &'static str, kind: Kind, value_size: usize) -> Self {
        Self {
            name,
            kind,
            value_size,
            size: 0,
            range: 0,
            time: 1.0,
            only_at: &[],
            connections: usize::MAX,
            goals: &[],
        }
    }

    const fn of(mut self, size: u64) -> Self {
        self.size = size;
        self
    }

    const fn range(mut self, range: u64) -> Self {
        self.range = range;
        self
    }

    const fn using_up(mut self) -> Self {
        self.time = 0.25;
        self
    }

    const fn at(mut self, only_at: &'static [usize]) -> Self {
        self.only_at = only_at;
        self
    }

    const fn goals(mut self, goals: &'static [(usize, f64)]) -> Self {
        self.goals = goals;
        self
    }

    const fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// The same on a collection of a fifth of the size, if it is a large one: what a quick run has time to fill.
    pub fn small(mut self) -> Self {
        if self.size >= 100_000 {
            self.size /= 5;
        }
        self
    }

    /// True if `--only filter` means this workload: its name, or the part before the dash.
    pub fn matches(&self, filter: &str) -> bool {
        self.name == filter || self.name.split('-').next() == Some(filter)
    }

    /// Those of the numbers of requests per write that this is measured at.
    pub fn pipelines(&self, asked: &[usize]) -> Vec<usize> {
        let mut asked = asked.to_vec();
        asked.retain(|pipeline| self.only_at.is_empty() || self.only_at.contains(pipeline));
        asked
    }

    /// How many times the CPU time of ours Redis's should be, with `pipeline` requests per write.
    pub fn goal(&self, pipeline: usize) -> Option<f64> {
        let goal = self.goals.iter().find(|(at, _)| *at == pipeline);
        goal.map(|(_, times)| *times)
    }

    /// The value that every key or field holds before the workload starts. Its first byte makes it no integer, except
    /// for INCR.
    pub fn value(&self) -> Vec<u8> {
        match self.kind {
            Kind::Incr => b"100".to_vec(),
            _ => vec![b'x'; self.value_size],
        }
    }

    /// The least and the most bytes of bulk strings that one request is answered with, on average.
    pub fn payload(&self) -> (f64, f64) {
        let value = self.value_size as u64;
        let field = ENTRY[0].len() as u64;
        let exactly = match self.kind {
            Kind::Get | Kind::Watch | Kind::Hget => value,
            Kind::Mget => MANY as u64 * value,
            Kind::Zscore => 6,
            Kind::Zrange => RANGE * MEMBER_SIZE,
            Kind::Sinter => self.size / 2 * MEMBER_SIZE,
            Kind::Hgetall => self.size * (FIELD_PREFIX.len() as u64 + 6 + value),
            Kind::Lpop => value,
            Kind::Lrange => self.range * value,
            // IDs of six and of seven digits, and "-0".
            Kind::Xrange => self.range * (8 + field + value),
            Kind::Xreadgroup => ONE.len() as u64 + self.range * (9 + field + value),
            // Milliseconds, a dash and a number.
            Kind::Xadd => return (15.0, 20.0),
            Kind::Geosearch => {
                // A degree of latitude is 111 km; one of longitude at 52.5 degrees north is 67.8 km.
                let found = self.size as f64 * 25.0 * std::f64::consts::PI / (111.2 * 67.8);
                let bytes = found * MEMBER_SIZE as f64;
                return (0.9 * bytes, 1.1 * bytes);
            }
            _ => 0,
        };
        (exactly as f64, exactly as f64)
    }

    /// The least and the most that the integer replies may be on average, if that is known.
    pub fn integers(&self) -> Option<(f64, f64)> {
        match self.kind {
            // Every field and member is there already.
            Kind::Hset | Kind::Zadd => Some((0.0, 0.0)),
            Kind::Sadd => Some((0.0, 1.0)),
            // Half of the members that are asked for are there.
            Kind::Sismember => Some((0.3, 0.7)),
            Kind::Zrank => Some((0.3 * self.size as f64, 0.7 * self.size as f64)),
            // Half of each is in the other too.
            Kind::Zunionstore => Some((1.5 * self.size as f64, 1.5 * self.size as f64)),
            Kind::Lpush | Kind::Rpush => Some((2.0, f64::MAX)),
            Kind::Setbit | Kind::Pfadd => Some((0.0, 1.0)),
            Kind::Bitcount => Some((4.0 * self.size as f64, 4.0 * self.size as f64)),
            _ => None,
        }
    }

    /// True if a null reply is no fault: EXEC after another connection changed the watched key.
    pub fn may_abort(&self) -> bool {
        self.kind == Kind::Watch
    }

    /// True if the requests leave more behind than they find, so that each measurement must begin anew.
    pub fn grows(&self) -> bool {
        matches!(
            self.kind,
            Kind::Sadd | Kind::Lpush | Kind::Rpush | Kind::Lpop | Kind::Xadd | Kind::Xreadgroup
        )
    }

    /// The name of the test that asks redis-benchmark for the same, if it has one.
    pub fn redis_benchmark_test(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Get => Some("get"),
            Kind::Set => Some("set"),
            Kind::Incr => Some("incr"),
            _ => None,
        }
    }

    /// `pipeline` requests in one piece. A transaction counts as one request.
    pub fn template(&self, pipeline: usize) -> Template {
        let mut template = Template::default();
        let value = self.value();
        for _ in 0..pipeline {
            match self.size {
                0 => self.push_on_many(&mut template, Part::Text(&value)),
                _ => self.push_on_one(&mut template, Part::Text(&value)),
            }
        }
        template
    }

    /// A request on random ones of many keys.
    fn push_on_many(&self, template: &mut Template, value: Part<'_>) {
        let key = Part::New(below(KEY_PREFIX, KEY_SPACE));
        let same = Part::Again(KEY_PREFIX, 0);
        let field = Part::New(below(FIELD_PREFIX, SMALL_FIELDS));
        let item = Part::New(below(ITEM_PREFIX, POSSIBLE_MEMBERS));
        match self.kind {
            Kind::Get => template.push(&[text("GET"), key]),
            Kind::Set => template.push(&[text("SET"), key, value]),
            Kind::Incr => template.push(&[text("INCR"), key]),
            Kind::Mget => template.push(&[vec![text("MGET")], vec![key; MANY]].concat()),
            Kind::Mset => {
                let pairs = [[key, value]; MANY].concat();
                template.push(&[vec![text("MSET")], pairs].concat());
            }
            Kind::Multi => {
                template.push(&[text("MULTI")]);
                template.push(&[text("SET"), key, value]);
                template.push(&[text("SET"), key, value]);
                template.push(&[text("EXEC")]);
            }
            Kind::Watch => {
                template.push(&[text("WATCH"), key]);
                template.push(&[text("GET"), same]);
                template.push(&[text("MULTI")]);
                template.push(&[text("SET"), same, value]);
                template.push(&[text("EXEC")]);
            }
            Kind::Hset => template.push(&[text("HSET"), key, field, value]),
            Kind::Hget => template.push(&[text("HGET"), key, field]),
            Kind::Sadd => template.push(&[text("SADD"), key, item]),
            Kind::Sismember => template.push(&[text("SISMEMBER"), key, item]),
            _ => unreachable!("{} is on one collection", self.name),
        }
    }

    /// A request on one large collection, or on two.
    fn push_on_one(&self, template: &mut Template, value: Part<'_>) {
        let (one, two) = (text(ONE), text(TWO));
        let member = Part::New(below(MEMBER_PREFIX, self.size));
        match self.kind {
            Kind::Zadd => template.push(&[text("ZADD"), one, Part::New(SCORES), member]),
            Kind::Zscore => template.push(&[text("ZSCORE"), one, member]),
            Kind::Zrank => template.push(&[text("ZRANK"), one, member]),
            Kind::Zrange => {
                let first = Part::New(Draw {
                    below: self.size - RANGE,
                    ..SCORES
                });
                template.push(&[text("ZRANGE"), one, first, Part::Again("", RANGE - 1)]);
            }
            Kind::Sinter => template.push(&[text("SINTER"), one, two]),
            Kind::Zunionstore => {
                template.push(&[text("ZUNIONSTORE"), text(SUM), text("2"), one, two]);
            }
            Kind::Hgetall => template.push(&[text("HGETALL"), one]),
            Kind::Lpush => template.push(&[text("LPUSH"), one, value]),
            Kind::Rpush => template.push(&[text("RPUSH"), one, value]),
            Kind::Lpop => template.push(&[text("LPOP"), one]),
            Kind::Lrange => {
                let last = (self.range - 1).to_string();
                template.push(&[text("LRANGE"), one, text("0"), text(&last)]);
            }
            Kind::Setbit => template.push(&[text("SETBIT"), one, Part::New(SCORES), text("1")]),
            Kind::Bitcount => template.push(&[text("BITCOUNT"), one]),
            Kind::Pfadd => template.push(&[text("PFADD"), one, member]),
            Kind::Geosearch => {
                let [from, below] = INSIDE;
                let at = |prefix| {
                    Part::New(Draw {
                        prefix,
                        from,
                        below,
                    })
                };
                let place = [text("FROMLONLAT"), at(WEST), at(SOUTH)];
                let shape = [text("BYRADIUS"), text(RADIUS_KM), text("km")];
                template.push(&[&[text("GEOSEARCH"), one][..], &place, &shape].concat());
            }
            _ => self.push_on_stream(template),
        }
    }

    /// A request on one stream.
    fn push_on_stream(&self, template: &mut Template) {
        let one = text(ONE);
        let count = self.range.to_string();
        match self.kind {
            Kind::Xadd => {
                template.push(&[text("XADD"), one, text("*"), text(ENTRY[0]), text(ENTRY[1])]);
            }
            Kind::Xrange => {
                let first = Part::New(Draw {
                    prefix: "",
                    from: FIRST_ID,
                    below: FIRST_ID + self.size - self.range,
                });
                template.push(&[
                    text("XRANGE"),
                    one,
                    first,
                    text("+"),
                    text("COUNT"),
                    text(&count),
                ]);
            }
            Kind::Xreadgroup => {
                let who = [
                    text("XREADGROUP"),
                    text("GROUP"),
                    text(GROUP),
                    text("consumer"),
                ];
                let what = [text("COUNT"), text(&count), text("STREAMS"), one, text(">")];
                template.push(&[&who[..], &what].concat());
            }
            _ => unreachable!("{} is on many keys", self.name),
        }
    }
}

fn text(text: &str) -> Part<'_> {
    Part::Text(text.as_bytes())
}

fn below(prefix: &'static str, below: u64) -> Draw {
    Draw {
        prefix,
        from: 0,
        below,
    }
}

/// `prefix`, then the six digits of `n`.
pub fn name(prefix: &str, n: u64) -> String {
    format!("{prefix}{n:06}")
}

/// The name of key number `n`: 16 bytes, or more from 1,000,000,000,000 on.
pub fn key_name(n: u64) -> String {
    format!("key:{n:012}")
}
