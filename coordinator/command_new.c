/* SPDX-License-Identifier: Apache-2.0 */
/* `stampede new`: a commented first plan, which runs against the lab. */
#include "coordinator/command.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/exit_code.h"

static const char first_plan[] =
        "# A first plan. Run it on the embedded targets with\n"
        "#   stampede-lab -- stampede run FILE\n"
        "# and on your own by naming them:\n"
        "#   stampede run -e brokers=host:9092 -e api=http://host:8000 -e db=postgresql://host/stocks FILE\n"
        "name: first plan\n"
        "\n"
        "# ${NAME} is replaced when the plan is read: -e NAME=value, else the environment's\n"
        "# STAMPEDE_VAR_NAME (the lab sets BROKERS, API and DB), else what stands here.\n"
        "variables:\n"
        "  brokers: \"localhost:9092\"\n"
        "  api: \"http://localhost:8000\"\n"
        "  db: \"postgresql://localhost/stocks\"\n"
        "\n"
        "# What is put under load. Kafka's properties are librdkafka's, by their own names.\n"
        "targets:\n"
        "  stream: { kafka: { brokers: \"${brokers}\", properties: { linger.ms: 5 } } }\n"
        "  api: { http: { baseUrl: \"${api}\", timeout: 5s } }\n"
        "  db: { postgres: { uri: \"${db}\", connections: 4 } }\n"
        "\n"
        "# Operations of the first seconds are shown, but kept out of totals and thresholds.\n"
        "warmup: 2s\n"
        "\n"
        "# An executor says how iterations start, the steps what one iteration does.\n"
        "scenarios:\n"
        "  # An open loop: so many iterations a second, whatever the answers take.\n"
        "  ticks:\n"
        "    executor: constant-arrival-rate\n"
        "    rate: 200           # a second, over all agents and producers\n"
        "    duration: 12s\n"
        "    producers: 4        # Kafka clients, spread over the agents\n"
        "    steps:\n"
        "      - produce: { target: stream, topic: stock-data, key: \"{{random 1 3000}}\", size: 100..1024, acks: all "
        "}\n"
        "\n"
        "  # A closed loop: users who wait for their answers, and think.\n"
        "  users:\n"
        "    executor: ramping-vus\n"
        "    stages: [ { duration: 6s, target: 10 }, { duration: 6s, target: 10 } ]\n"
        "    steps:\n"
        "      - http: { target: api, get: \"/api/stocks\", check: { status: 200 } }\n"
        "      - think: 200ms..500ms\n"
        "\n"
        "  reports:\n"
        "    executor: constant-vus\n"
        "    vus: 2\n"
        "    duration: 12s\n"
        "    steps:\n"
        "      - sql: { target: db, query: \"SELECT count(*) FROM stock_data\" }\n"
        "      - think: 100ms\n"
        "\n"
        "# What must hold; the run ends with exit code 99 if one doesn't.\n"
        "thresholds:\n"
        "  'kafka_produce_response_time{scenario:ticks}': ['p(95)<500']\n"
        "  'http_req_failed': ['rate<0.05']\n"
        "  'sql_query_failed': ['rate==0']\n";

static int run(const struct command *command, int argc, char **argv)
{
	struct positionals positionals;
	const char *path;
	int exit_code;

	if (!command_options(command, NULL, argc, argv, 1, &positionals, &exit_code))
		return exit_code;
	path = positionals.items[0];
	int fd cleanup(cleanup_close) = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 && errno == EEXIST)
		return command_refuse(command, "%s exists already; it is left as it is", path);
	if (fd < 0)
		return command_refuse(command, "can't make \"%s\": %s", path, strerror(errno));
	errno = ENOSPC; /* a short write says nothing else */
	if (write(fd, first_plan, sizeof(first_plan) - 1) != (ssize_t)sizeof(first_plan) - 1) {
		exit_code = command_refuse(command, "can't write %s: %s", path, strerror(errno));
		unlink(path);
		return exit_code;
	}
	printf("Wrote %s. Run it on the embedded targets:\n  stampede-lab -- stampede run %s\n", path, path);
	return EXIT_CODE_PASSED;
}

static const struct option_row no_options[] = {{.name = NULL}};

const struct command command_new = {
        .name = "new",
        .summary = "Writes a commented first plan that runs against the lab.",
        .arguments = "FILE",
        .example = "stampede new first.yaml",
        .options = no_options,
        .run = run,
};
