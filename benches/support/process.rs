//! A child process and what the kernel says about it.

use std::{
    fs,
    process::{Child, Command, ExitStatus},
    time::Duration,
};

use anyhow::{Context as _, ensure};

/// Clock ticks a second in `/proc/PID/stat`; 100 on every Linux we run on.
const TICKS: u32 = 100;

/// A child that is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> anyhow::Result<Self> {
        command.spawn().map(Self).with_context(|| format!("cannot start {command:?}"))
    }

    /// Processor time so far, of all threads, in user and kernel mode.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // The name in parentheses may hold anything; utime and stime are fields 14 and 15.
        let rest = stat.rsplit_once(')').context("no name in stat")?.1;
        let ticks = rest.split_ascii_whitespace().skip(11).take(2);
        let ticks: Vec<u32> = ticks.map(str::parse).collect::<Result<_, _>>()?;
        Ok(Duration::from_secs(1) * ticks.iter().sum() / TICKS)
    }

    /// Memory in use now (`VmRSS`), in bytes.
    pub(crate) fn rss(&self) -> anyhow::Result<u64> {
        self.status("VmRSS:")
    }

    /// Most memory in use at any time so far (`VmHWM`), in bytes.
    pub(crate) fn peak_rss(&self) -> anyhow::Result<u64> {
        self.status("VmHWM:")
    }

    fn status(&self, field: &str) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).context("no such field")?;
        Ok(kib.parse::<u64>()? * 1024)
    }

    /// Asks it to stop (SIGTERM) and waits.
    pub(crate) fn stop(mut self) -> anyhow::Result<ExitStatus> {
        let told = Command::new("kill").arg(self.0.id().to_string()).status()?;
        ensure!(told.success(), "the process was gone already");
        Ok(self.0.wait()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails when it has ended, which is as well.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
