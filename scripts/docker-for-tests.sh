#!/bin/sh
# Makes a Docker engine answer for the tests and imports their image `jarvis-test/tiny`. Safe to run again at any time.
#
# When an engine answers already, it is used as it is. Otherwise, as root or with sudo, dockerd is started in the background
# and left running; on machines that look like containers the usual reasons for a failed start are worked around one by one.
#
#   JARVIS_TEST_DOCKER_LOG   where dockerd writes its log (default /tmp/dockerd.log)
set -eu

image=jarvis-test/tiny
log=${JARVIS_TEST_DOCKER_LOG:-/tmp/dockerd.log}

say() { echo "docker-for-tests: $*" >&2; }
fail() { say "$*"; exit 1; }
answers() { timeout 5 docker version >/dev/null 2>&1; }

need() { # need PROGRAM DEBIAN_PACKAGE
    command -v "$1" >/dev/null 2>&1 || fail "$1 is missing: apt-get install -y $2"
}

# Debian's docker.io does not need systemd, but it does need the cgroup hierarchies.
mount_cgroups() {
    grep -q ' cgroup2\? ' /proc/mounts && return 0
    say "no cgroups are mounted, mounting them (version 1)"
    mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
    awk '!/^#/ && $4 == 1 { print $1 }' /proc/cgroups | while read -r name; do
        mkdir -p "/sys/fs/cgroup/$name"
        mount -t cgroup -o "$name" cgroup "/sys/fs/cgroup/$name" || rmdir "/sys/fs/cgroup/$name"
    done
}

# start FLAGS...: starts dockerd and waits until it answers (0) or has ended or is too slow (1).
start() {
    # An engine that is started on behalf of a user is that user's to use.
    [ -z "${SUDO_GID:-}" ] || set -- --group "$SUDO_GID" "$@"
    say "starting dockerd $*"
    setsid dockerd "$@" >"$log" 2>&1 </dev/null &
    daemon=$!
    waited=0
    while [ "$waited" -lt 60 ]; do
        answers && return 0
        kill -0 "$daemon" 2>/dev/null || return 1
        sleep 1
        waited=$((waited + 1))
    done
    kill "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
    return 1
}

# Another engine, on a socket of its own, is none of ours.
default_daemon_runs() { is_running /var/run/docker.pid dockerd; }

# is_running PIDFILE PROGRAM: the process of that file is alive, and is that program and not a later one of its number.
is_running() {
    pid=$(cat "$1" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ]
}

# An engine that was killed leaves files behind that keep the next one from starting when their numbers are in use again.
remove_stale_files() {
    is_running /var/run/docker.pid dockerd || rm -f /var/run/docker.pid
    containerd=/var/run/docker/containerd/containerd.pid
    is_running "$containerd" containerd || rm -f "$containerd"
}

start_engine() {
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || fail "no engine answers; run this as root or with sudo, or start Docker (systemctl start docker)"
        sudo -n JARVIS_TEST_DOCKER_LOG="$log" "$0"
        answers && return 0
        fail "an engine runs, but $(id -un) may not use it: sudo usermod -aG docker $(id -un), and log in again"
    fi
    need dockerd docker.io
    # An engine that has only just been asked for (by another test run) gets its time.
    if default_daemon_runs; then
        say "dockerd runs but does not answer yet, waiting"
        waited=0
        while [ "$waited" -lt 30 ]; do
            answers && return 0
            sleep 1
            waited=$((waited + 1))
        done
        fail "dockerd runs but does not answer; see its log ($log when started from here)"
    fi
    mount_cgroups
    remove_stale_files
    start && return 0
    say "dockerd ended: $(tail -n 1 "$log")"
    start --iptables=false --ip6tables=false && { say "without iptables: published ports work through docker-proxy only"; return 0; }
    say "dockerd ended: $(tail -n 1 "$log")"
    start --iptables=false --ip6tables=false --storage-driver=vfs && { say "with the slow storage driver vfs"; return 0; }
    say "dockerd ended: $(tail -n 1 "$log")"
    start --iptables=false --ip6tables=false --storage-driver=vfs --bridge=none && { say "without a network bridge"; return 0; }
    tail -n 20 "$log" >&2
    fail "dockerd does not start here, its last lines are above"
}

# A few MB: busybox with all its commands, and a web server as the default command.
import_image() {
    docker image inspect "$image" >/dev/null 2>&1 && return 0
    need busybox busybox-static
    busybox=$(command -v busybox)
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT
    mkdir -p "$root/bin" "$root/www" "$root/tmp" "$root/etc"
    chmod 1777 "$root/tmp"
    cp -L "$busybox" "$root/bin/busybox"
    # The list names busybox itself: linking that would make a loop.
    for applet in $("$busybox" --list); do
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
    echo ok >"$root/www/health"
    echo 'root:x:0:0::/:/bin/sh' >"$root/etc/passwd"
    tar -C "$root" -c . | docker import -c 'ENV PATH=/bin' -c 'EXPOSE 8080' \
        -c 'CMD ["httpd","-f","-p","8080","-h","/www"]' - "$image" >/dev/null
    docker run --rm --network none "$image" true || fail "the image $image was imported but does not run; is busybox-static installed?"
    say "imported $image"
}

need docker docker.io
answers || start_engine
import_image
say "engine $(docker version --format '{{.Server.Version}}') answers, image $image is there"
