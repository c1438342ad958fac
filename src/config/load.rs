//! Settings at start-up: a configuration file or standard input, then the environment, then the
//! command line. What comes later wins.

use std::collections::BTreeSet;
use std::ffi::{CString, OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::table::{Id, NAMES};
use super::value::{Reason, Value, os_text, parse};
use super::words::quote;
use super::{Config, REDIS_VERSION};
use crate::types::quoting::split_args;

/// Environment variables with this prefix name settings: `REDOUBLE_MAXMEMORY=1gb`.
const PREFIX: &str = "REDOUBLE_";

/// How deep `include` may nest; a file that includes itself ends here.
const DEEPEST_INCLUDE: usize = 16;

/// Names that old configuration files hold, each with one value, and that mean nothing any more.
const RETIRED: [&str; 3] = [
    "list-max-ziplist-entries",
    "list-max-ziplist-value",
    "lua-replicate-commands",
];

/// Directives that are no settings: name, fewest and most words behind it. Except `include` they
/// have no effect.
const DIRECTIVES: [(&str, usize, usize); 4] = [
    ("include", 1, 1),
    ("rename-command", 2, 2),
    ("user", 1, usize::MAX),
    ("loadmodule", 1, usize::MAX),
];

/// Where settings come from.
#[derive(Debug)]
pub struct Sources<R> {
    /// The arguments behind the program's name.
    pub arguments: Vec<OsString>,
    /// The environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Read if an argument is `-`.
    pub stdin: R,
}

/// Settings, and what the log should say about them once it is open.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// Lines for the log.
    pub notices: Vec<String>,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file cannot be read.
    #[error("Fatal error, can't open config file '{file}': {reason}")]
    Open {
        /// The file as it was named.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// A line is wrong.
    #[error(
        "\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***\n\
         Reading {place}, at line {line}\n>>> '{text}'\n{reason}"
    )]
    Line {
        /// The file, or the variable of the environment.
        place: String,
        /// Counted from 1. Arguments count as lines behind the file's.
        line: usize,
        /// The line.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads the settings from all sources.
///
/// # Errors
/// The first line that is wrong, or a file that cannot be read.
pub fn load<R: Read>(mut sources: Sources<R>) -> Result<Loaded, LoadError> {
    let mut loader = Loader::default();
    let arguments = Arguments::read(&sources.arguments);
    let mut text = Vec::new();
    if let Some(file) = &arguments.file {
        text = read_files(file)?;
        let path = PathBuf::from(OsStr::from_bytes(file));
        loader.config.file = Some(std::path::absolute(&path).unwrap_or(path));
    }
    if arguments.stdin {
        end_line(&mut text);
        let read = sources.stdin.read_to_end(&mut text);
        read.map_err(|error| LoadError::Open {
            file: "-".to_owned(),
            reason: os_text(&error),
        })?;
    }
    let lines = text.iter().filter(|&&byte| byte == b'\n').count();
    loader.read_text(&text, "the configuration file", 1, 0)?;
    loader.read_environment(&sources.environment)?;
    loader.read_text(&arguments.options, "the configuration file", lines + 2, 0)?;
    Ok(loader.finish())
}

/// What a command line holds, once cut up.
#[derive(Debug, Default, PartialEq)]
struct Arguments {
    file: Option<Vec<u8>>,
    stdin: bool,
    /// The options as lines of a configuration file.
    options: Vec<u8>,
}

impl Arguments {
    fn read(arguments: &[OsString]) -> Self {
        let mut read = Arguments::default();
        let mut rest: Vec<&[u8]> = arguments.iter().map(|word| word.as_bytes()).collect();
        if let Some(first) = rest.first()
            && first.first() != Some(&b'-')
        {
            read.file = Some(first.to_vec());
            rest.remove(0);
        }
        let last = rest.len().saturating_sub(1);
        let is_stdin =
            |at: usize| rest[at] == b"-" && (at == last || (at == 0 && read.file.is_none()));
        read.stdin = (0..rest.len()).any(is_stdin);
        let options = (0..rest.len())
            .filter(|&at| !is_stdin(at))
            .map(|at| rest[at]);
        read.options = option_lines(&options.collect::<Vec<_>>());
        read
    }
}

/// Turns `--name value …` into lines of a configuration file.
///
/// A word that begins with `--` opens a line, unless the line before it still lacks its value: that
/// is how a password may begin with dashes. One word may hold name and value. `--save` without a
/// value stands for `--save ""`.
fn option_lines(words: &[&[u8]]) -> Vec<u8> {
    let mut lines = Vec::new();
    let mut lacks_value = false;
    for (at, word) in words.iter().enumerate() {
        match word.strip_prefix(b"--") {
            Some(option) if !lacks_value => {
                if !lines.is_empty() {
                    lines.push(b'\n');
                }
                lines.extend([option, b" "].concat());
                lacks_value = split_args(word).is_some_and(|words| words.len() == 1);
                let next = words.get(at + 1);
                let ends = next.is_none_or(|next| next.starts_with(b"--"));
                if ends && word.eq_ignore_ascii_case(b"--save") {
                    lines.extend(b"\"\"");
                    lacks_value = false;
                }
            }
            _ => {
                lines.extend(quote(word));
                lines.push(b' ');
                lacks_value = false;
            }
        }
    }
    lines
}

/// Reads a file, or all files that a pattern matches. A pattern may match none.
fn read_files(name: &[u8]) -> Result<Vec<u8>, LoadError> {
    let files = match name.iter().any(|byte| b"*?[".contains(byte)) {
        true => expand_pattern(name),
        false => vec![name.to_vec()],
    };
    let mut text = Vec::new();
    for file in files {
        let read = std::fs::read(OsStr::from_bytes(&file)).map_err(|error| LoadError::Open {
            file: String::from_utf8_lossy(&file).into_owned(),
            reason: os_text(&error),
        })?;
        end_line(&mut text);
        text.extend(read);
    }
    Ok(text)
}

/// Keeps a last line without an end from running into what follows.
fn end_line(text: &mut Vec<u8>) {
    if text.last().is_some_and(|&byte| byte != b'\n') {
        text.push(b'\n');
    }
}

/// The files that a pattern matches, in alphabetical order.
fn expand_pattern(pattern: &[u8]) -> Vec<Vec<u8>> {
    let Ok(pattern) = CString::new(pattern) else {
        return Vec::new();
    };
    // SAFETY: `glob_t` is a plain C structure, for which all zeros is a value.
    let mut found: libc::glob_t = unsafe { std::mem::zeroed() };
    // SAFETY: the pattern ends with a zero byte and `found` outlives the call.
    let status = unsafe { libc::glob(pattern.as_ptr(), 0, None, &mut found) };
    let mut files = Vec::new();
    if status == 0 {
        for at in 0..found.gl_pathc {
            // SAFETY: glob succeeded, so `gl_pathv` holds `gl_pathc` strings.
            let path = unsafe { std::ffi::CStr::from_ptr(*found.gl_pathv.add(at)) };
            files.push(path.to_bytes().to_vec());
        }
    }
    // SAFETY: `found` was zeroed, then filled by `glob` alone, and is not used again.
    unsafe { libc::globfree(&mut found) };
    files
}

/// Reads settings line by line.
#[derive(Default)]
struct Loader {
    config: Config,
    /// Whether a `save` was read: the first replaces the default, the others add to it.
    save_given: bool,
    /// Names that were given and do nothing.
    idle: BTreeSet<String>,
    notices: Vec<String>,
}

impl Loader {
    fn read_text(
        &mut self,
        text: &[u8],
        place: &str,
        first_line: usize,
        depth: usize,
    ) -> Result<(), LoadError> {
        for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            let wrong = |reason: Reason| LoadError::Line {
                place: place.to_owned(),
                line: first_line + at,
                text: String::from_utf8_lossy(line).into_owned(),
                reason: reason.into_owned(),
            };
            let words = split_args(line)
                .ok_or_else(|| wrong("Unbalanced quotes in configuration line".into()))?;
            match &words[..] {
                [] => {}
                [name, file] if name.eq_ignore_ascii_case(b"include") => {
                    if depth == DEEPEST_INCLUDE {
                        return Err(wrong("include is nested too deeply".into()));
                    }
                    self.read_text(&read_files(file)?, place, 1, depth + 1)?;
                }
                [name, values @ ..] => self.read_directive(name, values).map_err(wrong)?,
            }
        }
        Ok(())
    }

    fn read_directive(&mut self, name: &[u8], values: &[Vec<u8>]) -> Result<(), Reason> {
        if let Some((_, id)) = Id::find(name) {
            return self.read_setting(id, values);
        }
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        if RETIRED.contains(&name.as_str()) && values.len() == 1 {
            return Ok(());
        }
        let known = DIRECTIVES.iter().any(|(directive, fewest, most)| {
            *directive == name && (*fewest..=*most).contains(&values.len())
        });
        let of_a_module = name.contains('.');
        if of_a_module && values.is_empty() {
            return Err("Module config specified without value".into());
        }
        if known || of_a_module {
            self.idle.insert(name);
            return Ok(());
        }
        let hint = match nearest(&name) {
            Some(nearest) if nearest != name => format!("\nDid you mean '{nearest}'?"),
            _ => String::new(),
        };
        Err(format!("Bad directive or wrong number of arguments{hint}").into())
    }

    fn read_setting(&mut self, id: Id, values: &[Vec<u8>]) -> Result<(), Reason> {
        let setting = id.setting();
        let words = match values {
            [value] if setting.takes_many() && !value.is_empty() => {
                split_args(value).ok_or("Unbalanced quotes in configuration line")?
            }
            _ => values.to_vec(),
        };
        let mut value = parse(id, &words, &self.config.value(id))?;
        if id == Id::Save {
            value = self.add_save(value);
        }
        self.config.store(id, &value);
        if !setting.used {
            self.idle.insert(setting.name.to_owned());
        }
        Ok(())
    }

    /// Save points add up over several lines; an empty one adds none, but takes away the default.
    fn add_save(&mut self, new: Value) -> Value {
        let old = self.config.text(Id::Save);
        let first = !std::mem::replace(&mut self.save_given, true);
        match new {
            Value::Text(new) if !first && !new.is_empty() && !old.is_empty() => {
                Value::Text([&old[..], &new[..]].join(&b' ').into())
            }
            new => new,
        }
    }

    /// `REDIS_PASSWORD`, then `REDOUBLE_…` by name, then `REDIS_ARGS`.
    fn read_environment(&mut self, environment: &[(OsString, OsString)]) -> Result<(), LoadError> {
        let find = |wanted: &str| environment.iter().find(|(name, _)| name == wanted);
        if let Some((_, password)) = find("REDIS_PASSWORD") {
            let line = [b"requirepass ", &quote(password.as_bytes())[..]].concat();
            self.read_variable("REDIS_PASSWORD", &line)?;
        }
        let mut named: Vec<(&str, &[u8])> = environment
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value.as_bytes())))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        named.sort_unstable();
        for (variable, value) in named {
            self.read_named_variable(variable, value)?;
        }
        if let Some((_, arguments)) = find("REDIS_ARGS") {
            let words = split_args(arguments.as_bytes()).ok_or_else(|| LoadError::Line {
                place: "the environment variable REDIS_ARGS".to_owned(),
                line: 1,
                text: arguments.to_string_lossy().into_owned(),
                reason: "Unbalanced quotes".to_owned(),
            })?;
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            self.read_variable("REDIS_ARGS", &option_lines(&words))?;
        }
        Ok(())
    }

    fn read_named_variable(&mut self, variable: &str, value: &[u8]) -> Result<(), LoadError> {
        let name = variable[PREFIX.len()..]
            .to_ascii_lowercase()
            .replace('_', "-");
        if Id::find(name.as_bytes()).is_none() {
            let hint = nearest(&name).map(|nearest| {
                let nearest = nearest.to_ascii_uppercase().replace('-', "_");
                format!("; did you mean {PREFIX}{nearest}?")
            });
            let hint = hint.unwrap_or_default();
            self.notices
                .push(format!("{variable} names no setting and is ignored{hint}"));
            return Ok(());
        }
        // Container platforms describe a service called "redouble" in variables of this form.
        if name == "port" && value.starts_with(b"tcp://") {
            self.notices
                .push(format!("{variable} describes a service and is ignored"));
            return Ok(());
        }
        let line = [name.as_bytes(), b" ", &quote(value)].concat();
        self.read_variable(variable, &line)
    }

    fn read_variable(&mut self, variable: &str, line: &[u8]) -> Result<(), LoadError> {
        self.read_text(line, &format!("the environment variable {variable}"), 1, 0)
    }

    fn finish(mut self) -> Loaded {
        if !self.idle.is_empty() {
            let names: Vec<String> = self.idle.into_iter().collect();
            let names = names.join(", ");
            self.notices.push(format!(
                "Accepted, but without effect in this server: {names}"
            ));
        }
        Loaded {
            config: self.config,
            notices: self.notices,
        }
    }
}

/// The known name that is most like this one, if any is.
fn nearest(name: &str) -> Option<&'static str> {
    let settings = NAMES.keys().copied();
    let known = settings.chain(DIRECTIVES.iter().map(|(directive, ..)| *directive));
    let rated = known.map(|known| (strsim::jaro_winkler(name, known), known));
    let (likeness, best) = rated.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (likeness > 0.85).then_some(best)
}
