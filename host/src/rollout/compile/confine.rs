//! What a process gives up before it looks at what others have made. It keeps what it has open: what comes in, and what goes out.

use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// From now on this process has no more than so much memory beyond what it has, and so much processor time; it opens nothing, starts nothing, and reaches no other
/// process. Threads that it needs run already.
pub(super) fn confine(memory: u64, seconds: Option<u64>) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    linux::be_the_first_to_go();
    // Not address space: the allocator and wasmtime reserve much more of it than they use.
    limit(Resource::Data, memory.saturating_add(data()))?;
    // Machine code takes no more room on disk than it took in memory.
    limit(Resource::Fsize, memory)?;
    limit(Resource::Nproc, 0)?;
    if let Some(seconds) = seconds {
        // Where both limits are the same it is killed, and nobody knows why.
        limit_between(Resource::Cpu, seconds, seconds.saturating_add(1))?;
    }
    // To run into a limit is nothing to investigate.
    limit(Resource::Core, 0)?;
    #[cfg(target_os = "linux")]
    linux::shut()?;
    Ok(())
}

fn limit(resource: Resource, most: u64) -> Result<(), Errno> {
    limit_between(resource, most, most)
}

fn limit_between(resource: Resource, soft: u64, hard: u64) -> Result<(), Errno> {
    // A limit that is there already can only be lowered.
    let maximum = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let limit = Rlimit {
        current: Some(soft.min(maximum)),
        maximum: Some(hard.min(maximum)),
    };
    setrlimit(resource, limit)
}

/// What the limit of memory counts already, in bytes; nothing where the system does not say.
fn data() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
    kib.unwrap_or(0_u64).saturating_mul(1024)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::io;

    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, apply_filter_all_threads,
    };

    /// Where memory is short the system ends this process, and not the host.
    pub(super) fn be_the_first_to_go() {
        // Where it cannot be said, the limits hold.
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    }

    /// Leaves only the calls that computing needs: memory, time, its own threads, and what is open already. Others are answered with an error.
    pub(super) fn shut() -> io::Result<()> {
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        let program = program().map_err(io::Error::other)?;
        match apply_filter_all_threads(&program) {
            Ok(()) => Ok(()),
            // The kernel has none, or it may not be used here: the limits hold all the same.
            Err(seccompiler::Error::Seccomp(_) | seccompiler::Error::Prctl(_)) => Ok(()),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn program() -> Result<BpfProgram, seccompiler::BackendError> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
            CALLS.iter().map(|call| (*call, Vec::new())).collect();
        // To abort is to signal oneself; nobody else.
        let own = SeccompCondition::new(
            0,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::Eq,
            u64::from(std::process::id()),
        )?;
        rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![own])?]);
        let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
        let filter = SeccompFilter::new(
            rules,
            refuse,
            SeccompAction::Allow,
            std::env::consts::ARCH.try_into()?,
        )?;
        filter.try_into()
    }

    const CALLS: &[i64] = &[
        // What is open.
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_lseek,
        libc::SYS_fstat,
        libc::SYS_close,
        libc::SYS_fcntl,
        libc::SYS_epoll_ctl,
        libc::SYS_epoll_pwait,
        libc::SYS_ppoll,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_epoll_wait,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll,
        // Memory. A file of memory is what wasmtime copies a guest's from.
        libc::SYS_brk,
        libc::SYS_mmap,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_mprotect,
        libc::SYS_madvise,
        libc::SYS_mincore,
        libc::SYS_memfd_create,
        libc::SYS_ftruncate,
        libc::SYS_get_mempolicy,
        // Threads that run, and how they end.
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_rseq,
        libc::SYS_membarrier,
        libc::SYS_restart_syscall,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_exit,
        libc::SYS_exit_group,
        // Time and chance.
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_gettimeofday,
        libc::SYS_getrandom,
        libc::SYS_getrusage,
    ];
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::UnixStream;
    use std::process::Command;
    use std::{env, fs, process, thread};

    use super::*;

    /// Says to the process of a test that it is to confine itself.
    const ROLE: &str = "INNKEEPER_TEST_CONFINED";
    const THIS: &str =
        "rollout::compile::confine::tests::who_is_confined_opens_nothing_and_reaches_nobody";
    const MEMORY: u64 = 256 << 20;

    /// What a confined process must not be able to do, and whether it was.
    fn tried() -> Vec<(&'static str, bool)> {
        let parent = rustix::process::getppid();
        let signalled = parent.map(rustix::process::test_kill_process);
        vec![
            ("read a file", fs::read("/etc/passwd").is_ok()),
            (
                "write a file",
                fs::write("/tmp/innkeeper-confined", b"").is_ok(),
            ),
            ("list a directory", fs::read_dir("/").is_ok()),
            ("listen", TcpListener::bind("127.0.0.1:0").is_ok()),
            ("connect", !is_denied(&TcpStream::connect("127.0.0.1:9"))),
            ("send a packet", UdpSocket::bind("127.0.0.1:0").is_ok()),
            ("reach a socket on this machine", UnixStream::pair().is_ok()),
            (
                "start a program",
                Command::new("/bin/true").status().is_ok(),
            ),
            (
                "start a thread",
                thread::Builder::new().spawn(|| ()).is_ok(),
            ),
            (
                "signal another process",
                signalled.is_some_and(|sent| sent.is_ok()),
            ),
        ]
    }

    fn is_denied<T>(result: &io::Result<T>) -> bool {
        let error = result.as_ref().err();
        error.is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    }

    #[test]
    fn who_is_confined_opens_nothing_and_reaches_nobody() {
        if env::var_os(ROLE).is_some() {
            confine(MEMORY, Some(60)).unwrap();
            let done: Vec<_> = tried().into_iter().filter(|(_, done)| *done).collect();
            // What computing needs is there all the same.
            let memory = vec![1_u8; 8 << 20];
            println!("tried: {done:?}, and has {} bytes", memory.len());
            process::exit(0);
        }
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", THIS, "--nocapture", "--test-threads=1"])
            .env(ROLE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        let said = said.lines().find(|line| line.contains("tried: "));
        let said = said.unwrap_or_else(|| panic!("{child:?}"));
        assert!(said.contains("tried: [], and has 8388608 bytes"), "{said}");
    }
}
