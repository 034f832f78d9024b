"""Namespaces of one's own, in a chroot as well."""


def root_is_mounted() -> bool:
    """False in a chroot into a plain folder."""
    with open("/proc/self/mountinfo") as mounts:
        return any(line.split()[4] == "/" for line in mounts)


def unshare(*options: str) -> list[str]:
    """Runs what follows with mounts of its own, which nobody outside sees, and in what `options` of unshare name."""
    if root_is_mounted():
        return ["unshare", "--mount", *options, "--"]
    # Mounts are made private from a mount point on: here that is the true root, which entering the namespace leads to.
    private = "nsenter --mount=/proc/self/ns/mnt -- mount --make-rprivate /"
    inside = ["/bin/sh", "-c", f'{private} && exec "$@"', "sh"]
    return ["unshare", "--mount", *options, "--propagation", "unchanged", "--", *inside]


def nsenter(pid: str, directory: str) -> list[str]:
    """Runs what follows in the network, with the mounts and at the root of a process; `directory` is seen from there."""
    return ["nsenter", "--target", pid, "--net", "--mount", "--root", f"--wdns={directory}", "--"]
