//! Reads CPU, memory, disks and load of this machine.

use std::path::Path;
use std::time::Duration;

use sysinfo::{Disks, MINIMUM_CPU_UPDATE_INTERVAL, System};

use crate::Error;

/// What the machine has and what of it is in use. Sizes in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Machine {
    pub name: Option<String>,
    pub system: Option<String>,
    /// 100 is all CPUs kept busy.
    pub cpu_percent: f32,
    pub cpus: usize,
    /// Over 1, 5 and 15 minutes.
    pub load: Option<[f64; 3]>,
    pub memory_total: u64,
    pub memory_used: u64,
    pub swap_total: u64,
    pub swap_used: u64,
    pub uptime: Option<Duration>,
    pub disks: Vec<Disk>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Disk {
    /// The device or share.
    pub device: String,
    pub file_system: String,
    pub mounted_at: String,
    pub total: u64,
    pub free: u64,
}

impl Disk {
    /// What is left for ordinary users, in whole percent, rounded down. Not the complement of what is used: file
    /// systems keep a part back.
    pub(super) fn free_percent(&self) -> u64 {
        let free = u128::from(self.free) * 100 / u128::from(self.total.max(1));
        u64::try_from(free).unwrap_or_default()
    }
}

/// Takes a quarter of a second: CPU use is the difference between two looks.
pub(super) async fn read() -> Result<Machine, Error> {
    let mut system = blocking(|| {
        let mut system = System::new().map_err(unreadable)?;
        system.refresh_cpu_usage();
        system.refresh_memory();
        Ok(system)
    })
    .await?;
    tokio::time::sleep(MINIMUM_CPU_UPDATE_INTERVAL).await;
    blocking(move || {
        system.refresh_cpu_usage();
        // Disks that cannot be read are left out: a network share that is away must not hide the rest.
        let disks = Disks::new_with_refreshed_list().map(|disks| disks.iter().map(disk).collect());
        Ok(Machine {
            name: System::host_name().ok(),
            system: System::long_os_version().ok(),
            cpu_percent: system.global_cpu_usage(),
            cpus: system.cpus().len(),
            load: System::load_average()
                .ok()
                .map(|load| [load.one, load.five, load.fifteen]),
            memory_total: system.total_memory(),
            memory_used: system.used_memory(),
            swap_total: system.total_swap(),
            swap_used: system.used_swap(),
            uptime: System::uptime().ok().map(Duration::from_secs),
            disks: real_disks(disks.unwrap_or_default()),
        })
    })
    .await
}

/// Reading `/proc` and asking file systems for their size blocks, on a dead network share for long.
async fn blocking<T: Send + 'static>(look: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    let limit = Duration::from_secs(5);
    match tokio::time::timeout(limit, tokio::task::spawn_blocking(look)).await {
        Ok(Ok(read)) => read,
        Ok(Err(_)) => Err(Error::unavailable("reading the state of this machine failed")),
        Err(_) => Err(Error::unavailable("reading the state of this machine takes too long")
            .with_hint("a network share may hang: see `df` on the server")),
    }
}

fn unreadable(error: impl std::fmt::Display) -> Error {
    Error::unavailable(format!("the state of this machine cannot be read: {error}"))
}

fn disk(disk: &sysinfo::Disk) -> Disk {
    Disk {
        device: disk.name().to_string_lossy().into_owned(),
        file_system: disk.file_system().to_string_lossy().into_owned(),
        mounted_at: disk.mount_point().to_string_lossy().into_owned(),
        total: disk.total_space(),
        free: disk.available_space(),
    }
}

/// Disks as people count them.
///
/// 1. File systems in memory, read-only images and the layers of containers are no disks.
/// 2. A device that is mounted in several places (bind mounts, subvolumes) is shown once, where its path is shortest.
fn real_disks(mut disks: Vec<Disk>) -> Vec<Disk> {
    const NOT_DISKS: [&str; 12] = [
        "tmpfs", "ramfs", "devtmpfs", "squashfs", "iso9660", "proc", "sysfs", "cgroup", "cgroup2", "nsfs", "efivarfs",
        "autofs",
    ];
    disks.retain(|disk| {
        let is_layer = disk.file_system == "overlay" && disk.mounted_at != "/";
        let is_inside_docker = Path::new(&disk.mounted_at).starts_with("/var/lib/docker");
        disk.total > 0 && !NOT_DISKS.contains(&disk.file_system.as_str()) && !is_layer && !is_inside_docker
    });
    disks.sort_by(|left, right| {
        let key = |disk: &Disk| (disk.device.clone(), disk.mounted_at.len(), disk.mounted_at.clone());
        key(left).cmp(&key(right))
    });
    disks.dedup_by(|later, kept| later.device == kept.device && later.total == kept.total);
    disks.sort_by(|left, right| left.mounted_at.cmp(&right.mounted_at));
    disks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(device: &str, file_system: &str, mounted_at: &str, total: u64, free: u64) -> Disk {
        Disk {
            device: device.into(),
            file_system: file_system.into(),
            mounted_at: mounted_at.into(),
            total,
            free,
        }
    }

    #[test]
    fn a_disk_is_shown_once_and_noise_never() {
        let check = |given: Vec<Disk>, expect: &[&str]| {
            let disks = real_disks(given);
            let shown: Vec<&str> = disks.iter().map(|disk| disk.mounted_at.as_str()).collect();
            assert_eq!(shown, expect);
        };
        check(
            vec![
                disk("/dev/sda1", "ext4", "/etc/hosts", 100, 50),
                disk("/dev/sda1", "ext4", "/", 100, 50),
                disk("tmpfs", "tmpfs", "/run", 10, 10),
                disk("overlay", "overlay", "/var/lib/docker/overlay2/x/merged", 100, 50),
                disk("/dev/sdb1", "xfs", "/srv/media", 200, 20),
                disk("nas:/share", "nfs4", "/mnt/nas", 300, 30),
                disk("/dev/loop0", "squashfs", "/snap/core", 1, 0),
                disk("none", "ext4", "/empty", 0, 0),
            ],
            &["/", "/mnt/nas", "/srv/media"],
        );
        // In a container the root itself is an overlay, and it is the only disk there is.
        check(vec![disk("overlay", "overlay", "/", 100, 50)], &["/"]);
        // Two shares of one server are two disks.
        check(
            vec![disk("pool", "zfs", "/a", 100, 50), disk("pool", "zfs", "/b", 200, 50)],
            &["/a", "/b"],
        );
    }

    #[test]
    fn the_free_part_is_rounded_down() {
        let check = |total, free, expect| assert_eq!(disk("a", "ext4", "/", total, free).free_percent(), expect);
        check(100, 100, 100);
        check(1000, 9, 0);
        check(1000, 509, 50);
        check(0, 0, 0);
        check(u64::MAX, u64::MAX, 100);
    }
}
