//! Positions on Earth as scores of sorted sets, distances between them, and which scores lie near one.
//!
//! A score is the number of a cell: each of its 26 steps halves the longitudes and the latitudes, and tells
//! in two bits which halves. Cells that share their upper bits lie in one larger cell, so that a larger cell
//! is a range of scores. The numbers come out as in Redis to the last bit, because the steps of their
//! computation are the same.

/// Steps of the smallest cells: 52 bits, which a score keeps exactly.
const STEPS: u32 = 26;

/// The limits of EPSG:900913.
const LONGITUDES: Span = Span {
    least: -180.0,
    most: 180.0,
};
const LATITUDES: Span = Span {
    least: -85.05112878,
    most: 85.05112878,
};

const EARTH_RADIUS: f64 = 6_372_797.560856;
/// Half of the extent of the Mercator projection in metres.
const MERCATOR: f64 = 20_037_726.37;
const RADIANS: f64 = std::f64::consts::PI / 180.0;

/// The digits of geohashes.
const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// A range of degrees.
#[derive(Clone, Copy, Debug)]
struct Span {
    least: f64,
    most: f64,
}

impl Span {
    fn has(self, degrees: f64) -> bool {
        (self.least..=self.most).contains(&degrees)
    }

    /// Which of `2^steps` equal parts it is in.
    fn part(self, degrees: f64, steps: u32) -> u32 {
        ((degrees - self.least) / (self.most - self.least) * (1u64 << steps) as f64) as u32
    }

    /// The bounds of a part.
    fn bounds(self, part: u32, steps: u32) -> Span {
        let parts = (1u64 << steps) as f64;
        let bound = |part: u32| self.least + f64::from(part) / parts * (self.most - self.least);
        Span {
            least: bound(part),
            most: bound(part.wrapping_add(1)),
        }
    }
}

/// A position in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// East is positive.
    pub longitude: f64,
    /// North is positive.
    pub latitude: f64,
}

impl Position {
    /// A position that has a score; `None` outside of the limits.
    pub fn new(longitude: f64, latitude: f64) -> Option<Position> {
        let fits = LONGITUDES.has(longitude) && LATITUDES.has(latitude);
        fits.then_some(Position {
            longitude,
            latitude,
        })
    }

    /// The middle of the cell that a score stands for; any score stands for one.
    pub fn of_score(score: f64) -> Position {
        let area = Area::of(Cell {
            bits: to_bits(score),
            steps: STEPS,
        });
        let middle = |span: Span, limits: Span| {
            ((span.least + span.most) / 2.0).clamp(limits.least, limits.most)
        };
        Position {
            longitude: middle(area.longitudes, LONGITUDES),
            latitude: middle(area.latitudes, LATITUDES),
        }
    }

    /// The score of the cell that it lies in.
    pub fn score(self) -> f64 {
        Cell::at(self, STEPS).bits as f64
    }

    /// The geohash of eleven letters. They divide the whole Earth, unlike scores, and the last is always `0`:
    /// the bits are those of ten.
    pub fn geohash(self) -> [u8; 11] {
        let whole = Span {
            least: -90.0,
            most: 90.0,
        };
        let bits = interleave(
            whole.part(self.latitude, STEPS),
            LONGITUDES.part(self.longitude, STEPS),
        );
        std::array::from_fn(|nth| match nth {
            10 => ALPHABET[0],
            _ => ALPHABET[(bits >> (52 - (nth + 1) * 5)) as usize & 31],
        })
    }

    /// The distance in metres along a great circle, by the haversine formula.
    pub fn distance(self, other: Position) -> f64 {
        let v = ((other.longitude * RADIANS - self.longitude * RADIANS) / 2.0).sin();
        if v == 0.0 {
            return self.latitude_distance(other);
        }
        let (first, second) = (self.latitude * RADIANS, other.latitude * RADIANS);
        let u = ((second - first) / 2.0).sin();
        let a = u * u + first.cos() * second.cos() * v * v;
        // On the other side of the Earth it comes out as 1, or a little above.
        2.0 * EARTH_RADIUS * a.sqrt().min(1.0).asin()
    }

    /// The distance in metres if both had one longitude.
    fn latitude_distance(self, other: Position) -> f64 {
        EARTH_RADIUS * (other.latitude * RADIANS - self.latitude * RADIANS).abs()
    }
}

/// A score as 64 bits, as x86-64 converts what does not fit.
fn to_bits(score: f64) -> u64 {
    const HALF: f64 = (1u64 << 63) as f64;
    if score < HALF {
        to_integer(score) as u64
    } else {
        to_integer(score - HALF) as u64 ^ 1 << 63
    }
}

/// A score as a 64-bit integer, as x86-64 converts what does not fit.
pub fn to_integer(score: f64) -> i64 {
    const END: f64 = (1u64 << 63) as f64;
    if (-END..END).contains(&score) {
        score as i64
    } else {
        i64::MIN
    }
}

/// Puts the bits of two numbers side by side, those of `low` first.
fn interleave(low: u32, high: u32) -> u64 {
    spread(low) | spread(high) << 1
}

/// Puts a zero in front of each bit.
fn spread(number: u32) -> u64 {
    let mut x = u64::from(number);
    for (shift, mask) in [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, EVEN),
    ] {
        x = (x | x << shift) & mask;
    }
    x
}

/// Takes every second bit, from the lowest on.
fn gather(bits: u64) -> u32 {
    let mut x = bits & EVEN;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff),
    ] {
        x = (x | x >> shift) & mask;
    }
    x as u32
}

/// The neighbors of a cell, how far they are to the east and to the north, in the order of searches.
const AROUND: [(i8, i8); 8] = [
    (0, 1),
    (0, -1),
    (1, 0),
    (-1, 0),
    (1, 1),
    (-1, 1),
    (1, -1),
    (-1, -1),
];

/// The bits of latitudes.
const EVEN: u64 = 0x5555_5555_5555_5555;

/// A cell of some number of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    bits: u64,
    steps: u32,
}

impl Cell {
    fn at(position: Position, steps: u32) -> Cell {
        let latitude = LATITUDES.part(position.latitude, steps);
        let longitude = LONGITUDES.part(position.longitude, steps);
        Cell {
            bits: interleave(latitude, longitude),
            steps,
        }
    }

    /// The cell so many cells to the east and to the north, each -1, 0 or 1: around the Earth, also from
    /// pole to pole.
    fn neighbor(self, east: i8, north: i8) -> Cell {
        let all = u64::MAX >> (64 - self.steps * 2);
        let latitude = step(self.bits & EVEN, all & EVEN, north);
        let longitude = step(self.bits >> 1 & EVEN, all & EVEN, east);
        Cell {
            bits: latitude | longitude << 1,
            steps: self.steps,
        }
    }

    /// The scores in it, the last exclusive.
    fn scores(self) -> (f64, f64) {
        let score = |bits: u64| (bits << (52 - self.steps * 2)) as f64;
        (score(self.bits), score(self.bits + 1))
    }
}

/// Adds to a number of which only every second bit counts, those of `all`.
fn step(bits: u64, all: u64, by: i8) -> u64 {
    match by {
        0 => bits,
        // With the bits between set, a carry passes through them.
        1.. => (bits | !EVEN).wrapping_add(1) & all,
        _ => bits.wrapping_sub(1) & all,
    }
}

/// The bounds of a cell.
struct Area {
    longitudes: Span,
    latitudes: Span,
}

impl Area {
    fn of(cell: Cell) -> Area {
        Area {
            longitudes: LONGITUDES.bounds(gather(cell.bits >> 1), cell.steps),
            latitudes: LATITUDES.bounds(gather(cell.bits), cell.steps),
        }
    }
}

/// The form of a search, in units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// All up to a distance from the center.
    Circle {
        /// The distance.
        radius: f64,
    },
    /// All up to half of the width to the east and west, and half of the height to the north and south.
    Box {
        /// From west to east.
        width: f64,
        /// From north to south.
        height: f64,
    },
}

/// What is searched for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    /// The middle of the shape.
    pub center: Position,
    /// The shape.
    pub shape: Shape,
    /// Metres of a unit.
    pub unit: f64,
}

impl Search {
    /// The distance of a position from the center in metres, if the shape has it.
    pub fn distance(&self, position: Position) -> Option<f64> {
        match self.shape {
            Shape::Circle { radius } => {
                let distance = self.center.distance(position);
                (distance <= radius * self.unit).then_some(distance)
            }
            Shape::Box { width, height } => {
                let north = position.latitude_distance(self.center);
                if north > height * self.unit / 2.0 {
                    return None;
                }
                let east = position.distance(Position {
                    latitude: position.latitude,
                    ..self.center
                });
                (east <= width * self.unit / 2.0).then(|| self.center.distance(position))
            }
        }
    }

    /// Ranges of scores, the last exclusive, that have all that the shape has, in the order in which Redis goes
    /// through them.
    pub fn ranges(&self) -> impl Iterator<Item = (f64, f64)> {
        let bounds = self.bounds();
        let mut steps = self.estimated_steps();
        if steps > 1 && !covers(Cell::at(self.center, steps), &bounds) {
            steps -= 1;
        }
        let middle = Cell::at(self.center, steps);
        let area = Area::of(middle);
        // Only cells of some steps are small enough to leave any out.
        let far = move |beyond: bool| steps >= 2 && beyond;
        let skipped = move |east: i8, north: i8| {
            far(north < 0 && area.latitudes.least < bounds.latitudes.least)
                || far(north > 0 && area.latitudes.most > bounds.latitudes.most)
                || far(east < 0 && area.longitudes.least < bounds.longitudes.least)
                || far(east > 0 && area.longitudes.most > bounds.longitudes.most)
        };
        let cells = AROUND
            .into_iter()
            .filter(move |(east, north)| !skipped(*east, *north))
            .map(move |(east, north)| middle.neighbor(east, north));
        // Where cells are large, neighbors on both sides are the same.
        let mut last = None;
        let cells = cells.filter(move |cell| last.replace(*cell) != Some(*cell));
        std::iter::once(middle).chain(cells).map(Cell::scores)
    }

    /// A box around the shape; its limits may lie beyond those of the Earth.
    fn bounds(&self) -> Area {
        let (width, height) = match self.shape {
            Shape::Circle { radius } => (radius, radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let Position {
            longitude,
            latitude,
        } = self.center;
        let north = self.unit * height / EARTH_RADIUS / RADIANS;
        // The nearer to the pole, the more degrees.
        let widest = if latitude < 0.0 {
            latitude - north
        } else {
            latitude + north
        };
        let east = self.unit * width / EARTH_RADIUS / (widest * RADIANS).cos() / RADIANS;
        Area {
            longitudes: Span {
                least: longitude - east,
                most: longitude + east,
            },
            latitudes: Span {
                least: latitude - north,
                most: latitude + north,
            },
        }
    }

    /// Steps of cells that are about as large as the shape.
    fn estimated_steps(&self) -> u32 {
        let mut reach = self.unit
            * match self.shape {
                Shape::Circle { radius } => radius,
                Shape::Box { width, height } => {
                    let (east, north) = (width / 2.0, height / 2.0);
                    (east * east + north * north).sqrt()
                }
            };
        if reach == 0.0 {
            return STEPS;
        }
        let mut steps = -1;
        while reach < MERCATOR {
            reach *= 2.0;
            steps += 1;
        }
        let latitude = self.center.latitude.abs();
        steps -= i32::from(latitude > 66.0) + i32::from(latitude > 80.0);
        steps.clamp(1, STEPS as i32) as u32
    }
}

/// Whether a cell and its eight neighbors reach as far as the bounds.
fn covers(middle: Cell, bounds: &Area) -> bool {
    let area = |east, north| Area::of(middle.neighbor(east, north));
    let short = area(0, 1).latitudes.most < bounds.latitudes.most
        || area(0, -1).latitudes.least > bounds.latitudes.least
        || area(1, 0).longitudes.most < bounds.longitudes.most
        || area(-1, 0).longitudes.least > bounds.longitudes.least;
    !short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::chance::Chance;

    fn between(chance: &mut Chance, least: f64, most: f64) -> f64 {
        least + (most - least) * (chance.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn anywhere(chance: &mut Chance, longitude: f64, latitude: f64) -> Position {
        Position {
            longitude: between(chance, -longitude, longitude),
            latitude: between(chance, -latitude, latitude),
        }
    }

    #[test]
    fn scores_keep_positions_to_a_metre() {
        let mut chance = Chance::new(1);
        for _ in 0..10_000 {
            let position = anywhere(&mut chance, 180.0, 85.0);
            let score = position.score();
            assert!((0.0..(1u64 << 52) as f64).contains(&score));
            let decoded = Position::of_score(score);
            assert!(position.distance(decoded) < 1.0, "{position:?} {decoded:?}");
            assert_eq!(decoded.score(), score);
        }
        // The last degrees lie in a part of their own.
        let corner = Position::new(180.0, LATITUDES.most).map(Position::score);
        assert_eq!(corner, Some((3u64 << 52) as f64));
        for (longitude, latitude) in [(180.1, 0.0), (0.0, 85.1), (f64::INFINITY, 0.0)] {
            assert_eq!(Position::new(longitude, latitude), None);
        }
        for score in [-1.0, 1e300, -1e300, f64::INFINITY, f64::NEG_INFINITY, 1e19] {
            let position = Position::of_score(score);
            assert!(Position::new(position.longitude, position.latitude).is_some());
        }
    }

    #[test]
    fn conversions_of_scores_that_are_none() {
        for (score, bits) in [
            (5.9, 5),
            (-1.0, u64::MAX),
            (9.3e18, 9_300_000_000_000_000_000),
            (1e300, 0),
            (-1e300, 1 << 63),
            (f64::INFINITY, 0),
        ] {
            assert_eq!(to_bits(score), bits, "{score}");
        }
        assert_eq!(to_integer(1e300), i64::MIN);
        assert_eq!(to_integer(-2.5), -2);
    }

    #[test]
    fn neighbors_are_next_to_each_other() {
        let mut chance = Chance::new(2);
        for _ in 0..10_000 {
            let steps = 1 + chance.below(26) as u32;
            let parts = 1u64 << steps;
            let (x, y) = (chance.bits() % parts, chance.bits() % parts);
            let cell = Cell {
                bits: interleave(y as u32, x as u32),
                steps,
            };
            assert_eq!(
                (gather(cell.bits >> 1), gather(cell.bits)),
                (x as u32, y as u32)
            );
            for (east, north) in [(1, 0), (-1, 0), (0, 1), (0, -1), (1, -1), (-1, 1)] {
                let moved = |from: u64, by: i8| from.wrapping_add_signed(by.into()) % parts;
                let neighbor = cell.neighbor(east, north);
                assert_eq!(u64::from(gather(neighbor.bits >> 1)), moved(x, east));
                assert_eq!(u64::from(gather(neighbor.bits)), moved(y, north));
            }
        }
    }

    /// Away from the poles and the date line, ranges have all positions that a look at each finds.
    #[test]
    fn ranges_have_all_that_the_shape_has() {
        let mut chance = Chance::new(3);
        let mut found = 0;
        for _ in 0..300 {
            let center = anywhere(&mut chance, 140.0, 60.0);
            let reach = 10f64.powi(chance.below(6) as i32);
            let shape = match chance.below(2) {
                0 => Shape::Circle { radius: reach },
                _ => Shape::Box {
                    width: reach,
                    height: reach * between(&mut chance, 0.1, 3.0),
                },
            };
            let search = Search {
                center,
                shape,
                unit: 1.0,
            };
            let ranges: Vec<_> = search.ranges().collect();
            assert!((1..=9).contains(&ranges.len()));
            for _ in 0..300 {
                let degrees = reach * 3.0 / 111_000.0;
                let score = Position {
                    longitude: center.longitude + between(&mut chance, -degrees, degrees),
                    latitude: center.latitude + between(&mut chance, -degrees, degrees),
                }
                .score();
                let position = Position::of_score(score);
                let within = ranges
                    .iter()
                    .filter(|(from, to)| (*from..*to).contains(&score))
                    .count();
                assert!(within <= 1);
                if search.distance(position).is_some() {
                    found += 1;
                    assert_eq!(within, 1, "{search:?} {position:?}");
                }
            }
        }
        assert!(found > 1_000);
    }

    #[test]
    fn no_search_makes_it_panic() {
        let mut chance = Chance::new(4);
        let numbers = [
            0.0,
            5e-324,
            1e-9,
            1.0,
            1e6,
            2e7,
            1e18,
            1e300,
            f64::MAX,
            f64::INFINITY,
        ];
        for _ in 0..2_000 {
            let mut number = || numbers[chance.below(numbers.len())];
            let shapes = [
                Shape::Circle { radius: number() },
                Shape::Box {
                    width: number(),
                    height: number(),
                },
            ];
            let center = anywhere(&mut chance, 180.0, 85.05);
            for (shape, unit) in shapes.into_iter().zip([0.3048, 1609.34]) {
                let search = Search {
                    center,
                    shape,
                    unit,
                };
                assert!((1..=9).contains(&search.ranges().count()));
                let distance = search.distance(anywhere(&mut chance, 180.0, 85.0));
                assert!(distance.is_none_or(f64::is_finite));
            }
        }
    }

    #[test]
    fn distances_around_the_earth() {
        let at = |longitude, latitude| Position {
            longitude,
            latitude,
        };
        let half = std::f64::consts::PI * EARTH_RADIUS;
        assert_eq!(at(0.0, 0.0).distance(at(0.0, 0.0)), 0.0);
        let mut chance = Chance::new(5);
        for _ in 0..10_000 {
            let here = anywhere(&mut chance, 90.0, 85.0);
            let there = at(here.longitude + 180.0, -here.latitude);
            let distance = here.distance(there);
            assert!((distance - half).abs() < 1.0, "{here:?}: {distance}");
        }
        let north = at(10.0, 20.0).distance(at(10.0, 21.0));
        assert!((north - half / 180.0).abs() < 1e-6);
    }

    #[test]
    fn geohashes_have_eleven_letters() {
        let near_paris = Position {
            longitude: 2.3522,
            latitude: 48.8566,
        };
        assert!(near_paris.geohash().starts_with(b"u09tvw0"));
    }
}
