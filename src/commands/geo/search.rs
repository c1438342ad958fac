//! GEOSEARCH, GEORADIUS and their kin: members near a position.

use std::cmp::Ordering;

use super::{READ_KEY, UNIT, position, position_of, unit, write_distance, write_position};
use crate::commands::spec::{
    Arg, ArgKind, Arity, BeginSearch, Categories, CommandResult, CommandSpec, FindKeys, Flags,
    Group, KeyFlags, KeySpec, members,
};
use crate::error::Error;
use crate::keyspace::{Db, Entry, View};
use crate::resp::{Args, Reply};
use crate::types::geo::{self, Position, Search, Shape};
use crate::types::quicksort::sort_part;
use crate::types::{Limits, SortedSet, number};

const KEY: Arg = Arg::new("key", ArgKind::Key(0));
const LONGITUDE: Arg = Arg::new("longitude", ArgKind::Double);
const LATITUDE: Arg = Arg::new("latitude", ArgKind::Double);
const MEMBER: Arg = Arg::new("member", ArgKind::String);
const RADIUS: Arg = Arg::new("radius", ArgKind::Double);
const WITH_COORD: Arg = Arg::word("withcoord", "WITHCOORD").optional();
const WITH_DIST: Arg = Arg::word("withdist", "WITHDIST").optional();
const WITH_HASH: Arg = Arg::word("withhash", "WITHHASH").optional();

const COUNT: Arg = Arg::new("count", ArgKind::Integer).token("COUNT");
const ANY: Arg = Arg::word("any", "ANY").optional();
const COUNT_BLOCK: Arg = Arg::new("count-block", ArgKind::Block(&[COUNT, ANY])).optional();
/// ANY came later to the commands that were there.
const LATER_COUNT_BLOCK: Arg =
    Arg::new("count-block", ArgKind::Block(&[COUNT, ANY.since("6.2.0")])).optional();

const ORDER: Arg = Arg::new(
    "order",
    ArgKind::OneOf(&[Arg::word("asc", "ASC"), Arg::word("desc", "DESC")]),
)
.optional();

const STORE: Arg = Arg::new(
    "store",
    ArgKind::OneOf(&[
        Arg::new("storekey", ArgKind::Key(1)).token("STORE"),
        Arg::new("storedistkey", ArgKind::Key(2)).token("STOREDIST"),
    ]),
)
.optional();

const FROM: Arg = Arg::new(
    "from",
    ArgKind::OneOf(&[
        Arg::new("member", ArgKind::String).token("FROMMEMBER"),
        Arg::new("fromlonlat", ArgKind::Block(&[LONGITUDE, LATITUDE])).token("FROMLONLAT"),
    ]),
);

const BY: Arg = Arg::new(
    "by",
    ArgKind::OneOf(&[
        Arg::new(
            "circle",
            ArgKind::Block(&[Arg::new("radius", ArgKind::Double).token("BYRADIUS"), UNIT]),
        ),
        Arg::new(
            "box",
            ArgKind::Block(&[
                Arg::new("width", ArgKind::Double).token("BYBOX"),
                Arg::new("height", ArgKind::Double),
                UNIT,
            ]),
        ),
    ]),
);

/// The key behind a keyword, which is overwritten.
const fn stored_at(keyword: &'static str, from: isize) -> KeySpec {
    KeySpec {
        begin: BeginSearch::Keyword(keyword, from),
        find: FindKeys::Range {
            last: 0,
            step: 1,
            limit: 0,
        },
        flags: members!(KeyFlags: OW | UPDATE),
        notes: None,
    }
}

const RADIUS_KEYS: &[KeySpec] = &[
    READ_KEY[0],
    stored_at("STORE", 6),
    stored_at("STOREDIST", 6),
];
const MEMBER_KEYS: &[KeySpec] = &[
    READ_KEY[0],
    stored_at("STORE", 5),
    stored_at("STOREDIST", 5),
];

const COST: &str =
    "O(N+log(M)) where N is the number of members around the shape and M that of those in it";

pub(super) const GEORADIUS: CommandSpec =
    CommandSpec::write("GEORADIUS", Arity::at_least(6), Group::Geo, georadius)
        .flags(Flags::DENY_OOM)
        .categories(Categories::GEO)
        .keys(RADIUS_KEYS)
        .doc(
            "3.2.0",
            COST,
            "Returns or stores members within a distance of a position.",
        )
        .deprecated(
            "6.2.0",
            "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
        )
        .args(&[
            KEY,
            LONGITUDE,
            LATITUDE,
            RADIUS,
            UNIT,
            WITH_COORD,
            WITH_DIST,
            WITH_HASH,
            LATER_COUNT_BLOCK,
            ORDER,
            STORE,
        ]);

fn georadius(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    answer_or_store(db, args, Form::Radius { stores: true }, reply)
}

pub(super) const GEORADIUSBYMEMBER: CommandSpec = CommandSpec::write(
    "GEORADIUSBYMEMBER",
    Arity::at_least(5),
    Group::Geo,
    georadiusbymember,
)
.flags(Flags::DENY_OOM)
.categories(Categories::GEO)
.keys(MEMBER_KEYS)
.doc(
    "3.2.0",
    COST,
    "Returns or stores members within a distance of a member.",
)
.deprecated(
    "6.2.0",
    "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
)
.args(&[
    KEY,
    MEMBER,
    RADIUS,
    UNIT,
    WITH_COORD,
    WITH_DIST,
    WITH_HASH,
    COUNT_BLOCK,
    ORDER,
    STORE,
]);

fn georadiusbymember(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    answer_or_store(db, args, Form::RadiusByMember { stores: true }, reply)
}

pub(super) const GEORADIUSBYMEMBER_RO: CommandSpec = CommandSpec::read(
    "GEORADIUSBYMEMBER_RO",
    Arity::at_least(5),
    Group::Geo,
    georadiusbymember_ro,
)
.categories(Categories::GEO)
.keys(READ_KEY)
.doc(
    "3.2.10",
    COST,
    "Returns members within a distance of a member.",
)
.deprecated(
    "6.2.0",
    "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
)
.args(&[
    KEY,
    MEMBER,
    RADIUS,
    UNIT,
    WITH_COORD,
    WITH_DIST,
    WITH_HASH,
    COUNT_BLOCK,
    ORDER,
]);

fn georadiusbymember_ro(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    answer(view, args, Form::RadiusByMember { stores: false }, reply)
}

pub(super) const GEORADIUS_RO: CommandSpec =
    CommandSpec::read("GEORADIUS_RO", Arity::at_least(6), Group::Geo, georadius_ro)
        .categories(Categories::GEO)
        .keys(READ_KEY)
        .doc(
            "3.2.10",
            COST,
            "Returns members within a distance of a position.",
        )
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument")
        .args(&[
            KEY,
            LONGITUDE,
            LATITUDE,
            RADIUS,
            UNIT,
            WITH_COORD,
            WITH_DIST,
            WITH_HASH,
            LATER_COUNT_BLOCK,
            ORDER,
        ]);

fn georadius_ro(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    answer(view, args, Form::Radius { stores: false }, reply)
}

pub(super) const GEOSEARCH: CommandSpec =
    CommandSpec::read("GEOSEARCH", Arity::at_least(7), Group::Geo, geosearch)
        .categories(Categories::GEO)
        .keys(READ_KEY)
        .doc("6.2.0", COST, "Returns members in a circle or a box.")
        .args(&[
            KEY,
            FROM,
            BY,
            ORDER,
            COUNT_BLOCK,
            WITH_COORD,
            WITH_DIST,
            WITH_HASH,
        ]);

fn geosearch(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    answer(view, args, Form::Search, reply)
}

pub(super) const GEOSEARCHSTORE: CommandSpec = CommandSpec::write(
    "GEOSEARCHSTORE",
    Arity::at_least(8),
    Group::Geo,
    geosearchstore,
)
.flags(Flags::DENY_OOM)
.categories(Categories::GEO)
.keys(&[
    KeySpec::at(1, members!(KeyFlags: OW | UPDATE)),
    KeySpec::at(2, members!(KeyFlags: RO | ACCESS)),
])
.doc(
    "6.2.0",
    COST,
    "Stores members in a circle or a box, or their distances.",
)
.args(&[
    Arg::new("destination", ArgKind::Key(0)),
    Arg::new("source", ArgKind::Key(1)),
    FROM,
    BY,
    ORDER,
    COUNT_BLOCK,
    Arg::word("storedist", "STOREDIST").optional(),
]);

fn geosearchstore(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    answer_or_store(db, args, Form::SearchStore, reply)
}

/// How the arguments of a command are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Key, position, radius, unit.
    Radius { stores: bool },
    /// Key, member, radius, unit.
    RadiusByMember { stores: bool },
    /// Key.
    Search,
    /// Destination, key.
    SearchStore,
}

impl Form {
    fn source(self) -> usize {
        if self == Form::SearchStore { 2 } else { 1 }
    }

    /// Where the options begin.
    fn options(self) -> usize {
        match self {
            Form::Radius { .. } => 6,
            Form::RadiusByMember { .. } => 5,
            Form::Search => 2,
            Form::SearchStore => 3,
        }
    }

    /// Whether center and shape are among the options.
    fn is_search(self) -> bool {
        matches!(self, Form::Search | Form::SearchStore)
    }

    /// Whether there are the options STORE and STOREDIST with a key.
    fn stores(self) -> bool {
        matches!(
            self,
            Form::Radius { stores: true } | Form::RadiusByMember { stores: true }
        )
    }
}

/// What a command asks for.
#[derive(Default)]
struct Query {
    center: Option<Position>,
    /// A member was named for the center; there may be no sorted set to look it up in.
    from_member: bool,
    /// The shape, and the metres of its unit.
    shape: Option<(Shape, f64)>,
    with_distance: bool,
    with_hash: bool,
    with_position: bool,
    order: Option<Order>,
    /// At most so many are answered; the nearest, or any.
    count: Option<usize>,
    any: bool,
    /// Argument of the key that the result is stored under.
    destination: Option<usize>,
    /// Whether distances are stored as scores.
    by_distance: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

impl Query {
    /// Reads the arguments. `set` is what lies under the key.
    fn parse(args: Args<'_>, form: Form, set: Option<&SortedSet>) -> Result<Query, Error> {
        let mut query = Query::default();
        match form {
            Form::Radius { .. } => {
                query.center = Some(position(args, 2)?);
                query.shape = Some(circle(args, 4)?);
            }
            // Without a sorted set nothing is looked at but the options.
            Form::RadiusByMember { .. } => {
                if let Some(set) = set {
                    query.center = Some(center(set, args.get(2))?);
                    query.shape = Some(circle(args, 3)?);
                }
            }
            Form::Search => {}
            Form::SearchStore => query.destination = Some(1),
        }
        let mut index = form.options();
        while index < args.len() {
            index += 1 + query.parse_option(args, index, form, set)?;
        }
        query.check(args, form)?;
        Ok(query)
    }

    /// Reads the option at `index`. Returns how many arguments behind it belong to it.
    fn parse_option(
        &mut self,
        args: Args<'_>,
        index: usize,
        form: Form,
        set: Option<&SortedSet>,
    ) -> Result<usize, Error> {
        let more = args.len() - index - 1;
        match () {
            _ if args.is(index, "WITHDIST") => self.with_distance = true,
            _ if args.is(index, "WITHHASH") => self.with_hash = true,
            _ if args.is(index, "WITHCOORD") => self.with_position = true,
            _ if args.is(index, "ANY") => self.any = true,
            _ if args.is(index, "ASC") => self.order = Some(Order::Ascending),
            _ if args.is(index, "DESC") => self.order = Some(Order::Descending),
            _ if args.is(index, "COUNT") && more >= 1 => {
                let count = usize::try_from(args.integer(index + 1)?).ok();
                let count = count.filter(|count| *count > 0);
                self.count = Some(count.ok_or(Error::Static("ERR COUNT must be > 0"))?);
                return Ok(1);
            }
            _ if form.stores() && more >= 1 && is_store(args, index) => {
                self.destination = Some(index + 1);
                self.by_distance = args.is(index, "STOREDIST");
                return Ok(1);
            }
            _ if form == Form::SearchStore && args.is(index, "STOREDIST") => {
                self.by_distance = true;
            }
            _ if form.is_search() => return self.parse_search(args, index, set),
            _ => return Err(Error::Syntax),
        }
        Ok(0)
    }

    /// Reads the center or the shape at `index`, as [`Query::parse_option`].
    fn parse_search(
        &mut self,
        args: Args<'_>,
        index: usize,
        set: Option<&SortedSet>,
    ) -> Result<usize, Error> {
        let more = args.len() - index - 1;
        let is_circle = self
            .shape
            .map(|(shape, _)| matches!(shape, Shape::Circle { .. }));
        let from_position = self.center.is_some() && !self.from_member;
        match () {
            _ if args.is(index, "FROMMEMBER") && more >= 1 && !from_position => {
                if let Some(set) = set {
                    self.center = Some(center(set, args.get(index + 1))?);
                }
                self.from_member = true;
                Ok(1)
            }
            _ if args.is(index, "FROMLONLAT") && more >= 2 && !self.from_member => {
                self.center = Some(position(args, index + 1)?);
                Ok(2)
            }
            _ if args.is(index, "BYRADIUS") && more >= 2 && is_circle != Some(false) => {
                self.shape = Some(circle(args, index + 1)?);
                Ok(2)
            }
            _ if args.is(index, "BYBOX") && more >= 3 && is_circle != Some(true) => {
                self.shape = Some(rectangle(args, index + 1)?);
                Ok(3)
            }
            _ => Err(Error::Syntax),
        }
    }

    /// Checks what only all options together show.
    fn check(&self, args: Args<'_>, form: Form) -> Result<(), Error> {
        let with = self.with_distance || self.with_hash || self.with_position;
        if self.destination.is_some() && with {
            return Err(Error::Static(match form {
                Form::SearchStore => {
                    "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
                }
                _ => {
                    "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
                }
            }));
        }
        let missing = match () {
            _ if !form.is_search() => None,
            _ if self.center.is_none() && !self.from_member => Some("FROMMEMBER or FROMLONLAT"),
            _ if self.shape.is_none() => Some("BYRADIUS and BYBOX"),
            _ => None,
        };
        if let Some(words) = missing {
            let text = format!("ERR exactly one of {words} can be specified for ");
            return Err(Error::quoting(&text, args.get(0), ""));
        }
        if self.any && self.count.is_none() {
            return Err(Error::Static(
                "ERR the ANY argument requires COUNT argument",
            ));
        }
        Ok(())
    }

    /// The members that were asked for, in order.
    fn find<'a>(&self, set: Option<&'a SortedSet>) -> Found<'a> {
        let (Some(set), Some(center), Some((shape, unit))) = (set, self.center, self.shape) else {
            return Found::default();
        };
        let search = Search {
            center,
            shape,
            unit,
        };
        let mut points = Vec::new();
        let enough = self.count.filter(|_| self.any).unwrap_or(usize::MAX);
        for (from, to) in search.ranges() {
            if points.len() >= enough {
                break;
            }
            let first = set.partition_point_by_score(|score| score < from);
            for (member, score) in set.range(first, usize::MAX) {
                if score >= to {
                    break;
                }
                let position = Position::of_score(score);
                if let Some(distance) = search.distance(position) {
                    points.push(Point {
                        member,
                        score,
                        position,
                        distance,
                    });
                }
                if points.len() >= enough {
                    break;
                }
            }
        }
        self.arrange(&mut points);
        Found { points, unit }
    }

    /// Puts the points in order, and leaves as many as were asked for.
    fn arrange(&self, points: &mut Vec<Point<'_>>) {
        let nearest = (self.count.is_some() && !self.any).then_some(Order::Ascending);
        let wanted = self
            .count
            .map_or(points.len(), |count| count.min(points.len()));
        let compare = |one: &Point<'_>, other: &Point<'_>| one.distance.total_cmp(&other.distance);
        let by = |order: Order| {
            move |one: &Point<'_>, other: &Point<'_>| -> Ordering {
                match order {
                    Order::Ascending => compare(one, other),
                    Order::Descending => compare(other, one),
                }
            }
        };
        match self.order.or(nearest) {
            Some(order) if wanted < points.len() => sort_part(points, 0..wanted, by(order)),
            Some(order) => points.sort_by(by(order)),
            None => {}
        }
        points.truncate(wanted);
    }
}

fn is_store(args: Args<'_>, index: usize) -> bool {
    args.is(index, "STORE") || args.is(index, "STOREDIST")
}

/// The position of a member, which is to be the center.
fn center(set: &SortedSet, member: &[u8]) -> Result<Position, Error> {
    position_of(set, member).ok_or(Error::Static("ERR could not decode requested zset member"))
}

/// Arguments `index` and the next as radius and unit.
fn circle(args: Args<'_>, index: usize) -> Result<(Shape, f64), Error> {
    let radius = extent(args, index, "ERR need numeric radius")?;
    if radius < 0.0 {
        return Err(Error::Static("ERR radius cannot be negative"));
    }
    Ok((Shape::Circle { radius }, unit(args, index + 1)?))
}

/// Arguments `index` and the next two as width, height and unit.
fn rectangle(args: Args<'_>, index: usize) -> Result<(Shape, f64), Error> {
    let width = extent(args, index, "ERR need numeric width")?;
    let height = extent(args, index + 1, "ERR need numeric height")?;
    if width < 0.0 || height < 0.0 {
        return Err(Error::Static("ERR height or width cannot be negative"));
    }
    Ok((Shape::Box { width, height }, unit(args, index + 2)?))
}

fn extent(args: Args<'_>, index: usize, otherwise: &'static str) -> Result<f64, Error> {
    number::parse_f64(args.get(index)).ok_or(Error::Static(otherwise))
}

/// A member that was found.
struct Point<'a> {
    member: &'a [u8],
    score: f64,
    position: Position,
    /// In metres from the center.
    distance: f64,
}

/// What was found, and the metres of the unit.
#[derive(Default)]
struct Found<'a> {
    points: Vec<Point<'a>>,
    unit: f64,
}

impl Found<'_> {
    fn write(&self, query: &Query, reply: &mut Reply<'_>) {
        let with = [query.with_distance, query.with_hash, query.with_position];
        let parts = with.into_iter().filter(|with| *with).count();
        reply.array(self.points.len());
        for point in &self.points {
            if parts > 0 {
                reply.array(parts + 1);
            }
            reply.bulk(point.member);
            if query.with_distance {
                write_distance(point.distance / self.unit, reply);
            }
            if query.with_hash {
                reply.integer(geo::to_integer(point.score));
            }
            if query.with_position {
                write_position(point.position, reply);
            }
        }
    }

    /// The members with their scores, or with their distances.
    fn into_set(self, by_distance: bool, limits: Limits) -> SortedSet {
        let mut set = SortedSet::new();
        set.expect(self.points.len(), limits);
        for point in &self.points {
            let score = match by_distance {
                true => point.distance / self.unit,
                false => point.score,
            };
            set.insert(point.member, score, limits);
        }
        set
    }
}

fn answer(view: &View<'_>, args: Args<'_>, form: Form, reply: &mut Reply<'_>) -> CommandResult {
    let set = view.object::<SortedSet>(args.key(form.source()))?;
    let query = Query::parse(args, form, set)?;
    query.find(set).write(&query, reply);
    Ok(())
}

fn answer_or_store(
    db: &mut Db<'_>,
    args: Args<'_>,
    form: Form,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let source = args.key(form.source());
    // The look-up that counts.
    db.read(source)
        .map(Entry::object::<SortedSet>)
        .transpose()?;
    let limits = db.access.sorted_set_limits();
    let view = db.view();
    let set = view.peek(source).map(Entry::object).transpose()?;
    let query = Query::parse(args, form, set)?;
    let found = query.find(set);
    let Some(destination) = query.destination else {
        found.write(&query, reply);
        return Ok(());
    };
    let result = found.into_set(query.by_distance, limits);
    let count = result.len();
    let event = match form.is_search() {
        true => "geosearchstore",
        false => "georadiusstore",
    };
    db.store_object(args.key(destination), result, event);
    db.count_more(count.saturating_sub(1) as u64);
    reply.count(count);
    Ok(())
}
