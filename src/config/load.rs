//! Settings at start-up: a configuration file or standard input, then the environment, then the
//! command line. What comes later wins.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CString, OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::table::{Id, NAMES};
use super::user::{self, User};
use super::value::{Reason, Value, default_value, os_text, parse};
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

/// Directives that are no settings: name, fewest and most words behind it.
const DIRECTIVES: [(&str, usize, usize); 4] = [
    ("include", 1, 1),
    ("rename-command", 2, 2),
    ("user", 1, usize::MAX),
    ("loadmodule", 1, usize::MAX),
];

/// Settings that must not be passed over in silence once they have another value than their default:
/// whoever relies on them would get another server than he thinks, or one that is less guarded.
const REFUSED: [(Id, &str); 4] = [
    (
        Id::Aclfile,
        "users and their rules are not supported: nothing would enforce this file",
    ),
    (
        Id::ClusterEnabled,
        "cluster mode is not supported: this is a standalone server",
    ),
    (
        Id::Replicaof,
        "replication is not supported: this server follows no other",
    ),
    (
        Id::TlsPort,
        "TLS is not supported: connections are plain, to --port or --unixsocket",
    ),
];

/// How many names without effect the log lists even if they have their default values.
const MOST_IDLE_DEFAULTS: usize = 8;

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
    /// Lines for the log on what was asked for and will be missed.
    pub warnings: Vec<String>,
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
         Reading {place}\n>>> '{text}'\n{reason}"
    )]
    Line {
        /// The file and the number of the line in it, or where else it comes from.
        place: String,
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
    if let Some(file) = &arguments.file {
        let path = PathBuf::from(OsStr::from_bytes(file));
        loader.config.file = Some(std::path::absolute(&path).unwrap_or(path));
        loader.read_files(file, 0)?;
    }
    if arguments.stdin {
        let mut text = Vec::new();
        let read = sources.stdin.read_to_end(&mut text);
        read.map_err(|error| LoadError::Open {
            file: "-".to_owned(),
            reason: os_text(&error),
        })?;
        loader.read_text(&text, &Origin::Stdin, 0)?;
    }
    loader.read_environment(&sources.environment)?;
    loader.read_text(&arguments.options, &Origin::Arguments, 0)?;
    loader.finish()
}

/// Where a text of settings comes from.
enum Origin {
    File(String),
    Stdin,
    Variable(String),
    Arguments,
}

impl Origin {
    /// The place of a line, counted from 1.
    fn place(&self, line: usize) -> String {
        match self {
            Origin::File(name) => format!("the configuration file '{name}', at line {line}"),
            Origin::Stdin => format!("the configuration on standard input, at line {line}"),
            Origin::Variable(name) => format!("the environment variable {name}"),
            Origin::Arguments => "the command line".to_owned(),
        }
    }
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
    /// Names that were given and do nothing, but those of settings.
    idle: BTreeSet<String>,
    idle_settings: BTreeMap<&'static str, Id>,
    /// The errors for those of [`REFUSED`] that were given, in case that they keep their values.
    refusals: BTreeMap<&'static str, (Id, LoadError)>,
    /// The password of the default user, if a `user` line made one or took it away.
    user_password: Option<Vec<u8>>,
    notices: Vec<String>,
    warnings: Vec<String>,
}

impl Loader {
    /// Reads a file, or all files that a pattern matches. A pattern may match none.
    fn read_files(&mut self, name: &[u8], depth: usize) -> Result<(), LoadError> {
        let files = match name.iter().any(|byte| b"*?[".contains(byte)) {
            true => expand_pattern(name),
            false => vec![name.to_vec()],
        };
        for file in files {
            let name = String::from_utf8_lossy(&file).into_owned();
            match std::fs::read(OsStr::from_bytes(&file)) {
                Ok(text) => self.read_text(&text, &Origin::File(name), depth)?,
                Err(error) => {
                    let mut reason = os_text(&error);
                    if depth == 0 && Id::find(name.as_bytes()).is_some() {
                        reason += &format!(" (the setting is --{name})");
                    }
                    return Err(LoadError::Open { file: name, reason });
                }
            }
        }
        Ok(())
    }

    fn read_text(&mut self, text: &[u8], origin: &Origin, depth: usize) -> Result<(), LoadError> {
        for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            let wrong = |reason: Reason| LoadError::Line {
                place: origin.place(at + 1),
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
                    self.read_files(&self.in_dir(file), depth + 1)?;
                }
                [name, values @ ..] => {
                    self.read_directive(name, values).map_err(wrong)?;
                    let refused = REFUSED.iter().find(|(id, _)| id.is_called(name));
                    if let Some(&(id, reason)) = refused {
                        let error = wrong(reason.into());
                        self.refusals.insert(id.setting().name, (id, error));
                    }
                }
            }
        }
        Ok(())
    }

    /// A file's name seen from the directory that `dir` has set so far.
    fn in_dir(&self, name: &[u8]) -> Vec<u8> {
        let dir = self.config.text(Id::Dir);
        match name.starts_with(b"/") || dir.is_empty() {
            true => name.to_vec(),
            false => [&dir, &b"/"[..], name].concat(),
        }
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
        if name == "sentinel" {
            Err("Sentinel is not supported: this is a standalone server".into())
        } else if of_a_module && values.is_empty() {
            Err("Module config specified without value".into())
        } else if known {
            self.read_known_directive(&name, values)
        } else if of_a_module {
            self.idle.insert(name);
            Ok(())
        } else {
            let hint = hint(&name);
            Err(format!("Bad directive or wrong number of arguments{hint}").into())
        }
    }

    fn read_known_directive(&mut self, name: &str, values: &[Vec<u8>]) -> Result<(), Reason> {
        let first = String::from_utf8_lossy(&values[0]);
        match name {
            "user" => match user::read(values)? {
                User::Default { password } => self.user_password = Some(password),
                User::Other => self.warnings.push(format!(
                    "There are no users but the default one: '{first}' cannot log in"
                )),
            },
            "loadmodule" => self.warnings.push(format!(
                "There are no modules: '{first}' is not loaded, and its commands are unknown"
            )),
            _ => self.warnings.push(format!(
                "Commands cannot be renamed: {first} keeps its name"
            )),
        }
        Ok(())
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
            self.idle_settings.insert(setting.name, id);
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
                place: Origin::Variable("REDIS_ARGS".to_owned()).place(1),
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
        self.read_text(line, &Origin::Variable(variable.to_owned()), 0)
    }

    fn finish(mut self) -> Result<Loaded, LoadError> {
        for (id, error) in std::mem::take(&mut self.refusals).into_values() {
            if self.config.value(id) != default_value(id) {
                return Err(error);
            }
            self.idle_settings.remove(id.setting().name);
        }
        if let Some(password) = self.user_password.take() {
            self.config
                .store(Id::Requirepass, &Value::Text(password.into()));
        }
        self.notices.extend(self.idle_notice());
        Ok(Loaded {
            config: self.config,
            notices: self.notices,
            warnings: self.warnings,
        })
    }

    /// Names what was given and does nothing. A configuration file gives most settings the values that they
    /// have anyway: these are only counted if they are many.
    fn idle_notice(&self) -> Option<String> {
        let changed = |id: Id| self.config.value(id) != default_value(id);
        let all = self.idle.len() + self.idle_settings.len();
        let named: Vec<&str> = self
            .idle_settings
            .iter()
            .filter(|(_, id)| all <= MOST_IDLE_DEFAULTS || changed(**id))
            .map(|(name, _)| *name)
            .chain(self.idle.iter().map(String::as_str))
            .collect();
        let others = match all - named.len() {
            0 => String::new(),
            others if named.is_empty() => format!("{others} settings with their default values"),
            others => format!(", and {others} more with their default values"),
        };
        (all > 0).then(|| {
            let names = named.join(", ");
            format!("Accepted, but without effect in this server: {names}{others}")
        })
    }
}

/// What whoever wrote an unknown name may have meant: a line more for the error, or nothing.
fn hint(name: &str) -> String {
    let bare = name.trim_start_matches('-');
    let dashes = &name[..name.len() - bare.len()];
    if let Some((setting, value)) = bare.split_once('=')
        && Id::find(setting.as_bytes()).is_some()
    {
        return format!("\nDid you mean '{setting} {value}', without '='?");
    }
    match nearest(bare) {
        Some(nearest) if dashes.is_empty() && nearest != name => {
            format!("\nDid you mean '{nearest}'?")
        }
        Some(nearest) if !dashes.is_empty() => format!("\nDid you mean '--{nearest}'?"),
        _ if dashes == "-" => "\nSettings have two dashes in front, as in --port 6379".to_owned(),
        _ => String::new(),
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
