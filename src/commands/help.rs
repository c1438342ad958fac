//! The reply to a container's HELP.

use crate::resp::Reply;

/// Writes the help of `container` (upper case): `lines` are the subcommands, each followed by its
/// explanation indented by four spaces; HELP itself is added.
pub fn reply(reply: &mut Reply<'_>, container: &str, lines: &[&str]) {
    reply.array(lines.len() + 3);
    reply.simple(&format!(
        "{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    ));
    for line in lines {
        reply.simple(line);
    }
    reply.simple("HELP");
    reply.simple("    Print this help.");
}
