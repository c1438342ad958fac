//! What a session command may touch, and how it may end.

use crate::keyspace::Db;
use crate::server::Server;
use crate::session::Session;
use crate::session::park::Wait;

/// How a session command ends.
#[derive(Debug)]
pub enum Flow {
    /// The reply is written; go on.
    Done,
    /// Send what was written, then close the connection.
    Close,
    /// Nothing was written yet: the client waits.
    Park(Wait),
}

/// The session, the server, and the keyspace as far as the command's footprint locked it.
pub struct Context<'a, 'k> {
    /// The session that runs the command.
    pub session: &'a mut Session,
    /// The server.
    pub server: &'a Server,
    /// The keyspace, with the shards of the command's footprint locked.
    pub db: &'a mut Db<'k>,
}
