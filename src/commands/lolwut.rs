//! The pictures of LOLWUT: fields of Braille dots, new at every call.

use crate::commands::spec::CommandResult;
use crate::error::Error;
use crate::random;
use crate::resp::{Args, Reply};

/// The line that every version ends with; tools look for it.
const VERSION_LINE: &str = "Redis ver. 7.4.1\n";

/// Braille characters are two dots wide and four dots high.
const DOTS_X: usize = 2;
const DOTS_Y: usize = 4;

/// `LOLWUT [VERSION version [columns] [rows or squares ...]]`.
///
/// As in Redis 7, only versions 5 and 6 have a picture; any other is the version's line alone.
pub fn run(args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let mut text = String::new();
    if args.len() >= 3 && args.is(1, "VERSION") {
        // Redis keeps the low 32 bits.
        match args.integer(2)? as u32 {
            5 => {
                let columns = option(args, 3, 66, 1_000)?;
                let across = option(args, 4, 8, 200)?;
                let down = option(args, 5, 12, 200)?;
                text = falling_rings(columns, across, down);
            }
            6 => {
                let columns = option(args, 3, 80, 1_000)?;
                let rows = option(args, 4, 20, 1_000)?;
                text = hills(columns, rows);
            }
            _ => {}
        }
    }
    text.push_str(VERSION_LINE);
    reply.verbatim(text.as_bytes());
    Ok(())
}

/// Argument `index` as a size from 1 to `most`; a size outside is moved to the nearest one inside.
fn option(args: Args<'_>, index: usize, default: usize, most: usize) -> Result<usize, Error> {
    if index >= args.len() {
        return Ok(default);
    }
    Ok(args.integer(index)?.clamp(1, most as i64) as usize)
}

/// Dots that are drawn as Braille characters.
struct Canvas {
    columns: usize,
    rows: usize,
    cells: Vec<u8>,
}

impl Canvas {
    /// An empty canvas of so many characters.
    fn new(columns: usize, rows: usize) -> Self {
        Canvas {
            columns,
            rows,
            cells: vec![0; columns * rows],
        }
    }

    /// Sets a dot; outside of the canvas nothing happens.
    fn dot(&mut self, x: f64, y: f64) {
        let (x, y) = (x.round(), y.round());
        if x < 0.0 || y < 0.0 {
            return;
        }
        let (x, y) = (x as usize, y as usize);
        let (column, row) = (x / DOTS_X, y / DOTS_Y);
        if column >= self.columns || row >= self.rows {
            return;
        }
        // Unicode numbers the dots of the upper three rows by column, then those of the fourth.
        let bit = match (x % DOTS_X, y % DOTS_Y) {
            (0, 3) => 6,
            (1, 3) => 7,
            (column, row) => column * 3 + row,
        };
        self.cells[row * self.columns + column] |= 1 << bit;
    }

    fn text(&self) -> String {
        let mut text = String::with_capacity(self.cells.len() * 3 + self.rows);
        for row in self.cells.chunks(self.columns) {
            text.extend(
                row.iter()
                    .filter_map(|&dots| char::from_u32(0x2800 + u32::from(dots))),
            );
            text.push('\n');
        }
        text
    }
}

/// A number between -1 and 1.
fn chance() -> f64 {
    random::below(2_001) as f64 / 1_000.0 - 1.0
}

/// A grid of rings, which stand still at the top and fall out of their places towards the bottom.
fn falling_rings(columns: usize, across: usize, down: usize) -> String {
    let width = (columns * DOTS_X) as f64;
    let step = width / across as f64;
    let rows = ((step * down as f64) / DOTS_Y as f64).ceil().max(1.0) as usize;
    let mut canvas = Canvas::new(columns, rows.min(1_000));
    let radius = step * 0.4;
    let dots = (radius * 7.0).ceil().max(4.0) as usize;
    for row in 0..down {
        let unrest = step * 0.6 * row as f64 / down as f64;
        for column in 0..across {
            let x = (column as f64 + 0.5) * step + chance() * unrest;
            let y = (row as f64 + 0.5) * step + chance() * unrest;
            for dot in 0..dots {
                let (sin, cos) = (dot as f64 / dots as f64 * std::f64::consts::TAU).sin_cos();
                canvas.dot(x + radius * cos, y + radius * sin);
            }
        }
    }
    canvas.text()
}

/// Ranges of hills, one behind the other, each a walk of small steps.
fn hills(columns: usize, rows: usize) -> String {
    let (width, height) = (columns * DOTS_X, (rows * DOTS_Y) as f64);
    let mut canvas = Canvas::new(columns, rows);
    let ranges = rows.clamp(1, 6);
    for range in 0..ranges {
        let mut level = height * (range as f64 + 0.7) / ranges as f64;
        let mut slope = 0.0;
        for x in 0..width {
            slope = (slope * 0.92 + chance() * 0.3).clamp(-1.5, 1.5);
            level += slope;
            canvas.dot(x as f64, level);
            // Every third column is shaded, more thinly with the depth.
            let mut depth = 2.0;
            while x % 3 == 0 && level + depth < height && depth < 16.0 {
                canvas.dot(x as f64, level + depth);
                depth *= 1.6;
            }
        }
    }
    canvas.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_lie_where_braille_has_them() {
        let mut canvas = Canvas::new(2, 1);
        canvas.dot(0.0, 0.0);
        canvas.dot(1.0, 3.0);
        canvas.dot(2.0, 2.0);
        canvas.dot(3.0, 1.0);
        canvas.dot(4.0, 0.0);
        canvas.dot(-1.0, 0.0);
        canvas.dot(0.0, 4.0);
        assert_eq!(canvas.text(), "\u{2881}\u{2814}\n");
    }

    #[test]
    fn pictures_have_the_size_asked_for() {
        for (columns, rows) in [(1, 1), (80, 20), (7, 3)] {
            let text = hills(columns, rows);
            assert_eq!(text.lines().count(), rows);
            assert!(text.lines().all(|line| line.chars().count() == columns));
        }
        for (columns, across, down) in [(1, 1, 1), (66, 8, 12), (1_000, 1, 200), (1, 200, 1)] {
            let text = falling_rings(columns, across, down);
            assert!((1..=1_000).contains(&text.lines().count()));
            assert!(text.lines().all(|line| line.chars().count() == columns));
            assert!(text.contains(|c| c > '\u{2800}'), "nothing is drawn");
        }
    }
}
