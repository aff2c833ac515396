/* SPDX-License-Identifier: Apache-2.0 */
/* stampede-agent's command line, by a table. */
#include "agent/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "common/plan/share.h"

#define ORPHAN_AFTER_NS (600 * NS_PER_S)

enum { WORKERS_MAX = 1024, VARIABLE_SIZE = 64 };

struct option_row {
	const char *name;
	const char *argument; /* NULL: a flag */
	const char *help;
	_Bool repeatable;
	int (*set)(struct options *options, const char *value, struct failure *failure);
};

static int set_connect(struct options *options, const char *value, struct failure *failure)
{
	if (options->address_count == OPTIONS_ADDRESSES_MAX)
		return failure_set(failure, -EINVAL, "more than %d addresses", OPTIONS_ADDRESSES_MAX);
	options->addresses[options->address_count++] = value;
	return 0;
}

static int set_name(struct options *options, const char *value, struct failure *failure)
{
	if (!*value || strlen(value) > LIMIT_NAME_BYTES || !text_is_utf8(value, strlen(value)))
		return failure_set(failure, -EINVAL, "a name has 1 to %d bytes of UTF-8", LIMIT_NAME_BYTES);
	options->name = value;
	return 0;
}

static int set_count(const char *value, uint32_t most, uint32_t *ret_count, struct failure *failure)
{
	uint64_t count;

	if (units_parse_count(value, &count) < 0 || count < 1 || count > most)
		return failure_set(failure, -EINVAL, "\"%s\" is not a number from 1 to %u", value, most);
	*ret_count = (uint32_t)count;
	return 0;
}

static int set_weight(struct options *options, const char *value, struct failure *failure)
{
	return set_count(value, SHARE_WEIGHT_MAX, &options->weight, failure);
}

static int set_workers(struct options *options, const char *value, struct failure *failure)
{
	return set_count(value, WORKERS_MAX, &options->workers, failure);
}

static int set_tag(struct options *options, const char *value, struct failure *failure)
{
	const char *equals = strchr(value, '=');
	struct text_pair *tag = &options->tags[options->tag_count];

	if (!equals || equals == value || strlen(value) > LIMIT_NAME_BYTES)
		return failure_set(failure, -EINVAL, "a tag is K=V, of at most %d bytes", LIMIT_NAME_BYTES);
	if (options->tag_count == LIMIT_TAGS)
		return failure_set(failure, -EINVAL, "more than %d tags", LIMIT_TAGS);
	tag->name = strndup(value, (size_t)(equals - value));
	tag->value = strdup(equals + 1);
	options->tag_count++;
	return tag->name && tag->value ? 0 : failure_set(failure, -ENOMEM, "no memory");
}

static int set_allowed(struct options *options, const char *value, struct failure *failure)
{
	if (options->allowed_count == OPTIONS_ALLOWED_MAX)
		return failure_set(failure, -EINVAL, "more than %d hosts", OPTIONS_ALLOWED_MAX);
	if (allow_parse(value, &options->allowed[options->allowed_count]) < 0)
		return failure_set(failure, -EINVAL,
		                   "\"%s\" is neither a host nor an address with a prefix (10.0.0.0/8)", value);
	options->allowed_count++;
	return 0;
}

static int set_spool(struct options *options, const char *value, struct failure *failure)
{
	if (!*value)
		return failure_set(failure, -EINVAL, "a folder has a name");
	options->spool = value;
	return 0;
}

static int set_insecure(struct options *options, const char *value, struct failure *failure)
{
	(void)value;
	(void)failure;
	options->insecure = 1;
	return 0;
}

static int set_key(struct options *options, const char *value, struct failure *failure)
{
	(void)failure;
	options->key = value;
	return 0;
}

static int set_server_key(struct options *options, const char *value, struct failure *failure)
{
	(void)failure;
	options->server_key = value;
	return 0;
}

static int set_orphan_after(struct options *options, const char *value, struct failure *failure)
{
	if (units_parse_duration(value, &options->orphan_after_ns) < 0 || options->orphan_after_ns == 0)
		return failure_set(failure, -EINVAL, "\"%s\" is not a duration (10m)", value);
	return 0;
}

static int set_once(struct options *options, const char *value, struct failure *failure)
{
	(void)value;
	(void)failure;
	options->once = 1;
	return 0;
}

static int set_help(struct options *options, const char *value, struct failure *failure)
{
	(void)value;
	(void)failure;
	options->help = 1;
	return 0;
}

static int set_version(struct options *options, const char *value, struct failure *failure)
{
	(void)value;
	(void)failure;
	options->version = 1;
	return 0;
}

static const struct option_row rows[] = {
        {"connect", "ADDR", "the coordinator: tcp://HOST:PORT or HOST:PORT;\nseveral are tried in turn", 1,
         set_connect},
        {"name", "NAME", "what reports call it (default: the host's name)", 0, set_name},
        {"weight", "N", "its part of the load against the others'\n(1 to 1000, default 1)", 0, set_weight},
        {"workers", "N", "threads that make load (default: one for each core)", 0, set_workers},
        {"tag", "K=V", "what a plan's runOn asks for; repeatable", 1, set_tag},
        {"allow-target", "HOST|CIDR", "send to these hosts alone; repeatable\n(default: to any)", 1, set_allowed},
        {"insecure", NULL, "speak plain text with a coordinator on another host", 0, set_insecure},
        {"orphan-after", "TIME", "end a run without a word from the coordinator\nfor so long (default 10m)", 0,
         set_orphan_after},
        {"once", NULL, "exit after one run", 0, set_once},
        {"key", "FILE", "this agent's key, made by stampede keys", 0, set_key},
        {"server-key", "FILE", "the coordinator's public key: coordinator.pub", 0, set_server_key},
        {"spool", "DIR",
         "where results wait that memory can't hold while the\ncoordinator is away (default: TMPDIR or /var/tmp)", 0,
         set_spool},
        {"help", NULL, "this text", 1, set_help},
        {"version", NULL, "the version", 1, set_version},
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

void options_print_help(FILE *file)
{
	fprintf(file, "Example:\n"
	              "  stampede-agent --connect 10.0.0.5:7700 --key agent.key \\\n"
	              "                 --server-key coordinator.pub\n"
	              "\n"
	              "Makes load for the coordinator of a Stampede run (stampede run --listen), run\n"
	              "after run, until it is told to end by SIGTERM.\n"
	              "\n"
	              "Usage: stampede-agent --connect ADDR... [OPTION]...\n"
	              "\n");
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const char *help = rows[i].help;
		const char *line = strchr(help, '\n');
		char left[32];

		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
		         rows[i].argument ? rows[i].argument : "");
		fprintf(file, "  %-24s %.*s\n", left, line ? (int)(line - help) : (int)strlen(help), help);
		if (line)
			fprintf(file, "  %-24s %s\n", "", line + 1);
	}
	fprintf(file, "\n"
	              "An option may also stand in the environment: STAMPEDE_ORPHAN_AFTER=5m.\n"
	              "{{secret.NAME}} in a plan is read here, from STAMPEDE_SECRET_NAME or from the\n"
	              "file NAME in the folder STAMPEDE_SECRETS_DIR.\n");
}

static const struct option_row *find_row(const char *name, size_t size)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (strlen(rows[i].name) == size && strncmp(rows[i].name, name, size) == 0)
			return &rows[i];
	}
	return NULL;
}

static int refuse_unknown(const char *word, struct failure *failure)
{
	const char *names[ROW_COUNT + 1] = {0};
	const char *nearest;

	for (size_t i = 0; i < ROW_COUNT; i++)
		names[i] = rows[i].name;
	nearest = strncmp(word, "--", 2) == 0 ? text_nearest(word + 2, names) : NULL;
	if (nearest)
		return failure_set(failure, -EINVAL, "unknown option %s (did you mean --%s?)", word, nearest);
	return failure_set(failure, -EINVAL, "unknown option %s", word);
}

static int set_row(struct options *options, const struct option_row *row, const char *value, struct failure *failure)
{
	struct failure why = {0};
	int r = row->set(options, value, &why);

	return r < 0 ? failure_set(failure, r, "--%s: %s", row->name, why.text) : 0;
}

static int parse_word(struct options *options, int argc, char **argv, int *at, struct failure *failure)
{
	const char *word = argv[*at];
	const char *equals = strchr(word, '=');
	const struct option_row *row;

	if (strcmp(word, "-h") == 0)
		word = "--help";
	if (strncmp(word, "--", 2) != 0)
		return refuse_unknown(word, failure);
	row = find_row(word + 2, equals ? (size_t)(equals - word) - 2 : strlen(word + 2));
	if (!row)
		return refuse_unknown(word, failure);
	if (!row->argument) {
		if (equals)
			return failure_set(failure, -EINVAL, "--%s takes no value", row->name);
		return set_row(options, row, "", failure);
	}
	if (equals)
		return set_row(options, row, equals + 1, failure);
	if (*at + 1 == argc)
		return failure_set(failure, -EINVAL, "--%s wants %s", row->name, row->argument);
	return set_row(options, row, argv[++*at], failure);
}

static int parse_environment(struct options *options, struct failure *failure)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		char variable[VARIABLE_SIZE] = "STAMPEDE_";
		const char *value;
		size_t at = strlen(variable);
		int r;

		for (const char *from = rows[i].name; *from; from++)
			variable[at++] = *from == '-' ? '_' : (char)toupper((unsigned char)*from);
		variable[at] = '\0';
		value = getenv(variable);
		if (rows[i].repeatable || !value || !*value || (!rows[i].argument && strcmp(value, "0") == 0))
			continue;
		r = set_row(options, &rows[i], value, failure);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Combinations that no single option can tell. */
static int check_keys(const struct options *options, struct failure *failure)
{
	if (options->key && !options->server_key)
		return failure_set(failure, -EINVAL,
		                   "--key needs --server-key FILE: the coordinator's coordinator.pub");
	if (options->server_key && !options->key)
		return failure_set(failure, -EINVAL, "--server-key needs --key FILE: this agent's own");
	if (options->key && options->insecure)
		return failure_set(failure, -EINVAL,
		                   "--insecure is plain text, --key closes the link; give one of them");
	return 0;
}

int options_parse(struct options *options, int argc, char **argv, struct failure *failure)
{
	const char *address = getenv("STAMPEDE_CONNECT");
	int r;

	*options = (struct options){.weight = 1, .orphan_after_ns = ORPHAN_AFTER_NS};
	r = parse_environment(options, failure);
	for (int i = 1; r == 0 && i < argc; i++)
		r = parse_word(options, argc, argv, &i, failure);
	if (r < 0 || options->help || options->version)
		return r;
	r = check_keys(options, failure);
	if (r < 0)
		return r;
	if (options->address_count == 0 && address && *address)
		return set_connect(options, address, failure);
	if (options->address_count == 0)
		return failure_set(failure, -EINVAL, "--connect ADDR is missing: where is the coordinator?");
	return 0;
}

void options_deinit(struct options *options)
{
	for (uint32_t i = 0; i < options->tag_count; i++) {
		free(options->tags[i].name);
		free(options->tags[i].value);
	}
	options->tag_count = 0;
}
