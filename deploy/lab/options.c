/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's command line: a table of options; what follows them is the command. */
#include "deploy/lab/options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/units.h"

#define LATENCY_MAX_NS (3600 * NS_PER_S) /* an hour: later than any client waits */

static const char help[] = "stampede-lab -- stampede run --agents 3 plans/demo.yaml\n"
                           "\n"
                           "Starts a mock Kafka cluster, a stock API and a private PostgreSQL on 127.0.0.1,\n"
                           "runs COMMAND with STAMPEDE_VAR_BROKERS, STAMPEDE_VAR_API, STAMPEDE_VAR_DB and\n"
                           "STAMPEDE_VAR_SYMBOLS (a CSV file) set, prints what the targets counted, and\n"
                           "ends with COMMAND's exit code. Without COMMAND it prints these variables and\n"
                           "serves until it is interrupted.\n"
                           "\n"
                           "usage: stampede-lab [OPTION]... [--] [COMMAND...]\n"
                           "  --kafka          start the mock Kafka cluster (3 brokers)\n"
                           "  --api            start the stock API\n"
                           "  --postgres       start the private PostgreSQL; all three if none is named\n"
                           "  --symbols N      stock symbols in the API and the database (3000)\n"
                           "  --latency RANGE  of the API's answers, as 2ms or 1ms..5ms (1ms..5ms)\n"
                           "  --errors SHARE   of the API's answers, as 0.5%: 429 45 %, never in time 30 %,\n"
                           "                   500 15 %, 401 10 % of them (0)\n"
                           "  --counters FILE  write the targets' counters there as JSON too\n"
                           "  --version        print the version\n"
                           "  --help           this text\n";

const char *options_help(void)
{
	return help;
}

static int set_kafka(const char *value, struct options *options)
{
	(void)value;
	options->kafka = 1;
	return 0;
}

static int set_api(const char *value, struct options *options)
{
	(void)value;
	options->api = 1;
	return 0;
}

static int set_postgres(const char *value, struct options *options)
{
	(void)value;
	options->postgres = 1;
	return 0;
}

static int set_help(const char *value, struct options *options)
{
	(void)value;
	options->help = 1;
	return 0;
}

static int set_version(const char *value, struct options *options)
{
	(void)value;
	options->version = 1;
	return 0;
}

static int set_symbols(const char *value, struct options *options)
{
	uint64_t count;
	int r = units_parse_count(value, &count);

	if (r < 0)
		return r;
	if (count < 1 || count > OPTIONS_SYMBOLS_MAX)
		return -ERANGE;
	options->symbols = count;
	return 0;
}

static int set_latency(const char *value, struct options *options)
{
	const char *dots = strstr(value, "..");
	char low_text[32];
	uint64_t low = 0, high = 0;
	int r;

	if (!dots) {
		r = units_parse_duration(value, &low);
		high = low;
	} else {
		if ((size_t)(dots - value) >= sizeof(low_text))
			return -EINVAL;
		memcpy(low_text, value, (size_t)(dots - value));
		low_text[dots - value] = 0;
		r = units_parse_duration(low_text, &low);
		if (r == 0)
			r = units_parse_duration(dots + 2, &high);
	}
	if (r < 0)
		return r;
	if (low > high || high > LATENCY_MAX_NS)
		return -ERANGE;
	options->latency_low_ns = low;
	options->latency_high_ns = high;
	return 0;
}

static int set_errors(const char *value, struct options *options)
{
	return units_parse_share(value, &options->errors);
}

static int set_counters(const char *value, struct options *options)
{
	if (!*value)
		return -EINVAL;
	options->counters = value;
	return 0;
}

struct option_row {
	const char *name;
	const char *wanted; /* what its value is; NULL: it has none */
	int (*set)(const char *value, struct options *options);
};

static const struct option_row rows[] = {
        {"--kafka", NULL, set_kafka},
        {"--api", NULL, set_api},
        {"--postgres", NULL, set_postgres},
        {"--symbols", "a count from 1 to 100000", set_symbols},
        {"--latency", "a duration or a range of durations up to 1h, as 1ms..5ms", set_latency},
        {"--errors", "a share from 0 to 1, as 0.5%", set_errors},
        {"--counters", "a file's name", set_counters},
        {"--version", NULL, set_version},
        {"--help", NULL, set_help},
        {"-h", NULL, set_help},
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

static const struct option_row *find(const char *text, size_t size)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (strlen(rows[i].name) == size && memcmp(rows[i].name, text, size) == 0)
			return &rows[i];
	return NULL;
}

static int refuse_unknown(const char *argument, size_t name_size, struct failure *failure)
{
	const char *names[ROW_COUNT + 1] = {NULL};
	cleanup(cleanup_free) char *name = strndup(argument, name_size);
	const char *nearest;

	if (!name)
		return failure_set(failure, -ENOMEM, "no memory");
	for (size_t i = 0; i < ROW_COUNT; i++)
		names[i] = rows[i].name;
	nearest = text_nearest(name, names);
	if (nearest)
		return failure_set(failure, -EINVAL, "unknown option %s (did you mean %s?)", name, nearest);
	return failure_set(failure, -EINVAL, "unknown option %s (--help lists them)", name);
}

/* Reads the option at **at and moves past it. */
static int read_option(char *const **at, struct failure *failure, struct options *options)
{
	const char *argument = **at;
	const char *equals = strchr(argument, '=');
	size_t name_size = equals ? (size_t)(equals - argument) : strlen(argument);
	const struct option_row *row = find(argument, name_size);
	const char *value = equals ? equals + 1 : NULL;

	if (!row)
		return refuse_unknown(argument, name_size, failure);
	(*at)++;
	if (!row->wanted && value)
		return failure_set(failure, -EINVAL, "%s takes no value", row->name);
	if (row->wanted && !value && !(value = **at))
		return failure_set(failure, -EINVAL, "%s needs %s", row->name, row->wanted);
	if (row->wanted && !equals)
		(*at)++;
	if (row->set(value, options) < 0)
		return failure_set(failure, -EINVAL, "%s \"%s\" is not %s", row->name, value, row->wanted);
	return 0;
}

int options_parse(char *const *argv, struct failure *failure, struct options *ret_options)
{
	struct options options = {.symbols = 3000, .latency_low_ns = NS_PER_MS, .latency_high_ns = 5 * NS_PER_MS};
	char *const *at = argv + 1;

	while (*at && (*at)[0] == '-' && strcmp(*at, "--") != 0) {
		int r = read_option(&at, failure, &options);

		if (r < 0)
			return r;
	}
	if (*at && strcmp(*at, "--") == 0 && !*++at)
		return failure_set(failure, -EINVAL, "there is no command after --");
	if (*at)
		options.command = at;
	if (!options.kafka && !options.api && !options.postgres)
		options.kafka = options.api = options.postgres = 1;
	*ret_options = options;
	return 0;
}
