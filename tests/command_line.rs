//! The program's command line where no server is started: versions, help and refusals.

use std::process::{Command, Output, Stdio};

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_redouble"))
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

/// Runs the program, which must refuse to start, and answers its two outputs.
fn refused(arguments: &[&str], environment: &[(&str, &str)]) -> (String, String) {
    let output = run(arguments, environment);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (out.to_owned(), err.to_owned())
}

#[test]
fn the_version_can_be_read_as_wrappers_read_it() {
    for flag in ["--version", "-v"] {
        let output = run(&[flag], &[]);
        assert!(output.status.success());
        let line = text(&output.stdout).strip_suffix('\n').expect("one line");
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[..3], ["Redis", "server", "v=7.4.1"]);
        assert_eq!(words[3..6], ["sha=00000000:0", "malloc=libc", "bits=64"]);
        let build = words[6].strip_prefix("build=").expect("build");
        assert!(u64::from_str_radix(build, 16).is_ok(), "{build}");
        // Last, so that nobody who counts words is misled, what tells it from Redis.
        let ours = concat!("redouble=", env!("CARGO_PKG_VERSION"));
        assert_eq!(words[7..], [ours]);
    }
}

#[test]
fn help_names_what_matters() {
    for flag in ["--help", "-h"] {
        let output = run(&[flag], &[]);
        assert!(output.status.success());
        for part in ["Usage: redouble", "--port", "--threads", "REDIS_ARGS"] {
            assert!(text(&output.stdout).contains(part), "{part}");
        }
    }
}

#[test]
fn an_unknown_name_ends_the_start() {
    let (out, err) = refused(&["--port", "1", "--maxmemry", "1"], &[]);
    assert_eq!(out, "");
    assert_eq!(
        err,
        "\n*** FATAL CONFIG FILE ERROR (Redis 7.4.1) ***\n\
         Reading the command line\n>>> 'maxmemry \"1\"'\n\
         Bad directive or wrong number of arguments\nDid you mean 'maxmemory'?\n"
    );
}

#[test]
fn an_unknown_name_in_a_file_is_found_by_file_and_line() {
    let path = std::env::temp_dir().join(format!("redouble-line-{}.conf", std::process::id()));
    std::fs::write(&path, "# A file.\nport 0\n\n  apendonly no\nport x\n").expect("written");
    let path_text = path.to_str().expect("a plain path");
    let (out, err) = refused(&[path_text, "--port", "0"], &[]);
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(out, "");
    assert_eq!(
        err,
        format!(
            "\n*** FATAL CONFIG FILE ERROR (Redis 7.4.1) ***\n\
             Reading the configuration file '{path_text}', at line 4\n>>> 'apendonly no'\n\
             Bad directive or wrong number of arguments\nDid you mean 'appendonly'?\n"
        )
    );
}

#[test]
fn what_would_mislead_ends_the_start() {
    for (arguments, reason) in [
        (
            &["--cluster-enabled", "yes"][..],
            "cluster mode is not supported",
        ),
        (
            &["--port", "0", "--tls-port", "6380"],
            "TLS is not supported",
        ),
        (
            &["--replicaof", "127.0.0.1 6379"],
            "replication is not supported",
        ),
        (
            &["--aclfile", "/etc/users.acl"],
            "nothing would enforce this file",
        ),
        (&["--user", "default", "off"], "'off' cannot be enforced"),
    ] {
        let (_, err) = refused(arguments, &[]);
        assert!(err.contains(reason), "{arguments:?}: {err}");
        let (_, err) = refused(&[], &[("REDIS_ARGS", &arguments.join(" "))]);
        assert!(err.contains(reason), "REDIS_ARGS of {arguments:?}: {err}");
    }
}

#[test]
fn other_programs_of_redis_server_are_declined() {
    for (arguments, reason) in [
        (&["--test-memory", "64"][..], "there is no memory test"),
        (&["--test-memory"], "there is no memory test"),
        (&["--check-system"], "there is no check of the system"),
        (&["--sentinel"], "Sentinel is not supported"),
        (&["--port", "0", "--sentinel"], "Sentinel is not supported"),
    ] {
        let (out, err) = refused(arguments, &[]);
        assert_eq!(out, "");
        assert!(err.contains(reason), "{arguments:?}: {err}");
    }
}

#[test]
fn a_wrong_value_ends_the_start_wherever_it_stands() {
    let (_, from_argument) = refused(&["--timeout=1"], &[]);
    assert!(from_argument.contains(">>> 'timeout=1'"), "{from_argument}");
    let (_, from_variable) = refused(&[], &[("REDIS_ARGS", "--timeout x")]);
    assert!(
        from_variable.contains("variable REDIS_ARGS\n>>> 'timeout \"x\"'"),
        "{from_variable}"
    );
}

#[test]
fn a_missing_file_is_a_line_in_the_log() {
    let (out, err) = refused(&["/no/such.conf"], &[]);
    assert_eq!(err, "");
    let (head, text) = out.split_once(" # ").expect("a log line");
    assert!(head.contains(":M "), "{head}");
    assert_eq!(
        text,
        "Fatal error, can't open config file '/no/such.conf': No such file or directory\n"
    );
}

#[test]
fn a_log_that_cannot_be_opened_ends_the_start() {
    let (_, err) = refused(&["--logfile", "/no/such/dir/log"], &[]);
    assert_eq!(
        err,
        "\n*** FATAL CONFIG FILE ERROR (Redis 7.4.1) ***\n\
         Can't open the log file '/no/such/dir/log': No such file or directory\n"
    );
    // Neither does a server in the background start without telling whoever waits for it.
    let (_, err) = refused(
        &["--daemonize", "yes", "--logfile", "/no/such/dir/log"],
        &[],
    );
    assert!(err.contains("Can't open the log file"), "{err}");
}
