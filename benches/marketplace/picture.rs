//! The picture: bars in groups, one panel for each figure. It brings its own background, so that it can be read on a dark
//! page too.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::support::Result;

/// A group of bars: what stands below it, and one value for each server.
pub struct Group {
    pub name: String,
    pub values: Vec<Option<f64>>,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = std::result::Result<(), Box<dyn Error>>;

const SIZE: (u32, u32) = (960, 340);
const HEADER: i32 = 44;
const PAPER: RGBColor = RGBColor(255, 255, 255);
const INK: RGBColor = RGBColor(31, 41, 55);
const RULE: RGBColor = RGBColor(209, 213, 219);
/// The first server's bars, and the second's.
const COLORS: [RGBColor; 2] = [RGBColor(194, 65, 12), RGBColor(100, 116, 139)];

/// Draws `panels`, each with its title, to the SVG file `path`. `servers` are the names for the legend.
pub fn draw(path: &Path, servers: &[String], panels: &[(&str, Vec<Group>)]) -> Result<()> {
    let mut text = String::new();
    // The plotting crate's errors need not be Send; their text is all that is wanted of them.
    draw_into(&mut text, servers, panels).map_err(|error| error.to_string())?;
    Ok(std::fs::write(path, text + "\n")?)
}

fn draw_into(text: &mut String, servers: &[String], panels: &[(&str, Vec<Group>)]) -> Drawn {
    let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
    root.fill(&PAPER)?;
    let (header, body) = root.split_vertically(HEADER);
    draw_legend(&header, servers)?;
    for (area, (title, groups)) in body.split_evenly((1, panels.len())).iter().zip(panels) {
        draw_panel(area, title, groups)?;
    }
    root.present()?;
    Ok(())
}

fn words(size: i32, at: HPos) -> TextStyle<'static> {
    let style = TextStyle::from(("sans-serif", size));
    style.color(&INK).pos(Pos::new(at, VPos::Center))
}

fn draw_legend(area: &Area<'_>, servers: &[String]) -> Drawn {
    let middle = HEADER / 2 + 2;
    let title = "Marketplace by listers:buyers, less is better";
    area.draw(&Text::new(title, (20, middle), words(20, HPos::Left)))?;
    for (index, (server, color)) in servers.iter().zip(COLORS).enumerate() {
        let left = SIZE.0 as i32 - 380 + 180 * index as i32;
        let square = [(left, middle - 6), (left + 12, middle + 6)];
        area.draw(&Rectangle::new(square, color.filled()))?;
        let place = (left + 18, middle);
        area.draw(&Text::new(server.as_str(), place, words(17, HPos::Left)))?;
    }
    Ok(())
}

/// Every bar has its value above it, so that the axis needs only faint lines.
fn draw_panel(area: &Area<'_>, title: &str, groups: &[Group]) -> Drawn {
    let values = groups.iter().flat_map(|group| group.values.iter());
    let highest = values.flatten().copied().fold(f64::MIN_POSITIVE, f64::max);
    let mut chart = ChartBuilder::on(area)
        .margin(16)
        .caption(title, words(17, HPos::Center))
        .x_label_area_size(24)
        .build_cartesian_2d(0.0..groups.len() as f64, 0.0..highest * 1.12)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_y_axis()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RULE)
        .axis_style(INK)
        .x_labels(0)
        .y_labels(5)
        .draw()?;
    for (index, group) in groups.iter().enumerate() {
        let width = 0.8 / group.values.len() as f64;
        for (server, value) in group.values.iter().enumerate() {
            let left = index as f64 + 0.1 + server as f64 * width;
            let middle = left + width / 2.0;
            // Nothing was bought: a dash, and no bar.
            let text = value.map_or_else(|| "-".to_owned(), shown);
            let height = value.unwrap_or(0.0);
            let bar = [(left + 0.02, 0.0), (left + width - 0.02, height)];
            let color = COLORS[server % COLORS.len()].filled();
            let style = words(15, HPos::Center).pos(Pos::new(HPos::Center, VPos::Bottom));
            chart.draw_series([Rectangle::new(bar, color)])?;
            chart.draw_series([Text::new(text, (middle, height + highest * 0.01), style)])?;
        }
        let (x, y) = chart.backend_coord(&(index as f64 + 0.5, 0.0));
        let (left, top) = area.get_base_pixel();
        let place = (x - left, y - top + 16);
        area.draw(&Text::new(
            group.name.as_str(),
            place,
            words(17, HPos::Center),
        ))?;
    }
    Ok(())
}

/// About three digits.
fn shown(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
