# SPDX-License-Identifier: Apache-2.0
"""Several hosts on one machine: network namespaces on bridges, with addresses in 198.18.0.0/15. Needs root and iproute2."""
import ctypes
import itertools
import os
import subprocess

from .support import check

COUNT = itertools.count(1)


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"ip {' '.join(words)}: {done.stderr.strip()}")


class Network:
    """Hosts on two bridges: `control` (198.18.1.0/24) and `data` (198.18.2.0/24). Host n has address n on each."""

    def __init__(self, hosts):
        self.prefix = f"st{os.getpid() % 100000}-{next(COUNT)}"
        self.hosts = list(hosts)
        self.hub = f"{self.prefix}-hub"
        self.made = []

    def name(self, host):
        return f"{self.prefix}-{host}"

    def address(self, host, link="control"):
        return f"198.18.{1 if link == 'control' else 2}.{self.hosts.index(host) + 1}"

    def __enter__(self):
        try:
            self.add(self.hub)
            for link in ("control", "data"):
                ip("-n", self.hub, "link", "add", link, "type", "bridge")
                ip("-n", self.hub, "link", "set", link, "up")
            for host in self.hosts:
                self.add(self.name(host))
                for link in ("control", "data"):
                    self.plug(host, link)
        except BaseException:
            self.__exit__()
            raise
        return self

    def add(self, namespace):
        ip("netns", "add", namespace)
        self.made.append(namespace)
        ip("-n", namespace, "link", "set", "lo", "up")

    def plug(self, host, link):
        port = f"{link[0]}{self.hosts.index(host) + 1}"
        ip("-n", self.hub, "link", "add", port, "type", "veth", "peer", "name", link, "netns", self.name(host))
        ip("-n", self.hub, "link", "set", port, "master", link, "up")
        ip("-n", self.name(host), "address", "add", f"{self.address(host, link)}/24", "dev", link)
        ip("-n", self.name(host), "link", "set", link, "up")

    def set_link(self, host, link, up):
        """A host's link goes down, at the bridge's end: the host itself sees a carrier loss, as from a dead switch."""
        port = f"{link[0]}{self.hosts.index(host) + 1}"
        ip("-n", self.hub, "link", "set", port, "up" if up else "down")

    def inside(self, host, *command):
        """The command line that runs a command on a host."""
        return ["ip", "netns", "exec", self.name(host), *command]

    def enter(self, host):
        """Moves the calling thread to a host: what it opens from then on is there."""
        with open(f"/run/netns/{self.name(host)}") as file:
            check(ctypes.CDLL(None).setns(file.fileno(), 0) == 0, f"no way into {host}")

    def __exit__(self, *_):
        for namespace in reversed(self.made):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)
