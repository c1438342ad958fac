//! Commands on sorted sets whose scores are positions on Earth.

mod search;

use smallvec::SmallVec;

use crate::commands::sorted_set::update::{self, Options};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::error::Error;
use crate::keyspace::{Db, View};
use crate::resp::{Args, Reply};
use crate::types::geo::Position;
use crate::types::{SortedSet, number};

const READ_KEY: &[KeySpec] = &[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))];

const UNIT: Arg = Arg::new(
    "unit",
    ArgKind::OneOf(&[
        Arg::word("m", "M"),
        Arg::word("km", "KM"),
        Arg::word("ft", "FT"),
        Arg::word("mi", "MI"),
    ]),
);

const MEMBERS: &[Arg] = &[
    Arg::new("key", ArgKind::Key(0)),
    Arg::new("member", ArgKind::String).optional().multiple(),
];

const GEOADD: CommandSpec = CommandSpec::write("GEOADD", Arity::at_least(5), Group::Geo, geoadd)
    .flags(Flags::DENY_OOM)
    .categories(Categories::GEO)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))])
    .doc(
        "3.2.0",
        "O(log(N)) for each member, where N is the number of members of the sorted set.",
        "Adds members with their positions, or changes positions; makes the key if it is missing.",
    )
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new(
            "condition",
            ArgKind::OneOf(&[Arg::word("nx", "NX"), Arg::word("xx", "XX")]),
        )
        .optional()
        .since("6.2.0"),
        Arg::word("change", "CH").optional().since("6.2.0"),
        Arg::new(
            "data",
            ArgKind::Block(&[
                Arg::new("longitude", ArgKind::Double),
                Arg::new("latitude", ArgKind::Double),
                Arg::new("member", ArgKind::String),
            ]),
        )
        .multiple(),
    ]);

fn geoadd(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let mut options = Options::default();
    let mut first = 2;
    while first < args.len() {
        let option = match () {
            _ if args.is(first, "NX") => &mut options.only_new,
            _ if args.is(first, "XX") => &mut options.only_existing,
            _ if args.is(first, "CH") => &mut options.count_changes,
            _ => break,
        };
        *option = true;
        first += 1;
    }
    let left = args.len() - first;
    let contradiction = options.only_new && options.only_existing;
    if left == 0 || !left.is_multiple_of(3) || contradiction {
        return Err(Error::Syntax);
    }
    let scores = (first..args.len())
        .step_by(3)
        .map(|index| Ok(position(args, index)?.score()))
        .collect::<Result<SmallVec<[f64; 8]>, Error>>()?;
    let members = (first..args.len())
        .step_by(3)
        .map(|index| args.get(index + 2));
    let members = scores.iter().copied().zip(members);
    update::add_all(db, args.key(1), options, members, reply)
}

const GEODIST: CommandSpec = CommandSpec::read("GEODIST", Arity::at_least(4), Group::Geo, geodist)
    .categories(Categories::GEO)
    .keys(READ_KEY)
    .doc(
        "3.2.0",
        "O(1)",
        "Returns the distance between the positions of two members.",
    )
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("member1", ArgKind::String),
        Arg::new("member2", ArgKind::String),
        UNIT.optional(),
    ]);

fn geodist(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let unit = match args.len() {
        4 => 1.0,
        5 => unit(args, 4)?,
        _ => return Err(Error::Syntax),
    };
    let set = view.object::<SortedSet>(args.key(1))?;
    let [first, second] = [2, 3].map(|index| set.and_then(|set| position_of(set, args.get(index))));
    match first.zip(second) {
        Some((first, second)) => write_distance(first.distance(second) / unit, reply),
        None => reply.null(),
    }
    Ok(())
}

const GEOHASH: CommandSpec = CommandSpec::read("GEOHASH", Arity::at_least(2), Group::Geo, geohash)
    .categories(Categories::GEO)
    .keys(READ_KEY)
    .doc(
        "3.2.0",
        "O(1) for each member.",
        "Returns the positions of members as geohashes.",
    )
    .args(MEMBERS);

fn geohash(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    each_position(view, args, reply, |position, reply| match position {
        Some(position) => reply.bulk(&position.geohash()),
        None => reply.null(),
    })
}

const GEOPOS: CommandSpec = CommandSpec::read("GEOPOS", Arity::at_least(2), Group::Geo, geopos)
    .categories(Categories::GEO)
    .keys(READ_KEY)
    .doc(
        "3.2.0",
        "O(1) for each member.",
        "Returns the positions of members.",
    )
    .args(MEMBERS);

fn geopos(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    each_position(view, args, reply, |position, reply| match position {
        Some(position) => write_position(position, reply),
        None => reply.null_array(),
    })
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[
    GEOADD,
    GEODIST,
    GEOHASH,
    GEOPOS,
    search::GEORADIUS,
    search::GEORADIUSBYMEMBER,
    search::GEORADIUSBYMEMBER_RO,
    search::GEORADIUS_RO,
    search::GEOSEARCH,
    search::GEOSEARCHSTORE,
];

/// Answers something for the position of each member from argument 2 on, if it is there.
fn each_position(
    view: &View<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    write: impl Fn(Option<Position>, &mut Reply<'_>),
) -> CommandResult {
    let set = view.object::<SortedSet>(args.key(1))?;
    reply.array(args.len() - 2);
    for member in args.from(2) {
        write(set.and_then(|set| position_of(set, member)), reply);
    }
    Ok(())
}

fn position_of(set: &SortedSet, member: &[u8]) -> Option<Position> {
    set.score(member).map(Position::of_score)
}

/// Arguments `index` and the next as longitude and latitude.
fn position(args: Args<'_>, index: usize) -> Result<Position, Error> {
    let degrees = |index: usize| number::parse_f64(args.get(index)).ok_or(Error::NotFloat);
    let (longitude, latitude) = (degrees(index)?, degrees(index + 1)?);
    Position::new(longitude, latitude).ok_or_else(|| {
        Error::text(format!(
            "ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"
        ))
    })
}

/// Argument `index` as a unit, in metres.
fn unit(args: Args<'_>, index: usize) -> Result<f64, Error> {
    match () {
        _ if args.is(index, "M") => Ok(1.0),
        _ if args.is(index, "KM") => Ok(1000.0),
        _ if args.is(index, "FT") => Ok(0.3048),
        _ if args.is(index, "MI") => Ok(1609.34),
        _ => Err(Error::Static(
            "ERR unsupported unit provided. please use M, KM, FT, MI",
        )),
    }
}

/// A distance with four digits behind the point.
fn write_distance(distance: f64, reply: &mut Reply<'_>) {
    let scaled = (distance * 10_000.0).round_ties_even() as u64;
    let text = format!("{}.{:04}", scaled / 10_000, scaled % 10_000);
    reply.bulk(text.as_bytes());
}

/// Longitude and latitude with up to 17 digits behind the point.
fn write_position(position: Position, reply: &mut Reply<'_>) {
    reply.array(2);
    for degrees in [position.longitude, position.latitude] {
        let text = format!("{degrees:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        reply.double(if text == "-0" { "0" } else { text });
    }
}
