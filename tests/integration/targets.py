# SPDX-License-Identifier: Apache-2.0
"""Real targets on 127.0.0.1: Kafka, nginx, PostgreSQL. Each is a context manager."""
import glob
import os
import pwd
import signal
import subprocess

from .kafka_cluster import Kafka  # noqa: F401 - a target like those here
from .support import Process, check, children_of, free_port, wait_for


class Nginx:
    """A web server that answers 200 at once and logs each request."""

    def __init__(self, folder, locations="", listen=None, prefix=()):
        """`listen` and `prefix`: an address elsewhere, and what runs a command there."""
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        self.folder, self.locations, self.prefix = folder, locations, prefix
        self.port = free_port()
        self.listen = listen or f"127.0.0.1:{self.port}"
        self.url = f"http://{self.listen}"
        self.access = os.path.join(folder, "access.log")

    def __enter__(self):
        path = os.path.join(self.folder, "nginx.conf")
        with open(path, "w") as file:
            file.write(f"""daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {self.folder}/nginx.pid;
error_log {self.folder}/error.log;
events {{ worker_connections 10000; }}
http {{
  access_log {self.access};
  keepalive_requests 1000000;
  client_body_temp_path {self.folder}/body; proxy_temp_path {self.folder}/proxy;
  fastcgi_temp_path {self.folder}/fastcgi; uwsgi_temp_path {self.folder}/uwsgi; scgi_temp_path {self.folder}/scgi;
  server {{
    listen {self.listen} backlog=8192;
    location / {{ return 200 "ok\\n"; }}
    {self.locations}
  }}
}}
""")
        self.process = Process([*self.prefix, "nginx", "-p", self.folder, "-c", path],
                               os.path.join(self.folder, "out.log"))
        wait_for(lambda: os.path.exists(f"{self.folder}/nginx.pid") or not self.process.running(), "nginx", 10)
        check(self.process.running(), "nginx ended: " + self.process.output())
        return self

    def workers(self):
        return children_of(self.process.pid)

    def freeze(self, frozen):
        """SIGSTOP or SIGCONT to its workers."""
        check(self.workers(), "nginx has no workers")
        for pid in self.workers():
            os.kill(pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    def requests(self):
        """Lines of the access log, once it has stopped growing: the server writes a line when it has answered."""
        with open(self.access) as file:
            return sum(1 for _ in file)

    def __exit__(self, *_):
        for pid in self.workers():
            os.kill(pid, signal.SIGCONT)
        self.process.stop(signal.SIGTERM)


class Postgres:
    """A private PostgreSQL with pg_stat_statements."""

    def __init__(self, folder):
        os.makedirs(folder)
        self.folder = folder
        self.port = free_port()
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.user = "postgres" if os.geteuid() == 0 else None
        self.uri = f"postgresql://tester@127.0.0.1:{self.port}/stocks"

    def __enter__(self):
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        data = os.path.join(self.folder, "data")
        subprocess.run([os.path.join(self.bin, "initdb"), "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8",
                        "--no-sync"], user=self.user, check=True, stdout=subprocess.DEVNULL, cwd="/")
        self.process = Process([os.path.join(self.bin, "postgres"), "-D", data, "-p", str(self.port), "-k", self.folder,
                                "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200",
                                "-c", "shared_preload_libraries=pg_stat_statements"],
                               os.path.join(self.folder, "out.log"), user=self.user, cwd="/")
        wait_for(lambda: self.answers() or not self.process.running(), "PostgreSQL", 30)
        check(self.process.running(), "PostgreSQL ended: " + self.process.output())
        self.sql("CREATE DATABASE stocks", "postgres")
        self.sql("CREATE EXTENSION pg_stat_statements; CREATE TABLE stock_data AS SELECT 'S' || (i % 100) AS symbol, "
                 "i AS close FROM generate_series(1, 5000) AS i; CREATE INDEX ON stock_data (symbol)")
        return self

    def answers(self):
        return subprocess.run([os.path.join(self.bin, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                              check=False).returncode == 0

    def sql(self, text, database="stocks"):
        done = subprocess.run([os.path.join(self.bin, "psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h",
                               "127.0.0.1", "-p", str(self.port), "-U", "tester", database, "-c", text],
                              capture_output=True, text=True, check=False)
        check(done.returncode == 0, f"psql: {done.stderr}")
        return done.stdout.strip()

    def reset_statistics(self):
        self.sql("SELECT pg_stat_statements_reset()")

    def statistics(self, fragment):
        """Calls and rows of the statements that hold `fragment`."""
        calls, rows = self.sql("SELECT coalesce(sum(calls), 0), coalesce(sum(rows), 0) FROM pg_stat_statements WHERE "
                               f"query LIKE '%{fragment}%' AND query NOT LIKE '%pg_stat%'").split("|")
        return int(calls), int(rows)

    def __exit__(self, *_):
        self.process.stop(signal.SIGINT)
