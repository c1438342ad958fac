//! Runs scripts: against one server, against two in step, or to record what a real server answers.

use super::client::{Client, is_timeout, patience};
use super::notation::{self, Form, Saved};
use super::resp::{Reply, Value};
use super::script::{Action, Case, Expect, Marks, Script, Step};
use super::server::{Program, Server};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

/// How long a connection must stay silent to be believed to have no reply waiting.
const SILENCE: Duration = Duration::from_millis(40);

/// What a step ended with.
#[derive(Clone, Debug)]
pub enum Outcome {
    Reply(Reply),
    Closed,
    Nothing,
    /// The step has nothing to compare.
    Done,
    Failed(String),
}

/// One case on its way on one server.
struct Run {
    address: std::net::SocketAddr,
    protocol: u8,
    connections: HashMap<String, Connection>,
    saved: Saved,
}

struct Connection {
    client: Client,
    /// What the connection speaks now.
    protocol: u8,
    /// What a HELLO in the queue of MULTI will make it speak.
    queued_protocol: Option<u8>,
}

impl Run {
    fn new(server: &Server, protocol: u8) -> Run {
        Run {
            address: server.address(),
            protocol,
            connections: HashMap::new(),
            saved: Saved::new(),
        }
    }

    fn connection(&mut self, name: &str) -> &mut Connection {
        let (address, protocol) = (self.address, self.protocol);
        let open = || Connection {
            client: Client::connect_as(address, protocol),
            protocol,
            queued_protocol: None,
        };
        self.connections
            .entry(name.to_string())
            .or_insert_with(open)
    }

    fn step(&mut self, step: &Step) -> Outcome {
        match &step.action {
            Action::Sleep(ms) => std::thread::sleep(Duration::from_millis(*ms)),
            Action::Blocked(count) => return self.await_blocked(*count),
            Action::Close { connection } => drop(self.connections.remove(connection)),
            Action::Raw { connection, bytes } => {
                if let Err(e) = self.connection(connection).client.send_raw(bytes) {
                    return Outcome::Failed(format!("cannot send: {e}"));
                }
            }
            Action::Send { connection, args } => {
                let args = self.fill_in(args);
                if let Err(e) = self.connection(connection).client.send(&args) {
                    return Outcome::Failed(format!("cannot send: {e}"));
                }
            }
            Action::Read { connection } => return self.read(connection, step),
            Action::Call {
                connection,
                args,
                save,
            } => {
                let args = self.fill_in(args);
                if let Err(e) = self.connection(connection).client.send(&args) {
                    return Outcome::Failed(format!("cannot send: {e}"));
                }
                let outcome = self.read(connection, step);
                if let Outcome::Reply(reply) = &outcome {
                    self.connection(connection).follow(&args, &reply.value);
                    if let Some(name) = save {
                        let text = reply.value.text().unwrap_or_default();
                        self.saved.insert(name.clone(), text);
                    }
                }
                return outcome;
            }
        }
        Outcome::Done
    }

    /// Waits until `count` clients are blocked, so that the order in which they wait is certain.
    fn await_blocked(&mut self, count: u64) -> Outcome {
        let mut client = Client::connect_as(self.address, 2);
        let line = format!("blocked_clients:{count}\r\n");
        let deadline = Instant::now() + patience();
        while Instant::now() < deadline {
            let info = client.ok("INFO clients").text().unwrap_or_default();
            if String::from_utf8_lossy(&info).contains(&line) {
                return Outcome::Done;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Outcome::Failed(format!("there are not {count} blocked clients"))
    }

    fn read(&mut self, name: &str, step: &Step) -> Outcome {
        let protocol = self.protocol;
        let client = &mut self.connection(name).client;
        if let Some(Expect::Nothing) = expectation(step, protocol).map(|(e, _)| e) {
            return match client.is_silent_for(SILENCE) {
                true => Outcome::Nothing,
                false => match client.try_read() {
                    Ok(reply) => Outcome::Reply(reply),
                    Err(_) => Outcome::Closed,
                },
            };
        }
        match client.try_read() {
            Ok(reply) => Outcome::Reply(reply),
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => Outcome::Closed,
            Err(e) if is_timeout(&e) => Outcome::Nothing,
            Err(e) => Outcome::Failed(format!("cannot read: {e}")),
        }
    }

    /// Puts what was saved where the arguments name it.
    fn fill_in(&self, args: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let value = |arg: &Vec<u8>| {
            let name = std::str::from_utf8(arg).ok()?.strip_prefix('$')?;
            self.saved.get(name).cloned()
        };
        args.iter()
            .map(|arg| value(arg).unwrap_or_else(|| arg.clone()))
            .collect()
    }

    /// The form in which the step's neutral expectation is to be read after the step.
    fn form(&mut self, step: &Step) -> Form {
        let (Action::Call { connection, .. } | Action::Read { connection }) = &step.action else {
            return Form::Literal;
        };
        match self.connection(connection).protocol {
            2 => Form::Resp2,
            _ => Form::Resp3,
        }
    }

    /// What is wrong with the outcome, if anything is.
    fn judge(&mut self, step: &Step, outcome: &Outcome) -> Result<(), String> {
        if let Outcome::Failed(why) = outcome {
            return Err(why.clone());
        }
        if !step.reads() {
            return Ok(());
        }
        let Some((expect, literal)) = expectation(step, self.protocol) else {
            return Err("nothing is expected here: record the reply".into());
        };
        let form = match literal {
            true => Form::Literal,
            false => self.form(step),
        };
        let holds = match (expect, outcome) {
            (Expect::Closed, Outcome::Closed) | (Expect::Nothing, Outcome::Nothing) => true,
            (Expect::Reply(pattern), Outcome::Reply(reply)) => {
                pattern.matches(&reply.value, form, step.marks.unordered, &self.saved)
            }
            _ => false,
        };
        match holds {
            true => Ok(()),
            false => Err(format!("got {}", describe(outcome))),
        }
    }
}

impl Connection {
    /// Keeps track of the protocol, as a client must.
    fn follow(&mut self, args: &[Vec<u8>], reply: &Value) {
        let name = args.first().map(|a| a.to_ascii_uppercase());
        let asked = match args.get(1).map(Vec::as_slice) {
            Some(b"2") => Some(2),
            Some(b"3") => Some(3),
            _ => None,
        };
        let simple = |text: &[u8]| *reply == Value::Simple(text.to_vec());
        match name.as_deref() {
            Some(b"HELLO") if simple(b"QUEUED") => self.queued_protocol = asked,
            Some(b"HELLO") if !reply.is_error() => self.protocol = asked.unwrap_or(self.protocol),
            Some(b"RESET") if simple(b"RESET") => (self.protocol, self.queued_protocol) = (2, None),
            Some(b"DISCARD") if simple(b"OK") => self.queued_protocol = None,
            Some(b"EXEC") => {
                let queued = self.queued_protocol.take();
                if let (Value::Array(_), Some(protocol)) = (reply, queued) {
                    self.protocol = protocol;
                }
            }
            _ => {}
        }
    }
}

/// What the step expects in this protocol, and whether it is to be taken literally.
fn expectation(step: &Step, protocol: u8) -> Option<(&Expect, bool)> {
    let own = match protocol {
        2 => &step.resp2,
        _ => &step.resp3,
    };
    let literal = own.as_ref().map(|e| (e, true));
    literal.or(step.expect.as_ref().map(|e| (e, false)))
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Reply(reply) => notation::write(&reply.value),
        Outcome::Closed => "closed".into(),
        Outcome::Nothing => "nothing".into(),
        Outcome::Done => "no reply".into(),
        Outcome::Failed(why) => why.clone(),
    }
}

/// Whether a server must give the reply that the script expects.
fn binds(marks: &Marks, program: &Program) -> bool {
    program.ours || (!marks.difference && marks.since.is_none_or(|v| program.version >= v))
}

/// Servers of one program for the cases of a script.
struct Host {
    program: Program,
    shared: Option<Server>,
    own: Option<Server>,
}

impl Host {
    fn new(program: Program) -> Host {
        Host {
            program,
            shared: None,
            own: None,
        }
    }

    /// The case's server, with empty databases.
    fn begin(&mut self, case: &Case, protocol: u8) -> Run {
        if let Some(args) = &case.server {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            self.own = Some(Server::start_program(&self.program, &args));
            // HELLO would be refused where a password is set; such cases say it themselves.
            let protocol = if args.contains(&"--requirepass") {
                2
            } else {
                protocol
            };
            return Run::new(self.own.as_ref().expect("just started"), protocol);
        }
        let program = &self.program;
        let server = self
            .shared
            .get_or_insert_with(|| Server::start_program(program, &[]));
        let mut client = server.connect();
        server.wait_until_alone(&mut client);
        client.ok("FLUSHALL");
        Run::new(server, protocol)
    }

    /// Lets the server go after a case that broke off: what it left behind must not disturb the next.
    fn abandon(&mut self) {
        self.shared = None;
    }
}

/// The cases that make sense in this protocol and with this server: one that is too old for a whole case
/// may not even know the settings that the case starts it with.
fn cases<'a>(
    script: &'a Script,
    protocol: u8,
    program: &'a Program,
) -> impl Iterator<Item = &'a Case> {
    script.cases.iter().filter(move |case| {
        case.only.is_none_or(|only| only == protocol) && binds(&case.marks, program)
    })
}

fn report(script: &Script, case: &Case, step: &Step, protocol: u8, why: &str, out: &mut String) {
    let _ = writeln!(
        out,
        "tests/scripts/{}.script:{} (RESP{protocol}) {}\n    {}",
        script.name,
        step.line + 1,
        case.sentence,
        script.lines[step.line].trim(),
    );
    for line in &script.lines[step.expectation.clone()] {
        let _ = writeln!(out, "    expected {}", line.trim());
    }
    let _ = writeln!(out, "    {why}\n");
}

/// Runs a script against the server under test; panics with every reply that is not as written.
pub fn check(name: &str, protocol: u8) {
    let script = Script::load(name);
    let program = Program::under_test();
    let mut host = Host::new(program.clone());
    let mut faults = String::new();
    for case in cases(&script, protocol, &program) {
        let mut run = host.begin(case, protocol);
        for step in &case.steps {
            let outcome = run.step(step);
            if !binds(&step.marks, &program) {
                continue;
            }
            if let Err(why) = run.judge(step, &outcome) {
                report(&script, case, step, protocol, &why, &mut faults);
                host.abandon();
                // What follows a wrong reply is mostly its consequence.
                break;
            }
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

/// Runs a script against the server under test and a real one in step, and compares the replies byte for byte.
/// Where a script leaves a reply open, both must fit what it says; what a mark excuses is not compared.
pub fn compare(name: &str, protocol: u8, reference: &Program) {
    let script = Script::load(name);
    let mut ours = Host::new(Program::under_test());
    let mut theirs = Host::new(reference.clone());
    let mut faults = String::new();
    for case in cases(&script, protocol, reference) {
        let our_run = ours.begin(case, protocol);
        let their_run = theirs.begin(case, protocol);
        // At the same time, so that a sleep on one side does not age the other's keys.
        let (our_steps, their_steps) = std::thread::scope(|scope| {
            let theirs = scope.spawn(|| play(their_run, case));
            (
                play(our_run, case),
                theirs.join().expect("the real server's side"),
            )
        });
        for (step, (our_step, their_step)) in
            case.steps.iter().zip(our_steps.iter().zip(&their_steps))
        {
            if !step.reads() || !binds(&step.marks, reference) {
                continue;
            }
            let verdict = match &their_step.1 {
                Err(why) => Err(format!("the real server: {why}")),
                Ok(()) if is_open(step, protocol) => our_step.1.clone(),
                Ok(()) => same(&our_step.0, &their_step.0),
            };
            if let Err(why) = verdict {
                report(&script, case, step, protocol, &why, &mut faults);
                ours.abandon();
                theirs.abandon();
                break;
            }
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

/// Runs the case to its end, or until a step cannot be done, and says of each step what came and what is wrong.
fn play(mut run: Run, case: &Case) -> Vec<(Outcome, Result<(), String>)> {
    let mut played = Vec::new();
    for step in &case.steps {
        let outcome = run.step(step);
        let verdict = run.judge(step, &outcome);
        let failed = matches!(outcome, Outcome::Failed(_));
        played.push((outcome, verdict));
        if failed {
            break;
        }
    }
    played
}

fn is_open(step: &Step, protocol: u8) -> bool {
    match expectation(step, protocol) {
        Some((Expect::Reply(pattern), _)) => step.marks.unordered || pattern.is_open(),
        _ => false,
    }
}

fn same(ours: &Outcome, theirs: &Outcome) -> Result<(), String> {
    let equal = match (ours, theirs) {
        (Outcome::Reply(a), Outcome::Reply(b)) => a.bytes == b.bytes,
        (Outcome::Closed, Outcome::Closed) | (Outcome::Nothing, Outcome::Nothing) => true,
        _ => false,
    };
    match equal {
        true => Ok(()),
        false => Err(format!(
            "got {}, the real server gives {}",
            describe(ours),
            describe(theirs)
        )),
    }
}

/// Runs a script against a real server and writes its replies into the script, where they are missing or wrong.
/// With `mark_since`, a reply that differs is left as it is and its command marked `SINCE 7.4` instead.
pub fn record(name: &str, reference: &Program, mark_since: bool) {
    let script = Script::load(name);
    let mut host = Host::new(reference.clone());
    let mut changes: Vec<(std::ops::Range<usize>, Vec<String>)> = Vec::new();
    for case in &script.cases {
        if !binds(&case.marks, reference) {
            continue;
        }
        let protocols = case.only.map_or(vec![2, 3], |only| vec![only]);
        let mut seen = Vec::new();
        for &protocol in &protocols {
            let mut run = host.begin(case, protocol);
            let steps = case.steps.iter().map(|step| {
                let outcome = run.step(step);
                let right = run.judge(step, &outcome).is_ok();
                (right, outcome)
            });
            seen.push(steps.collect::<Vec<_>>());
        }
        for (i, step) in case.steps.iter().enumerate() {
            let right = seen.iter().all(|outcomes| outcomes[i].0);
            if right || !binds(&step.marks, reference) {
                continue;
            }
            if mark_since {
                changes.push((step.line..step.line, vec!["SINCE 7.4".into()]));
                continue;
            }
            let outcomes: Vec<&Outcome> = seen.iter().map(|outcomes| &outcomes[i].1).collect();
            changes.push((step.expectation.clone(), notate(&outcomes)));
        }
    }
    let mut lines = script.lines;
    for (range, new) in changes.into_iter().rev() {
        println!("{name}.script:{}: {}", range.start, new.join(" | "));
        lines.splice(range, new);
    }
    let text = lines.join("\n") + "\n";
    std::fs::write(Script::path(name), text).expect("the script is written");
}

/// The expectation lines for what was seen in RESP2 and RESP3, or in the only protocol.
fn notate(outcomes: &[&Outcome]) -> Vec<String> {
    match outcomes {
        [Outcome::Reply(two), Outcome::Reply(three)] => {
            match notation::unite(&two.value, &three.value) {
                Some(both) => vec![notation::write(&both)],
                None => vec![
                    notation::write(&two.value),
                    format!("resp3: {}", notation::write(&three.value)),
                ],
            }
        }
        [two, three] if describe(two) != describe(three) => {
            vec![describe(two), format!("resp3: {}", describe(three))]
        }
        [one, ..] => vec![describe(one)],
        [] => Vec::new(),
    }
}
