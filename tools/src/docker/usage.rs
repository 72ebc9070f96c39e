//! CPU and memory of a container from the counters that the engine hands out.

/// One sample of the CPU counters. Times in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CpuSample {
    /// Used by the container since it started.
    pub container: u64,
    /// Used by the whole machine, over all CPUs. Absent when the engine could not read it.
    pub machine: Option<u64>,
    pub online_cpus: u32,
}

/// CPU use between two samples in percent, where 100 is one CPU kept busy, as `docker stats` shows it.
/// `None` when the samples do not span any time.
pub(super) fn cpu_percent(before: CpuSample, after: CpuSample) -> Option<f64> {
    let machine = after.machine?.checked_sub(before.machine?)?;
    let container = after.container.saturating_sub(before.container);
    if machine == 0 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a percentage")]
    let share = container as f64 / machine as f64;
    Some(share * f64::from(after.online_cpus.max(1)) * 100.0)
}

/// Memory that could not be given back at once: what the kernel accounts to the container without the page cache
/// that was not used lately, as `docker stats` counts it.
///
/// `counter` reads one of the engine's `memory_stats.stats`: cgroup v1 has `total_inactive_file`, v2 has
/// `inactive_file`. v1 also has an `inactive_file`, without the children, so the order of asking matters.
pub(super) fn memory_used(usage: u64, counter: impl Fn(&str) -> Option<u64>) -> u64 {
    let reclaimable = counter("total_inactive_file").or_else(|| counter("inactive_file"));
    match reclaimable {
        Some(cache) if cache < usage => usage - cache,
        _ => usage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_the_share_of_the_machine_times_its_cpus() {
        let sample = |container, machine, online_cpus| CpuSample {
            container,
            machine,
            online_cpus,
        };
        let check = |before, after, expect| assert_eq!(cpu_percent(before, after), expect);
        // Half of one of two CPUs.
        check(sample(100, Some(1000), 2), sample(600, Some(3000), 2), Some(50.0));
        // Both CPUs.
        check(sample(0, Some(0), 2), sample(2000, Some(2000), 2), Some(200.0));
        check(sample(5, Some(10), 4), sample(5, Some(20), 4), Some(0.0));
        // Engines that do not tell how many CPUs there are.
        check(sample(0, Some(0), 0), sample(1, Some(2), 0), Some(50.0));
        // A restarted container counts from zero again.
        check(sample(900, Some(10), 1), sample(5, Some(20), 1), Some(0.0));
        check(sample(0, Some(10), 1), sample(5, Some(10), 1), None);
        check(sample(0, None, 1), sample(5, Some(10), 1), None);
    }

    #[test]
    fn memory_leaves_out_the_idle_page_cache() {
        let check = |usage, counters: &[(&str, u64)], expect| {
            let read = |name: &str| counters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
            assert_eq!(memory_used(usage, read), expect, "{counters:?}");
        };
        // cgroup v1 has both counters, and the total one counts.
        check(1000, &[("inactive_file", 50), ("total_inactive_file", 300)], 700);
        // cgroup v2.
        check(1000, &[("inactive_file", 200), ("anon", 800)], 800);
        check(1000, &[], 1000);
        // The two figures are not read at the same instant.
        check(1000, &[("inactive_file", 1200)], 1000);
        check(1000, &[("total_inactive_file", 0), ("inactive_file", 900)], 1000);
    }
}
