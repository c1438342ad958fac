//! The directive `user`. There is one user here, `default`, who may do everything: what asks for just that is
//! taken, and what asks for less is refused.

use super::value::Reason;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum User {
    /// The default user, with his password; an empty one stands for none.
    Default { password: Vec<u8> },
    /// Somebody else.
    Other,
}

/// Reads the words behind `user`: a name and rules, of which there is at least the name.
pub(super) fn read(words: &[Vec<u8>]) -> Result<User, Reason> {
    let Some((name, rules)) = words.split_first() else {
        return Err("wrong number of arguments".into());
    };
    if !name.eq_ignore_ascii_case(b"default") {
        return Ok(User::Other);
    }
    // As in Redis the line begins with a user who may do nothing.
    let (mut on, mut keys, mut commands) = (false, false, false);
    let mut password: Option<Vec<u8>> = None;
    for rule in rules {
        match rule.to_ascii_lowercase().as_slice() {
            b"on" => on = true,
            b"nopass" => password = Some(Vec::new()),
            b"resetpass" => password = None,
            b"~*" | b"allkeys" => keys = true,
            b"+@all" | b"allcommands" => commands = true,
            // Without channels, publish and subscribe would be forbidden. Hardly a line that says nothing of
            // them wants that: older versions knew no rules for them.
            b"&*" | b"allchannels" => {}
            b"sanitize-payload" | b"skip-sanitize-payload" | b"clearselectors" => {}
            [b'>', ..] if password.is_none() && rule.len() > 1 => {
                password = Some(rule[1..].to_vec())
            }
            [b'>', ..] => {
                return Err("the default user can have one password here, and no more".into());
            }
            _ => {
                let rule = String::from_utf8_lossy(rule);
                return Err(format!("{ONLY_ALL}: '{rule}' cannot be enforced").into());
            }
        }
    }
    match password {
        Some(password) if on && keys && commands => Ok(User::Default { password }),
        _ => Err(format!("{ONLY_ALL}: give on, ~*, +@all, and nopass or one >password").into()),
    }
}

const ONLY_ALL: &str = "rules for users are not supported, and the default user may do everything";

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> Result<User, Reason> {
        let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.into()).collect();
        read(&words)
    }

    #[test]
    fn a_default_user_who_may_do_everything_is_taken() {
        for (line, password) in [
            ("default on nopass ~* +@all", ""),
            ("default on nopass sanitize-payload ~* &* +@all", ""),
            (
                "DEFAULT ON >se:cret ALLKEYS allchannels AllCommands",
                "se:cret",
            ),
        ] {
            let password = password.into();
            assert_eq!(read_line(line), Ok(User::Default { password }), "{line}");
        }
        assert_eq!(read_line("alice on >x ~a* -@all +get"), Ok(User::Other));
    }

    #[test]
    fn a_default_user_who_may_less_is_refused() {
        for line in [
            "default",
            "default on",
            "default off nopass ~* +@all",
            "default nopass ~* +@all",
            "default on ~* +@all",
            "default on nopass +@all",
            "default on nopass ~* +@read",
            "default on nopass ~* +@all -flushall",
            "default on nopass ~cache:* +@all",
            "default on nopass %R~* +@all",
            "default on #5e884898da ~* +@all",
            "default on > ~* +@all",
            "default on >a >b ~* +@all",
        ] {
            assert!(read_line(line).is_err(), "{line}");
        }
    }
}
