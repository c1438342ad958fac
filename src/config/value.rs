//! From words to a setting's value and back: types, limits and Redis's error texts.

use std::borrow::Cow;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use super::notify;
use super::table::{
    Check, Choices, Id, Kind, Number, SHUTDOWN_NOSAVE, SHUTDOWN_SAVE, Setting, Special, Unit,
};

/// Why a value was refused, in Redis's words.
pub(crate) type Reason = Cow<'static, str>;

/// A setting's value in the form it is kept in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Numbers, flags and choices. Signed numbers in two's complement.
    Number(u64),
    Text(Arc<[u8]>),
    Limits([OutputLimit; 3]),
}

/// When a client is closed because it does not read its replies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Unsent bytes at which the client is closed at once; 0: never.
    pub hard: u64,
    /// Unsent bytes at which it is closed if it stays above them for `seconds`; 0: never.
    pub soft: u64,
    /// How long it may stay above `soft`.
    pub seconds: u64,
}

/// The classes of clients in the order of [`Value::Limits`], as CONFIG GET names them.
const OUTPUT_CLASSES: [&str; 3] = ["normal", "slave", "pubsub"];

const MOST_BIND_ADDRESSES: usize = 16;
const LONGEST_HOST_NAME: usize = 255;
const HZ_LIMITS: (u64, u64) = (1, 500);
const DEFAULT_OUTPUT_LIMITS: [OutputLimit; 3] = [
    OutputLimit {
        hard: 0,
        soft: 0,
        seconds: 0,
    },
    OutputLimit {
        hard: 256 << 20,
        soft: 64 << 20,
        seconds: 60,
    },
    OutputLimit {
        hard: 32 << 20,
        soft: 8 << 20,
        seconds: 60,
    },
];

/// The value a setting has when nobody gives one.
pub(crate) fn default_value(id: Id) -> Value {
    if id == Id::Threads {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        return Value::Number(threads.min(64) as u64);
    }
    match id.setting().kind {
        Kind::Flag(on) => Value::Number(on.into()),
        Kind::Number(number) => Value::Number(number.default as u64),
        Kind::Choice(choices, name) | Kind::Flags(choices, name) => {
            Value::Number(find_choice(choices, name.as_bytes()).unwrap_or_default())
        }
        Kind::Text(text, _) => text_value(text),
        Kind::Special(special) => match special {
            Special::Bind => text_value("* -::*"),
            Special::ClientOutputBufferLimit => Value::Limits(DEFAULT_OUTPUT_LIMITS),
            Special::LatencyTrackingInfoPercentiles => text_value("50 99 99.9"),
            Special::NotifyKeyspaceEvents => Value::Number(0),
            Special::OomScoreAdjValues => text_value("0 200 800"),
            Special::Save => text_value("3600 1 300 100 60 10000"),
            Special::Dir | Special::Replicaof => text_value(""),
        },
    }
}

/// Reads a value. `old` is what the setting holds now: some values say only what changes.
pub(crate) fn parse(id: Id, words: &[impl AsRef<[u8]>], old: &Value) -> Result<Value, Reason> {
    let setting = id.setting();
    let words: Vec<&[u8]> = words.iter().map(AsRef::as_ref).collect();
    if let Kind::Special(special) = setting.kind {
        return parse_special(special, &words, old);
    }
    if let Kind::Flags(choices, _) = setting.kind {
        return parse_flags(choices, &words);
    }
    let [word] = words[..] else {
        return Err("wrong number of arguments".into());
    };
    match setting.kind {
        Kind::Flag(_) => parse_flag(word),
        Kind::Number(number) => {
            let value = parse_number(&number, word)?;
            Ok(Value::Number(if id == Id::Hz {
                value.clamp(HZ_LIMITS.0, HZ_LIMITS.1)
            } else {
                value
            }))
        }
        Kind::Choice(choices, _) => find_choice(choices, word)
            .map(Value::Number)
            .ok_or_else(|| no_such_choice(choices)),
        Kind::Text(_, check) => {
            check_text(setting, check, word)?;
            Ok(Value::Text(word.into()))
        }
        Kind::Flags(..) | Kind::Special(_) => unreachable!("handled above"),
    }
}

/// Writes a value as CONFIG GET shows it.
pub(crate) fn format(id: Id, value: &Value) -> Vec<u8> {
    match (id.setting().kind, value) {
        (Kind::Special(Special::Dir), Value::Text(text)) if text.is_empty() => {
            let here = std::env::current_dir().unwrap_or_default();
            here.into_os_string().into_encoded_bytes()
        }
        (_, Value::Text(text)) => text.to_vec(),
        (_, Value::Limits(limits)) => format_limits(limits).into_bytes(),
        (kind, Value::Number(number)) => format_number(kind, *number).into_bytes(),
    }
}

fn format_number(kind: Kind, value: u64) -> String {
    match kind {
        Kind::Flag(_) => if value == 0 { "no" } else { "yes" }.to_owned(),
        Kind::Choice(choices, _) => choice_name(choices, value).to_owned(),
        Kind::Flags(choices, _) => {
            let set = choices.iter().filter(|(_, bit)| bit & value != 0);
            let names: Vec<&str> = set.map(|(name, _)| *name).collect();
            match names.is_empty() {
                true => choice_name(choices, 0).to_owned(),
                false => names.join(" "),
            }
        }
        Kind::Number(number) => match number.unit {
            Unit::Octal => format!("{value:o}"),
            Unit::MemoryOrPercent if (value as i64) < 0 => {
                format!("{}%", (value as i64).unsigned_abs())
            }
            Unit::Memory | Unit::MemoryOrPercent => value.to_string(),
            Unit::None => (value as i64).to_string(),
        },
        Kind::Special(_) => notify::to_text(value as u32),
        Kind::Text(..) => String::new(),
    }
}

fn format_limits(limits: &[OutputLimit; 3]) -> String {
    let classes = OUTPUT_CLASSES.iter().zip(limits);
    let parts = classes
        .map(|(class, limit)| format!("{class} {} {} {}", limit.hard, limit.soft, limit.seconds));
    parts.collect::<Vec<_>>().join(" ")
}

fn text_value(text: impl AsRef<[u8]>) -> Value {
    Value::Text(text.as_ref().into())
}

fn parse_flag(word: &[u8]) -> Result<Value, Reason> {
    if word.eq_ignore_ascii_case(b"yes") {
        Ok(Value::Number(1))
    } else if word.eq_ignore_ascii_case(b"no") {
        Ok(Value::Number(0))
    } else {
        Err("argument must be 'yes' or 'no'".into())
    }
}

fn find_choice(choices: Choices, word: &[u8]) -> Option<u64> {
    let found = choices
        .iter()
        .find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()))?;
    Some(found.1)
}

/// The name of a choice by its number.
pub(crate) fn choice_name(choices: Choices, value: u64) -> &'static str {
    let found = choices.iter().find(|(_, number)| *number == value);
    found.map_or("unknown", |(name, _)| name)
}

fn no_such_choice(choices: Choices) -> Reason {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    format!("argument(s) must be one of the following: {names}").into()
}

fn parse_flags(choices: Choices, words: &[&[u8]]) -> Result<Value, Reason> {
    let bits = words.iter().map(|word| find_choice(choices, word));
    let bits: Option<Vec<u64>> = bits.collect();
    match bits {
        Some(bits) if !bits.is_empty() => {
            let all = bits.iter().fold(0, |all, bit| all | bit);
            if all & SHUTDOWN_SAVE != 0 && all & SHUTDOWN_NOSAVE != 0 {
                return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
            }
            Ok(Value::Number(all))
        }
        _ => Err(no_such_choice(choices)),
    }
}

fn parse_number(number: &Number, word: &[u8]) -> Result<u64, Reason> {
    let (value, reason) = match number.unit {
        Unit::None => (
            parse_integer(word).map(|value| value as u64),
            "argument couldn't be parsed into an integer",
        ),
        Unit::Memory => (parse_memory(word), "argument must be a memory value"),
        Unit::MemoryOrPercent => (
            parse_memory(word).or_else(|| parse_percent(word)),
            "argument must be a memory or percent value",
        ),
        Unit::Octal => (
            parse_octal(word),
            "argument couldn't be parsed as an octal number",
        ),
    };
    let value = value.ok_or(reason)?;
    check_range(number, value)?;
    Ok(value)
}

fn check_range(number: &Number, value: u64) -> Result<(), Reason> {
    let Number { min, max, .. } = *number;
    let signed = value as i64;
    if number.unit == Unit::MemoryOrPercent && signed < 0 {
        return match i128::from(signed) < min {
            true => Err(format!("percentage argument must be less or equal to {}", -min).into()),
            false => Ok(()),
        };
    }
    let value = match number.unsigned {
        true => i128::from(value),
        false => i128::from(signed),
    };
    if (min..=max).contains(&value) {
        Ok(())
    } else if number.unit == Unit::Octal {
        Err(format!("argument must be between {min:o} and {max:o} inclusive").into())
    } else {
        Err(format!("argument must be between {min} and {max} inclusive").into())
    }
}

/// Digits only, with a minus at most: no plus, no blanks, no zeros in front.
fn parse_integer(word: &[u8]) -> Option<i64> {
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    let well_formed = match digits {
        [b'0'] => word == b"0",
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !well_formed {
        return None;
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// Bytes with an optional unit. What does not fit is cut as 64-bit arithmetic in C cuts it, and a
/// unit alone counts as 0: some configurations rely on both.
pub(crate) fn parse_memory(word: &[u8]) -> Option<u64> {
    let end = word.iter().position(|byte| !byte.is_ascii_digit());
    let (digits, unit) = word.split_at(end.unwrap_or(word.len()));
    let factor: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    if digits.len() >= 128 {
        return None;
    }
    let value = digits.iter().fold(0u64, |value, digit| {
        value
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    Some(value.wrapping_mul(factor))
}

fn parse_percent(word: &[u8]) -> Option<u64> {
    let percent = parse_integer(word.strip_suffix(b"%")?)?;
    (percent >= 0).then_some(-percent as u64)
}

fn parse_octal(word: &[u8]) -> Option<u64> {
    if word.is_empty() {
        return Some(0);
    }
    let word = std::str::from_utf8(word).ok()?;
    i64::from_str_radix(word, 8).ok().map(|value| value as u64)
}

/// A whole number as C's `strtoll` reads it when nothing may follow: an empty word is 0.
fn parse_c_integer(word: &[u8]) -> Option<i64> {
    if word.is_empty() {
        return Some(0);
    }
    std::str::from_utf8(word).ok()?.trim_start().parse().ok()
}

fn check_text(setting: &Setting, check: Check, word: &[u8]) -> Result<(), Reason> {
    let what = setting.name;
    let is_path = word.iter().any(|&byte| byte == b'/' || byte == b'\\');
    match check {
        Check::None => Ok(()),
        Check::AofFileName | Check::AofDirName if word.is_empty() => {
            Err(format!("{what} can't be empty").into())
        }
        Check::DbFileName | Check::AofFileName if is_path => {
            Err(format!("{what} can't be a path, just a filename").into())
        }
        Check::AofDirName if is_path => {
            Err(format!("{what} can't be a path, just a dirname").into())
        }
        Check::DbFileName | Check::AofFileName | Check::AofDirName => Ok(()),
        Check::HostName => check_host_name(word),
        Check::NodeName => match word
            .iter()
            .any(|byte| b"!#$%&()*+:;<>?@[]^{|}~".contains(byte))
        {
            true => Err("Announced human node name contained invalid character".into()),
            false => Ok(()),
        },
        Check::ProcTitle => match is_proc_title(word) {
            true => Ok(()),
            false => Err("template format is invalid or contains unknown variables".into()),
        },
    }
}

fn check_host_name(word: &[u8]) -> Result<(), Reason> {
    if word.len() > LONGEST_HOST_NAME {
        return Err("Hostnames must be less than 256 characters".into());
    }
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    match word.iter().all(allowed) {
        true => Ok(()),
        false => Err("Hostnames may only contain alphanumeric characters, hyphens or dots".into()),
    }
}

/// Whether a process title has only known variables, and something to show when those that may be
/// empty are.
fn is_proc_title(mut template: &[u8]) -> bool {
    let mut shows_something = false;
    while let Some((&byte, rest)) = template.split_first() {
        template = rest;
        if byte != b'{' || rest.first() == Some(&b'{') {
            shows_something |= byte != b' ';
            if byte == b'{' {
                template = &rest[1..];
            }
            continue;
        }
        let Some(end) = rest.iter().position(|&byte| byte == b'}') else {
            return false;
        };
        match &rest[..end] {
            b"listen-addr" | b"port" | b"tls-port" | b"config-file" => shows_something = true,
            b"title" | b"server-mode" | b"unixsocket" => {}
            _ => return false,
        }
        template = &rest[end + 1..];
    }
    shows_something
}

fn parse_special(special: Special, words: &[&[u8]], old: &Value) -> Result<Value, Reason> {
    // One empty word is a way to say "nothing".
    let list = if words == [b""] { &[][..] } else { words };
    match special {
        Special::Bind if list.len() > MOST_BIND_ADDRESSES => {
            Err("Too many bind addresses specified.".into())
        }
        Special::Bind => Ok(text_value(list.join(&b' '))),
        Special::ClientOutputBufferLimit => parse_limits(words, old),
        Special::Dir => parse_dir(words, old),
        Special::LatencyTrackingInfoPercentiles => parse_percentiles(list),
        Special::NotifyKeyspaceEvents => {
            let [word] = words[..] else {
                return Err("wrong number of arguments".into());
            };
            let flags = notify::from_text(word)
                .ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
            Ok(Value::Number(flags.into()))
        }
        Special::OomScoreAdjValues => parse_oom_scores(words),
        Special::Replicaof => parse_replicaof(words),
        Special::Save => parse_save(list),
    }
}

fn parse_limits(words: &[&[u8]], old: &Value) -> Result<Value, Reason> {
    if !words.len().is_multiple_of(4) {
        return Err("Wrong number of arguments in buffer limit configuration.".into());
    }
    let mut limits = match old {
        Value::Limits(limits) => *limits,
        _ => DEFAULT_OUTPUT_LIMITS,
    };
    for entry in words.chunks_exact(4) {
        let class = match entry[0].to_ascii_lowercase().as_slice() {
            b"normal" => 0,
            b"slave" | b"replica" => 1,
            b"pubsub" => 2,
            _ => {
                return Err("Invalid client class specified in buffer limit configuration.".into());
            }
        };
        let seconds = parse_c_integer(entry[3]).and_then(|seconds| u64::try_from(seconds).ok());
        let (Some(hard), Some(soft), Some(seconds)) =
            (parse_memory(entry[1]), parse_memory(entry[2]), seconds)
        else {
            return Err(
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.".into(),
            );
        };
        limits[class] = OutputLimit {
            hard,
            soft,
            seconds,
        };
    }
    Ok(Value::Limits(limits))
}

/// A directory that is there, as an absolute path. A relative one begins at the last that was set.
fn parse_dir(words: &[&[u8]], old: &Value) -> Result<Value, Reason> {
    let [word] = words[..] else {
        return Err("wrong number of arguments".into());
    };
    let path = Path::new(std::ffi::OsStr::from_bytes(word));
    let path = match old {
        // An empty name is no directory, neither here nor there.
        Value::Text(old) if !old.is_empty() && !word.is_empty() => {
            &Path::new(std::ffi::OsStr::from_bytes(old)).join(path)
        }
        _ => path,
    };
    let found = path.canonicalize().and_then(|path| match path.is_dir() {
        true => Ok(path),
        false => Err(std::io::Error::from_raw_os_error(libc::ENOTDIR)),
    });
    match found {
        Ok(path) => Ok(text_value(path.into_os_string().into_encoded_bytes())),
        Err(error) => Err(os_text(&error).into()),
    }
}

/// What the system says about an error, without the number that Rust adds: Redis's form.
pub fn os_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

fn parse_percentiles(words: &[&[u8]]) -> Result<Value, Reason> {
    let mut texts = Vec::with_capacity(words.len());
    for word in words {
        let number = std::str::from_utf8(word)
            .ok()
            .and_then(|word| word.parse::<f64>().ok());
        let Some(number) = number.filter(|number| !number.is_nan()) else {
            return Err("Invalid latency-tracking-info-percentiles parameters".into());
        };
        if !(0.0..=100.0).contains(&number) {
            return Err(
                "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"
                    .into(),
            );
        }
        let text = format!("{number:.6}");
        texts.push(text.trim_end_matches('0').trim_end_matches('.').to_owned());
    }
    Ok(text_value(texts.join(" ")))
}

fn parse_oom_scores(words: &[&[u8]]) -> Result<Value, Reason> {
    if words.len() != 3 {
        return Err("wrong number of arguments".into());
    }
    let mut scores = Vec::with_capacity(words.len());
    for word in words {
        match parse_c_integer(word).filter(|score| (-2000..=2000).contains(score)) {
            Some(score) => scores.push(score.to_string()),
            None => {
                return Err(
                    "Invalid oom-score-adj-values, elements must be between -2000 and 2000.".into(),
                );
            }
        }
    }
    Ok(text_value(scores.join(" ")))
}

fn parse_replicaof(words: &[&[u8]]) -> Result<Value, Reason> {
    let [host, port] = words[..] else {
        return Err("wrong number of arguments".into());
    };
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        return Ok(text_value(""));
    }
    match parse_c_integer(port).filter(|port| (0..=65535).contains(port)) {
        Some(port) => {
            let mut text = host.to_vec();
            text.extend(format!(" {port}").bytes());
            Ok(text_value(text))
        }
        None => Err("Invalid master port".into()),
    }
}

/// Pairs of seconds (at least 1) and changes (at least 0).
fn parse_save(words: &[&[u8]]) -> Result<Value, Reason> {
    let numbers: Option<Vec<i64>> = words.iter().map(|word| parse_c_integer(word)).collect();
    let numbers = numbers
        .filter(|numbers| numbers.len().is_multiple_of(2))
        .filter(|numbers| {
            numbers
                .chunks_exact(2)
                .all(|pair| pair[0] >= 1 && pair[1] >= 0)
        })
        .ok_or("Invalid save parameters")?;
    let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
    Ok(text_value(texts.join(" ")))
}
