//! The script format: cases of one sentence, commands on named connections, and the replies expected.
//!
//! ```text
//! # a comment: a hash and a blank at the start of a line
//! == a sentence that says what the case shows
//! ALL SINCE 7.4                 ALL and a mark: the mark holds for the whole case
//! ONLY RESP3                    the case is left out in RESP2
//! SERVER --requirepass secret   the case gets a server of its own, with these arguments
//! > SET k v                     a command on connection c1, and its reply in the notation of `notation.rs`
//! +OK
//! c2> GET "k"                   any other connection; it is opened by its first use
//! "v"
//! > CLIENT ID -> me             saves the reply's text: `$me` in later commands and replies
//! int
//! UNORDERED                     marks before a command hold for that command
//! > KEYS *
//! ["a", "b"]
//! > SET k %rep(x,1000)          1,000 times x
//! > HELLO
//! [..]
//! resp3: {..}                   where RESP3 differs by more than its types; taken literally, as is `resp2:`
//! c1! GET k                     sends and does not read
//! c1<                           reads a reply
//! "v"
//! c1<                           `closed`: the end of the connection; `nothing`: no reply is waiting
//! closed
//! raw c1 "PING\r\n"             sends exact bytes
//! sleep 20                      milliseconds
//! blocked 2                     waits until two clients are blocked
//! close c2                      closes the connection
//! ```
//!
//! Marks: `UNORDERED` compares all arrays, maps and sets as multisets; `SINCE 7.4` is not asked of an older real
//! server; `DIFFERENCE reason` is not asked of any real server: there we differ on purpose (and a case
//! that is wholly a difference is not run there).

use super::notation::{Pattern, unquote};

/// A script file.
pub struct Script {
    pub name: String,
    pub lines: Vec<String>,
    pub cases: Vec<Case>,
}

/// One case: it starts with empty databases and without connections.
pub struct Case {
    pub sentence: String,
    pub line: usize,
    /// The only protocol in which the case makes sense, if there is one.
    pub only: Option<u8>,
    /// Arguments of a server of the case's own.
    pub server: Option<Vec<String>>,
    pub marks: Marks,
    pub steps: Vec<Step>,
}

/// What a mark says about who must give the expected reply.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    pub unordered: bool,
    pub since: Option<(u32, u32)>,
    pub difference: bool,
}

#[derive(Debug)]
pub struct Step {
    /// Counted from 0.
    pub line: usize,
    /// The lines of the expectation, for the recorder.
    pub expectation: std::ops::Range<usize>,
    pub marks: Marks,
    pub action: Action,
    pub expect: Option<Expect>,
    pub resp2: Option<Expect>,
    pub resp3: Option<Expect>,
}

#[derive(Clone, Debug)]
pub enum Action {
    /// Sends a command and reads the reply; `save` names what to keep of it.
    Call {
        connection: String,
        args: Vec<Vec<u8>>,
        save: Option<String>,
    },
    Send {
        connection: String,
        args: Vec<Vec<u8>>,
    },
    Read {
        connection: String,
    },
    Raw {
        connection: String,
        bytes: Vec<u8>,
    },
    Sleep(u64),
    Blocked(u64),
    Close {
        connection: String,
    },
}

#[derive(Clone, Debug)]
pub enum Expect {
    Reply(Pattern),
    Closed,
    Nothing,
}

impl Step {
    /// Whether the step ends with something to compare.
    pub fn reads(&self) -> bool {
        matches!(self.action, Action::Call { .. } | Action::Read { .. })
    }
}

impl Script {
    /// Reads the script of a family; panics with the line of a mistake.
    pub fn load(name: &str) -> Script {
        let path = Script::path(name);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut script = Script {
            name: name.to_string(),
            lines: text.lines().map(str::to_string).collect(),
            cases: Vec::new(),
        };
        let mut marks = Marks::default();
        for line in 0..script.lines.len() {
            let text = script.lines[line].trim().to_string();
            if let Err(why) = script.line(line, &text, &mut marks) {
                panic!("{}:{}: {why}", path.display(), line + 1);
            }
        }
        script
    }

    /// Where the script of a family lies.
    pub fn path(name: &str) -> std::path::PathBuf {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        root.join(format!("tests/scripts/{name}.script"))
    }

    fn line(&mut self, line: usize, text: &str, marks: &mut Marks) -> Result<(), String> {
        if text.is_empty() || text == "#" || text.starts_with("# ") {
            return Ok(());
        }
        if let Some(sentence) = text.strip_prefix("== ") {
            *marks = Marks::default();
            self.cases.push(Case {
                sentence: sentence.to_string(),
                line,
                only: None,
                server: None,
                marks: Marks::default(),
                steps: Vec::new(),
            });
            return Ok(());
        }
        let case = self.cases.last_mut().ok_or("a case begins with ==")?;
        if case.header(text)? || marks.read(text)? {
            return Ok(());
        }
        let Some(action) = action(text)? else {
            return case.expectation(line, text);
        };
        let marks = std::mem::take(marks);
        case.steps.push(Step {
            line,
            expectation: line + 1..line + 1,
            marks: marks.and(&case.marks),
            action,
            expect: None,
            resp2: None,
            resp3: None,
        });
        Ok(())
    }
}

impl Marks {
    /// Takes a line that is a mark; false when it is none.
    fn read(&mut self, text: &str) -> Result<bool, String> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "UNORDERED" => self.unordered = true,
            "DIFFERENCE" if rest.is_empty() => return Err("a difference needs a reason".into()),
            "DIFFERENCE" => self.difference = true,
            "SINCE" => {
                let (major, minor) = rest.split_once('.').ok_or("SINCE needs a version")?;
                let number = |t: &str| t.parse().map_err(|_| format!("{rest:?} is no version"));
                self.since = Some((number(major)?, number(minor)?));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn and(self, other: &Marks) -> Marks {
        Marks {
            unordered: self.unordered || other.unordered,
            since: self.since.max(other.since),
            difference: self.difference || other.difference,
        }
    }
}

impl Case {
    /// Takes a line that speaks of the whole case; false when it does not.
    fn header(&mut self, text: &str) -> Result<bool, String> {
        if let Some(mark) = text.strip_prefix("ALL ") {
            if !self.steps.is_empty() || !self.marks.read(mark)? {
                return Err("ALL and a mark stand under the sentence".into());
            }
        } else if let Some(args) = text.strip_prefix("SERVER ") {
            self.server = Some(args.split_whitespace().map(str::to_string).collect());
        } else if let Some(protocol) = text.strip_prefix("ONLY RESP") {
            self.only = Some(protocol.parse().map_err(|_| "ONLY RESP2 or ONLY RESP3")?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn expectation(&mut self, line: usize, text: &str) -> Result<(), String> {
        let step = self.steps.last_mut().filter(|step| step.reads());
        let step = step.ok_or("an expectation without a command")?;
        let (slot, notation) = if let Some(rest) = text.strip_prefix("resp2:") {
            (&mut step.resp2, rest)
        } else if let Some(rest) = text.strip_prefix("resp3:") {
            (&mut step.resp3, rest)
        } else {
            (&mut step.expect, text)
        };
        if slot.is_some() {
            return Err("two expectations for one command".into());
        }
        *slot = Some(match notation.trim() {
            "closed" => Expect::Closed,
            "nothing" => Expect::Nothing,
            _ => Expect::Reply(Pattern::parse(notation)?),
        });
        step.expectation.end = line + 1;
        Ok(())
    }
}

/// The action that a line asks for; `None` when the line is an expectation.
fn action(text: &str) -> Result<Option<Action>, String> {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    Ok(Some(match first {
        "sleep" => Action::Sleep(rest.parse().map_err(|_| "sleep needs milliseconds")?),
        "blocked" => Action::Blocked(rest.parse().map_err(|_| "blocked needs a number")?),
        "close" => Action::Close {
            connection: rest.to_string(),
        },
        "raw" => {
            let (connection, bytes) = rest.split_once(' ').ok_or("raw needs bytes")?;
            Action::Raw {
                connection: connection.to_string(),
                bytes: words(bytes)?.concat(),
            }
        }
        _ => return command(first, rest),
    }))
}

fn command(first: &str, rest: &str) -> Result<Option<Action>, String> {
    let Some((name, kind)) = first
        .char_indices()
        .next_back()
        .map(|(i, c)| (&first[..i], c))
    else {
        return Ok(None);
    };
    if !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Ok(None);
    }
    let connection = if name.is_empty() { "c1" } else { name }.to_string();
    Ok(Some(match kind {
        '>' => {
            let (rest, save) = match rest.rsplit_once(" -> ") {
                Some((rest, name)) => (rest, Some(name.trim().to_string())),
                None => (rest, None),
            };
            Action::Call {
                connection,
                args: words(rest)?,
                save,
            }
        }
        '!' => Action::Send {
            connection,
            args: words(rest)?,
        },
        '<' => Action::Read { connection },
        _ => return Ok(None),
    }))
}

/// The words of a command: bare, in double quotes, or joined from both; `%rep(text,count)` repeats a text.
fn words(line: &str) -> Result<Vec<Vec<u8>>, String> {
    let line = line.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while at < line.len() {
        if line[at] == b' ' {
            at += 1;
            continue;
        }
        let mut word = Vec::new();
        while at < line.len() && line[at] != b' ' {
            if line[at] == b'"' {
                let (text, used) = unquote(&line[at..])?;
                word.extend(text);
                at += used;
            } else if line[at..].starts_with(b"%rep(") {
                let end = line[at..]
                    .iter()
                    .position(|&b| b == b')')
                    .ok_or("%rep( without )")?;
                let inside = String::from_utf8_lossy(&line[at + 5..at + end]).into_owned();
                let (text, count) = inside.rsplit_once(',').ok_or("%rep(text,count)")?;
                let count = count.parse().map_err(|_| "%rep(text,count)")?;
                word.extend(text.repeat(count).into_bytes());
                at += end + 1;
            } else {
                word.push(line[at]);
                at += 1;
            }
        }
        words.push(word);
    }
    Ok(words)
}
