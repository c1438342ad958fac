//! Tables of text, medians and ratios.

/// What a cell without a figure shows.
pub const NONE: &str = "-";

/// Rows under a heading. The first columns, as many as `left`, are aligned to the left.
pub struct Table {
    left: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(left: usize, heading: Vec<String>) -> Self {
        Self {
            left,
            rows: vec![heading],
        }
    }

    pub fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    pub fn print(&self, title: &str, markdown: bool) {
        if markdown {
            println!("\n### {title}\n");
        } else {
            println!("\n{title}\n");
        }
        let columns = self.rows[0].len();
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                self.rows
                    .iter()
                    .map(|row| row[column].chars().count())
                    .max()
            })
            .map(|width| width.unwrap_or(0).max(3))
            .collect();
        for (index, row) in self.rows.iter().enumerate() {
            self.print_row(row, &widths, markdown);
            if index == 0 && markdown {
                let rule: Vec<String> = widths
                    .iter()
                    .enumerate()
                    .map(|(column, &width)| match column < self.left {
                        true => "-".repeat(width),
                        false => format!("{}:", "-".repeat(width - 1)),
                    })
                    .collect();
                println!("| {} |", rule.join(" | "));
            }
        }
    }

    fn print_row(&self, row: &[String], widths: &[usize], markdown: bool) {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(column, (text, &width))| match column < self.left {
                true => format!("{text:<width$}"),
                false => format!("{text:>width$}"),
            })
            .collect();
        if markdown {
            println!("| {} |", cells.join(" | "));
        } else {
            println!("{}", cells.join("  ").trim_end());
        }
    }
}

/// The middle value, or the mean of the two middle ones; None without values.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

/// `value` with `digits` after the point.
pub fn figure(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.digits$}"))
}

/// `numerator / denominator` as in "1.25x".
pub fn ratio(numerator: Option<f64>, denominator: Option<f64>) -> String {
    match (numerator, denominator) {
        (Some(numerator), Some(denominator)) if denominator > 0.0 => {
            format!("{:.2}x", numerator / denominator)
        }
        _ => NONE.to_owned(),
    }
}

/// A whole number with a comma before every three digits.
pub fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
