# SPDX-License-Identifier: Apache-2.0
"""A coordinator is killed in each state, and `stampede resume` gives the report that it would have given."""
import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import time

from .support import Result, check, children_of, equal, free_port, wait_for
from .targets import Nginx

RATE = 400

HTTP = """
name: resumed
targets: { web: { http: { baseUrl: "%s", timeout: 5s } } }
scenarios:
  rate:
    executor: constant-arrival-rate
    rate: %d
    duration: 8s
    steps: [ { http: { target: web, get: "/a/{{vu}}", check: { status: 200 } } } ]
thresholds:
  http_reqs{scenario:rate}: [ { threshold: 'rate>100', abortOnFail: true } ]
"""

NULL = """
name: resumed
lostAfter: 5s
%s
scenarios:
  rate: { executor: constant-arrival-rate, rate: 100, duration: 2s, steps: [ { null: { latency: 1ms } } ] }
"""


def agents_of(place, run):
    """Its local agents, which outlive it: ended with the test if they still are there."""
    pids = children_of(run.pid)

    def end():
        for pid in pids:
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    mine = os.fsencode(place.tools.agent) in file.read()
                if mine:
                    os.kill(pid, signal.SIGKILL)

    place.stack.callback(end)
    return pids


def gone(pids):
    return not any(os.path.exists(f"/proc/{pid}") for pid in pids)


def kill(run):
    run.kill()
    run.communicate()


def log_of(folder):
    path = os.path.join(folder, "run.log")
    if not os.path.exists(path):
        return ""
    with open(path) as file:
        return file.read()


def wait_for_log(run, text, times=1):
    def there():
        check(run.poll() is None, f"the run ended before its log said {text!r}")
        return log_of(run.folder).count(text) >= times

    wait_for(there, f"{text!r} in the run's log")


def resume_command(place, folder, *options):
    return [place.tools.stampede, "resume", *options, folder]


def resume(place, folder, *options, timeout_s=60):
    done = subprocess.run(resume_command(place, folder, *options), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=timeout_s, env=place.env(), cwd=place.folder, check=False)
    return Result(done.returncode, done.stdout, done.stderr, folder, 0)


def start_resume(place, folder):
    child = subprocess.Popen(resume_command(place, folder), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, env=place.env(), cwd=place.folder)

    def finish(timeout_s=60):
        out, err = child.communicate(timeout=timeout_s)
        return Result(child.returncode, out, err, folder, 0)

    def end():
        if child.poll() is None:
            kill(child)

    place.stack.callback(end)
    child.finish = finish
    child.folder = folder
    return child


def start_agent(place, port, name):
    return place.start([place.tools.agent, "--connect", f"127.0.0.1:{port}", "--name", name, "--once", "--workers",
                        "1"], name)


def test_a_resumed_run_counts_as_its_target_does_to_the_request(place):
    web = place.stack.enter_context(Nginx(place.path("nginx")))
    run = place.start_run(HTTP % (web.url, RATE), "--agents", "3")
    place.started(run)
    agents = agents_of(place, run)
    wait_for(lambda: web.requests() >= 3 * RATE, "three seconds of load")
    kill(run)
    seen = web.requests()
    # Agents go on without their coordinator.
    wait_for(lambda: web.requests() >= seen + 2 * RATE, "two more seconds of load")
    result = resume(place, run.folder).expect(0).expect_whole(3)
    equal(result.row("http_reqs")["count"], 8 * RATE, "requests")
    equal(result.row("http_req_failed")["hits"], 0, "failures")
    wait_for(lambda: web.requests() >= 8 * RATE, "the access log")
    equal(web.requests(), 8 * RATE, "lines in the log")
    equal(result.summary["timeline"]["degraded"], [False] * len(result.summary["timeline"]["seconds"]), "degraded")
    wait_for(lambda: gone(agents), "the agents' ends")
    check(log_of(run.folder).count("state: running") == 1, "the run went on where it was")


def test_a_run_that_is_live_is_not_resumed_and_one_that_is_over_gives_its_report_again(place):
    run = place.start_run(NULL % "", "--agents", "2")
    agents = agents_of(place, run)
    place.started(run)
    refused = resume(place, run.folder).expect(104)
    check("is being run by another process" in refused.err, refused.err)
    agents += agents_of(place, run)
    first = run.finish().expect(0).expect_whole(2)
    wait_for(lambda: gone(agents), "the agents' ends")
    with open(os.path.join(run.folder, "summary.json")) as file:
        summary = file.read()
    again = resume(place, run.folder).expect(0)
    with open(os.path.join(run.folder, "summary.json")) as file:
        equal(file.read(), summary, "summary.json")
    equal(again.out, first.out, "the printed report")


def test_a_resumed_run_is_not_resumed_twice_at_a_time(place):
    run = place.start_run(NULL.replace("2s", "5s") % "", "--agents", "1")
    place.started(run)
    agents = agents_of(place, run)
    kill(run)
    resumed = start_resume(place, run.folder)
    wait_for_log(resumed, "going on with run")
    refused = resume(place, run.folder).expect(104)
    check("is being run by another process" in refused.err, refused.err)
    resumed.finish().expect(0).expect_whole(1)
    wait_for(lambda: gone(agents), "the agents' ends")


def test_a_coordinator_killed_while_it_gathers_takes_the_agents_that_came_and_those_that_come(place):
    port = free_port()
    run = place.start_run(NULL % "", "--listen", f"127.0.0.1:{port}", "--expect-agents", "2", "--wait", "60s")
    start_agent(place, port, "early")
    wait_for_log(run, "state: gathering")
    kill(run)
    resumed = start_resume(place, run.folder)
    wait_for_log(resumed, "going on with run")
    start_agent(place, port, "late")
    result = resumed.finish().expect(0).expect_whole(2)
    equal(sorted(agent["name"] for agent in result.summary["environment"]["agents"]), ["early", "late"], "agents")


def test_local_agents_that_are_missing_while_it_gathers_are_started_anew(place):
    idle = place.write("idle", "#!/bin/sh\nexec sleep 600\n")  # an agent that never says hello
    os.chmod(idle, 0o755)
    run = place.start_run(NULL % "", "--agents", "2", env=place.env(STAMPEDE_AGENT=idle))
    wait_for(lambda: len(children_of(run.pid)) == 2, "two processes")
    pids = children_of(run.pid)
    place.stack.callback(lambda: [os.kill(pid, signal.SIGKILL) for pid in pids if not gone([pid])])
    kill(run)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: gone(pids), "their ends")
    resume(place, run.folder).expect(0).expect_whole(2)


def test_a_coordinator_killed_before_t0_begins_when_it_is_resumed(place):
    setup = "setup: [ { null: { latency: 1500ms, values: { token: abc } } } ]"
    run = place.start_run(NULL % setup, "--agents", "2")
    wait_for_log(run, "state: assigned")
    agents = agents_of(place, run)
    check("state: ready" not in log_of(run.folder), "the setup was over at once")
    kill(run)
    resume(place, run.folder).expect(0).expect_whole(2)
    wait_for(lambda: gone(agents), "the agents' ends")
    equal(log_of(run.folder).count("state: ready"), 1, "starts")


def test_a_local_agent_that_died_with_its_coordinator_is_lost_at_once(place):
    run = place.start_run(NULL.replace("2s", "4s") % "", "--agents", "2")
    place.started(run)
    agents = agents_of(place, run)
    kill(run)
    os.kill(agents[0], signal.SIGKILL)
    wait_for(lambda: gone(agents[:1]), "the agent's end")
    result = resume(place, run.folder).expect(0)
    check("is lost: the process of local-1 has ended" in result.err, result.err)
    coverage = result.summary["coverage"]
    equal(result.summary["verdict"]["coverage"], "incomplete", "coverage")
    equal(coverage["planned"], coverage["started"] + coverage["dropped"] + coverage["unknown"], f"planned {coverage}")
    check(coverage["unknown"] > 0, "what the dead agent did is unknown")
    wait_for(lambda: gone(agents), "the agents' ends")


def test_what_an_agent_had_that_died_with_its_coordinator_goes_to_all_others(place):
    run = place.start_run(NULL.replace("2s", "8s") % "onAgentLoss: redistribute", "--agents", "3")
    place.started(run)
    agents = agents_of(place, run)
    time.sleep(3)  # until all have delivered some seconds
    kill(run)
    os.kill(agents[0], signal.SIGKILL)
    wait_for(lambda: gone(agents[:1]), "the agent's end")
    result = resume(place, run.folder).expect(0)
    check("what agent local-1 had goes to 2 agents" in result.err, result.err)
    check("no agent is there" not in result.err, result.err)
    operations = [agent["operations"] for agent in result.summary["agents"] if agent["name"] != "local-1"]
    check(max(operations) - min(operations) <= 2, f"operations of the others: {operations}")
    wait_for(lambda: gone(agents), "the agents' ends")


def test_a_resumed_run_can_be_interrupted(place):
    run = place.start_run(NULL.replace("2s", "60s") % "", "--agents", "2")
    place.started(run)
    agents = agents_of(place, run)
    kill(run)
    resumed = start_resume(place, run.folder)
    wait_for_log(resumed, "going on with run")
    resumed.send_signal(signal.SIGINT)
    result = resumed.finish().expect(105)
    equal(result.summary["verdict"]["coverage"], "complete", "coverage")
    wait_for(lambda: gone(agents), "the agents' ends")


def test_data_files_must_be_what_they_were(place):
    place.write("symbols.csv", "symbol\nA\nB\n")
    data = "data: { symbol: { csv: symbols.csv, column: symbol } }\nsetup: [ { null: { latency: 60s } } ]"
    run = place.start_run(NULL % data, "--agents", "1")
    wait_for_log(run, "state: assigned")
    agents_of(place, run)
    kill(run)
    place.write("symbols.csv", "symbol\nA\nC\n")
    result = resume(place, run.folder).expect(104)
    check("symbols.csv is not what it was" in result.err, result.err)
    os.unlink(place.path("symbols.csv"))
    check("symbols.csv" in resume(place, run.folder).expect(104).err, "the missing file is named")


def test_what_is_no_run_or_never_began_is_said(place):
    result = resume(place, place.path("nowhere")).expect(104)
    check("holds no run" in result.err, result.err)
    result = place.run(NULL % "", "--agents", "1").expect(0)
    folder = place.path("empty")
    os.mkdir(folder)
    with open(os.path.join(result.folder, "journal"), "rb") as journal:
        with open(os.path.join(folder, "journal"), "wb") as copy:
            copy.write(journal.read(12))
    said = resume(place, folder).expect(104)
    check("holds no run" in said.err, said.err)


def test_a_taken_address_is_told(place):
    run = place.start_run(NULL.replace("2s", "60s") % "", "--agents", "1")
    place.started(run)
    agents = agents_of(place, run)
    with open(f"/proc/{agents[0]}/cmdline", "rb") as file:
        port = int(file.read().split(b"\0")[2].rsplit(b":", 1)[1])
    kill(run)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        resume(place, run.folder).expect(106)


def test_a_closed_run_is_resumed_with_its_keys_alone(place):
    keys, port = place.path("keys"), free_port()
    subprocess.run([place.tools.stampede, "keys", keys], capture_output=True, check=True)
    run = place.start_run(NULL.replace("2s", "4s") % "", "--listen", f"127.0.0.1:{port}", "--expect-agents", "1",
                          "--keys", "keys")
    place.start([place.tools.agent, "--connect", f"127.0.0.1:{port}", "--name", "closed", "--once", "--key",
                 os.path.join(keys, "agent.key"), "--server-key", os.path.join(keys, "coordinator.pub")], "closed")
    place.started(run)
    kill(run)
    os.rename(keys, keys + "-away")
    check("keys" in resume(place, run.folder).expect(104).err, "the missing keys are told")
    os.rename(keys + "-away", keys)
    resume(place, run.folder).expect(0).expect_whole(1)


def test_a_run_that_never_had_its_agents_says_so_again(place):
    run = place.start_run(NULL % "", "--listen", f"127.0.0.1:{free_port()}", "--expect-agents", "1", "--wait", "100ms")
    first = run.finish().expect(96)
    again = resume(place, run.folder).expect(96)
    check("0 of 1 agents came" in first.err and "0 of 1 agents came" in again.err, again.err)


def test_a_full_disk_ends_the_run_with_what_was_held(place):
    limit = 3000
    command, folder = place.command(NULL.replace("2s", "60s") % "", "--agents", "2")
    run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           env=place.env(), cwd=place.folder,
                           preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    place.stack.callback(lambda: kill(run) if run.poll() is None else None)
    wait_for(lambda: len(children_of(run.pid)) == 2 or run.poll() is not None, "the agents")
    agents = agents_of(place, run)
    out, err = run.communicate(timeout=40)
    equal(run.returncode, 1, f"exit code, {err}")
    check("can't write to" in err and "journal" in err and "File too large" in err, err)
    check("coverage   INCOMPLETE" in out, out)
    check(os.path.getsize(os.path.join(folder, "journal")) <= limit, "the journal keeps to the limit")
    wait_for(lambda: gone(agents), "the agents' ends")
    # What is in the journal is whole: with room again, the report is made from it, and the run can be ended in order.
    shutil.copytree(folder, place.path("copy"))
    result = resume(place, place.path("copy"))
    equal(result.summary["verdict"]["coverage"], "incomplete", "coverage")
