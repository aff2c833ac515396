# SPDX-License-Identifier: Apache-2.0
"""Passwords and keys that agents read for themselves: real brokers let them in, and nothing that a run leaves tells them."""
import os
import subprocess

from .kafka_cluster import PASSWORD, USER
from .support import check, equal
from .test_kafka_faults import errors, load, plan, shared, target

KEY_PASSWORD = "a key's own password"
STEP = "target: %s, topic: secrets, size: 100"
SASL = {"sasl_username": '"{{secret.KAFKA_USER}}"', "sasl_password": '"{{secret.KAFKA_PASSWORD}}"'}
KEY = {"ssl_ca_pem": '"{{secret.CA}}"', "ssl_key_pem": '"{{secret.KEY}}"',
       "ssl_key_password": '"{{secret.KEY_PASSWORD}}"'}


# All that makes a client of its own: topics, producers, verifiers, consumers, readers.
EVERYONE = """
name: everyone logs in
targets:
  stream:
    kafka:
      brokers: "%s"
      properties: { security.protocol: SASL_SSL, sasl.mechanism: PLAIN, sasl.username: "{{secret.KAFKA_USER}}",
                    sasl.password: "{{secret.KAFKA_PASSWORD}}", ssl.ca.pem: "{{secret.CA}}" }
      topics: { everyone: { partitions: 2 } }
readers:
  - cluster: { target: stream }
scenarios:
  ticks: { executor: constant-arrival-rate, rate: 100, duration: 3s,
           steps: [ { produce: { target: stream, topic: everyone, size: 100, verify: during } } ] }
  readers: { executor: constant-vus, vus: 2, duration: 6s,
             steps: [ { consume: { target: stream, topic: everyone, groupId: everyone, from: beginning, commit: poll } } ] }
thresholds:
  kafka_messages_lost: ["count==0"]
  kafka_messages_consumed: ["count>0"]
  kafka_consumer_lag: ["value>=0"]
  kafka_under_replicated_partitions: ["max>=0"]
"""


def make_key(place):
    """A client's encrypted key and certificate; the key's text."""
    key, certificate = place.path("client.key"), place.path("client.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-passout", f"pass:{KEY_PASSWORD}", "-days", "2",
                    "-subj", "/CN=client", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with open(key) as file:
        return file.read(), certificate


def secrets(place, **files):
    """An environment with secrets: the login in it, what has several lines in files."""
    folder = place.path("secrets")
    os.makedirs(folder, exist_ok=True)
    for name, text in files.items():
        with open(os.path.join(folder, name), "w") as file:
            file.write(text + "\n")
    return place.env(STAMPEDE_SECRETS_DIR=folder, STAMPEDE_SECRET_KAFKA_USER=USER,
                     STAMPEDE_SECRET_KAFKA_PASSWORD=PASSWORD, STAMPEDE_SECRET_KEY_PASSWORD=KEY_PASSWORD)


def expect_untold(result, *values):
    """None of the values is in anything that the run wrote or said."""
    texts = {"stdout": result.out.encode(), "stderr": result.err.encode()}
    for folder, _, names in os.walk(result.folder):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                texts[name] = file.read()
    check("plan.yaml" in texts and "journal" in texts and "run.log" in texts, f"only {sorted(texts)}")
    for value in values:
        told = [name for name, text in texts.items() if value.encode() in text]
        check(not told, f"a secret is in {told}")


def test_secrets_let_producers_in_and_are_told_nowhere(place):
    cluster = shared(place)
    cluster.create("secrets")
    key, certificate = make_key(place)
    with open(cluster.certificate) as file:
        env = secrets(place, CA=file.read(), KEY=key)
    result = place.run(plan([
        target("plain", cluster.sasl_brokers, security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN", debug="all",
               **SASL),
        target("scram", cluster.sasl_brokers, security_protocol="SASL_PLAINTEXT", sasl_mechanism="SCRAM-SHA-256",
               **SASL),
        target("tls", cluster.tls_brokers, security_protocol="SSL", ssl_certificate_location=certificate, debug="conf",
               **KEY),
        target("both", cluster.sasl_tls_brokers, security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-256",
               ssl_ca_pem='"{{secret.CA}}"', **SASL)],
        [load(name, STEP % name, 100, 2) for name in ("plain", "scram", "tls", "both")]),
        "--agents", "2", env=env).expect(0)
    for scenario in ("plain", "scram", "tls", "both"):
        equal((result.row("kafka_messages_produced", scenario)["count"], errors(result, scenario)), (200, []), scenario)
    equal(cluster.messages("secrets"), 800, "the brokers' end offsets")
    check("{{secret.KAFKA_PASSWORD}}" in open(os.path.join(result.folder, "plan.yaml")).read(), "no secret in plan.yaml")
    expect_untold(result, PASSWORD, KEY_PASSWORD, key.splitlines()[3])


def test_everyone_who_asks_a_broker_logs_in_with_secrets(place):
    cluster = shared(place)
    with open(cluster.certificate) as file:
        env = secrets(place, CA=file.read())
    result = place.run(EVERYONE % cluster.sasl_tls_brokers, env=env).expect(0)
    equal(cluster.messages("everyone"), 300, "the brokers' end offsets")
    expect_untold(result, PASSWORD)


def test_a_secret_that_an_agent_lacks_or_that_does_not_fit_ends_the_run_before_it_starts(place):
    cluster = shared(place)
    key, certificate = make_key(place)
    env = secrets(place, KEY=key)
    lacking = place.run(plan([target("stream", cluster.sasl_brokers, security_protocol="SASL_PLAINTEXT",
                                     sasl_mechanism="PLAIN", sasl_username=USER,
                                     sasl_password='"{{secret.KAFKA_PASSWORT}}"')],
                             [load("s", STEP % "stream", 10, 1)]), env=env).expect(96)
    check("property sasl.password: this agent has no secret KAFKA_PASSWORT" in lacking.err, lacking.err)
    env["STAMPEDE_SECRET_KEY_PASSWORD"] = "another key's password"
    wrong = place.run(plan([target("stream", cluster.tls_brokers, security_protocol="SSL",
                                   ssl_certificate_location=certificate, ssl_key_pem=KEY["ssl_key_pem"],
                                   ssl_key_password=KEY["ssl_key_password"])],
                           [load("s", STEP % "stream", 10, 1)]), env=env).expect(96)
    check("ssl.key.pem failed" in wrong.err, wrong.err)
    expect_untold(wrong, env["STAMPEDE_SECRET_KEY_PASSWORD"], key.splitlines()[3])


def test_a_secret_where_librdkafka_would_show_it_is_an_error_of_the_plan(place):
    result = place.run(plan([target("stream", "127.0.0.1:1", client_id='"{{secret.NAME}}"')],
                            [load("s", STEP % "stream", 10, 1)])).expect(104)
    check('property "client.id" in target "stream": a secret may stand in sasl.username' in result.err, result.err)
