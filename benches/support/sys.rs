//! The few system calls that the standard library does not offer. All unsafe code of the benchmark is here.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// One ready socket, as [`Poller::wait`] reports it.
pub type Event = libc::epoll_event;

/// An event with nothing in it, to make room for real ones.
pub const NO_EVENT: Event = Event { events: 0, u64: 0 };

/// True if the socket behind `event` can take more bytes.
pub fn is_writable(event: &Event) -> bool {
    event.events & libc::EPOLLOUT as u32 != 0
}

/// A level-triggered epoll instance.
pub struct Poller(OwnedFd);

impl Poller {
    pub fn new() -> io::Result<Self> {
        // SAFETY: the call takes no pointer, and a descriptor that it returns is ours alone.
        unsafe {
            let fd = check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?;
            Ok(Self(OwnedFd::from_raw_fd(fd)))
        }
    }

    /// Reports `socket` as `token` whenever it can be read.
    pub fn add(&self, socket: &impl AsRawFd, token: usize) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, socket, token, false)
    }

    /// Also reports when `socket` can be written, or ends that.
    pub fn watch_writes(
        &self,
        socket: &impl AsRawFd,
        token: usize,
        writes: bool,
    ) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, socket, token, writes)
    }

    fn control(
        &self,
        operation: libc::c_int,
        socket: &impl AsRawFd,
        token: usize,
        writes: bool,
    ) -> io::Result<()> {
        let out = if writes { libc::EPOLLOUT } else { 0 };
        let mut event = Event {
            events: (libc::EPOLLIN | out) as u32,
            u64: token as u64,
        };
        // SAFETY: both descriptors are open, and `event` lives across the call.
        unsafe {
            check(libc::epoll_ctl(
                self.0.as_raw_fd(),
                operation,
                socket.as_raw_fd(),
                &mut event,
            ))?;
        }
        Ok(())
    }

    /// Fills `events` and returns how many are valid; 0 after `timeout_ms` without any.
    pub fn wait(&self, events: &mut [Event], timeout_ms: i32) -> io::Result<usize> {
        // SAFETY: the kernel writes at most `events.len()` events into the slice.
        let count = unsafe {
            libc::epoll_wait(
                self.0.as_raw_fd(),
                events.as_mut_ptr(),
                events.len() as libc::c_int,
                timeout_ms,
            )
        };
        match check(count) {
            Ok(count) => Ok(count as usize),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            Err(error) => Err(error),
        }
    }
}

/// The cores that this process may run on, ascending.
pub fn allowed_cores() -> Vec<usize> {
    // SAFETY: an all-zero cpu_set_t is valid, and the kernel fills at most its size.
    unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        if libc::sched_getaffinity(0, mem::size_of_val(&set), &mut set) != 0 {
            return Vec::new();
        }
        (0..libc::CPU_SETSIZE as usize)
            .filter(|&core| libc::CPU_ISSET(core, &set))
            .collect()
    }
}

fn cpu_set(cores: &[usize]) -> libc::cpu_set_t {
    // SAFETY: an all-zero cpu_set_t is valid; CPU_SET ignores cores out of range.
    unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        for &core in cores {
            libc::CPU_SET(core, &mut set);
        }
        set
    }
}

fn set_affinity(set: &libc::cpu_set_t) -> io::Result<()> {
    // SAFETY: `set` is a whole cpu_set_t; 0 names the calling thread.
    unsafe { check(libc::sched_setaffinity(0, mem::size_of_val(set), set)).map(drop) }
}

/// Keeps the calling thread on `cores`; an empty slice leaves it where it is.
pub fn pin_thread(cores: &[usize]) -> io::Result<()> {
    if cores.is_empty() {
        return Ok(());
    }
    set_affinity(&cpu_set(cores))
}

/// Keeps the process that `command` will start on `cores`, and ends it with the calling thread.
pub fn pin_command(command: &mut Command, cores: &[usize]) {
    let set = (!cores.is_empty()).then(|| cpu_set(cores));
    // SAFETY: between fork and exec only two system calls are made, and nothing is allocated.
    unsafe {
        command.pre_exec(move || {
            check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM))?;
            set.as_ref().map_or(Ok(()), set_affinity)
        });
    }
}

/// CPU seconds that the calling thread has used.
pub fn thread_cpu() -> io::Result<f64> {
    read_clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// CPU seconds that all threads of process `pid` have used, those of ended threads included.
///
/// The process's CPU clock is exact while the process runs; the figures under /proc lag by up to one timer tick.
pub fn process_cpu(pid: u32) -> io::Result<f64> {
    let mut clock: libc::clockid_t = 0;
    // SAFETY: `clock` lives across the call. The function returns its error instead of setting errno.
    let error = unsafe { libc::clock_getcpuclockid(pid as libc::pid_t, &mut clock) };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error));
    }
    read_clock(clock)
}

fn read_clock(clock: libc::clockid_t) -> io::Result<f64> {
    // SAFETY: an all-zero timespec is valid, and it lives across the call.
    unsafe {
        let mut time: libc::timespec = mem::zeroed();
        check(libc::clock_gettime(clock, &mut time))?;
        Ok(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
    }
}

/// Raises the limit of open files as far as it goes, and returns it. Processes started later inherit it.
pub fn raise_file_limit() -> io::Result<u64> {
    // SAFETY: an all-zero rlimit is valid, and it lives across the calls.
    unsafe {
        let mut limit: libc::rlimit = mem::zeroed();
        check(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit))?;
        limit.rlim_cur = limit.rlim_max;
        check(libc::setrlimit(libc::RLIMIT_NOFILE, &limit))?;
        Ok(limit.rlim_cur)
    }
}

/// Asks process `pid` to end.
pub fn terminate(pid: u32) {
    // SAFETY: the call takes no pointer. The process is a child not yet waited for, so the id is still its own.
    unsafe {
        libc::kill(pid as libc::pid_t, libc::SIGTERM);
    }
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}
