/* SPDX-License-Identifier: Apache-2.0 */
/* URIs for libpq.
 *
 * libpq takes lists, host[i] with hostaddr[i] and port[i]. A host with several addresses is listed once for each of
 * them. */
#include "agent/drivers/postgres/conninfo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "agent/drivers/kit/reach.h"
#include "common/base/buffer.h"
#include "common/base/cleanup.h"

#define DEFAULT_PORT "5432"
#define DEFAULT_SOCKET_FOLDER "/var/run/postgresql" /* Debian's */

/* Ours, for keys that the URI does not give: Kerberos would be looked for at each connect. */
static const struct {
	const char *keyword, *value;
} defaults[] = {
        {"fallback_application_name", "stampede"},
        {"gssencmode", "disable"},
};

enum { EXTRA = 3 + sizeof(defaults) / sizeof(*defaults) }; /* host, hostaddr, port */

DEFINE_CLEANUP(PQconninfoOption *, PQconninfoFree)

/* The three lists under way. */
struct lists {
	struct buffer hosts;
	struct buffer addresses;
	struct buffer ports;
};

static void lists_deinit(struct lists *lists)
{
	buffer_deinit(&lists->hosts);
	buffer_deinit(&lists->addresses);
	buffer_deinit(&lists->ports);
}

void conninfo_deinit(struct conninfo *conninfo)
{
	for (size_t i = 0; i < conninfo->owned_count; i++)
		free(conninfo->owned[i]);
	free(conninfo->owned);
	free(conninfo->keywords);
	free(conninfo->values);
	*conninfo = (struct conninfo){0};
}

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val && options->val[0] ? options->val : NULL;
	return NULL;
}

/* libpq quotes what it did not understand, which may be the password: unless it is a keyword, what it says ends before
 * that. */
static void cut_quoted(char *problem)
{
	static const char *const of_keywords[] = {"invalid URI query parameter: \"", "invalid connection option \""};
	static const char missing[] = "missing \"=\"";
	size_t size = strncmp(problem, missing, strlen(missing)) == 0 ? strlen(missing) : 0;

	problem[strcspn(problem, "\n")] = '\0';
	for (size_t i = 0; i < sizeof(of_keywords) / sizeof(*of_keywords); i++) {
		if (strncmp(problem, of_keywords[i], strlen(of_keywords[i])) == 0)
			return;
	}
	size += strcspn(problem + size, "\"");
	while (size > 0 && (problem[size - 1] == ' ' || problem[size - 1] == ':'))
		size--;
	problem[size] = '\0';
}

static int parse(const char *uri, struct failure *failure, PQconninfoOption **ret_options)
{
	char *problem = NULL;

	*ret_options = PQconninfoParse(uri, &problem);
	if (*ret_options)
		return 0;
	if (problem)
		cut_quoted(problem);
	failure_set(failure, problem ? -EINVAL : -ENOMEM, "uri: %s", problem ? problem : "no memory");
	PQfreemem(problem);
	return failure ? failure->code : -EINVAL;
}

/* The i-th of a comma-parted list, or its only one; allocated. */
static char *element(const char *list, size_t i, const char *fallback)
{
	const char *at = list ? list : "";
	size_t size;

	if (strchr(at, ',')) {
		for (; i > 0 && strchr(at, ','); i--)
			at = strchr(at, ',') + 1;
	}
	size = strcspn(at, ",");
	return size > 0 ? strndup(at, size) : strdup(fallback);
}

static void add(struct lists *lists, const char *host, const char *address, size_t address_size, const char *port)
{
	if (lists->hosts.size > 0) {
		buffer_append_byte(&lists->hosts, ',');
		buffer_append_byte(&lists->addresses, ',');
		buffer_append_byte(&lists->ports, ',');
	}
	buffer_append_text(&lists->hosts, host);
	buffer_append(&lists->addresses, address, address_size);
	buffer_append_text(&lists->ports, port);
}

static _Bool is_socket(const char *host)
{
	return *host == '/' || *host == '@';
}

/* One host, once for each of its addresses. */
static int add_host(struct conninfo *conninfo, struct lists *lists, const char *host, const char *port)
{
	cleanup(cleanup_free) char *addresses = NULL;
	int r;

	if (is_socket(host)) {
		add(lists, host, "", 0, port);
		return 0;
	}
	r = reach_resolve(host, ',', &addresses, conninfo->problem, sizeof(conninfo->problem));
	if (r < 0)
		return r == -EHOSTUNREACH ? 0 : r;
	for (const char *at = addresses;;) {
		size_t size = strcspn(at, ",");

		add(lists, host, at, size, port);
		if (!at[size])
			return 0;
		at += size + 1;
	}
}

static int list_hosts(struct conninfo *conninfo, const PQconninfoOption *options, struct lists *lists)
{
	const char *hosts = value_of(options, "host");
	size_t count = 1;

	for (const char *at = hosts; at && (at = strchr(at, ',')); at++)
		count++;
	for (size_t i = 0; i < count; i++) {
		cleanup(cleanup_free) char *host = element(hosts, i, DEFAULT_SOCKET_FOLDER);
		cleanup(cleanup_free) char *port = element(value_of(options, "port"), i, DEFAULT_PORT);
		int r = host && port ? add_host(conninfo, lists, host, port) : -ENOMEM;

		if (r < 0)
			return r;
	}
	/* One that resolves is enough. */
	if (lists->hosts.size > 0)
		conninfo->problem[0] = '\0';
	return 0;
}

static int keep(struct conninfo *conninfo, size_t *at, const char *keyword, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	conninfo->owned[conninfo->owned_count++] = copy;
	conninfo->keywords[*at] = keyword;
	conninfo->values[(*at)++] = copy;
	return 0;
}

/* Keywords of the URI, as they are, but for those that `lists` replaces. libpq's keywords are static texts. */
static int fill(struct conninfo *conninfo, const PQconninfoOption *options, struct lists *lists)
{
	const char *const replaced[][2] = {{"host", buffer_text(&lists->hosts)},
	                                   {"hostaddr", buffer_text(&lists->addresses)},
	                                   {"port", buffer_text(&lists->ports)}};
	_Bool resolved = lists->hosts.size > 0;
	size_t at = 0;
	int r = 0;

	for (const PQconninfoOption *option = options; option->keyword && r == 0; option++) {
		_Bool ours = resolved && (strcmp(option->keyword, "host") == 0 || strcmp(option->keyword, "port") == 0);

		if (!ours && option->val && option->val[0])
			r = keep(conninfo, &at, option->keyword, option->val);
	}
	for (size_t i = 0; i < 3 && r == 0 && resolved; i++)
		r = replaced[i][1] ? keep(conninfo, &at, replaced[i][0], replaced[i][1]) : -ENOMEM;
	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults) && r == 0; i++)
		if (!value_of(options, defaults[i].keyword))
			r = keep(conninfo, &at, defaults[i].keyword, defaults[i].value);
	return r;
}

static int reserve(struct conninfo *conninfo, const PQconninfoOption *options)
{
	size_t count = EXTRA + 1;

	while (options->keyword) {
		options++;
		count++;
	}
	conninfo->keywords = calloc(count, sizeof(char *));
	conninfo->values = calloc(count, sizeof(char *));
	conninfo->owned = calloc(count, sizeof(char *));
	return conninfo->keywords && conninfo->values && conninfo->owned ? 0 : -ENOMEM;
}

int conninfo_init(struct conninfo *conninfo, const char *uri, struct failure *failure)
{
	cleanup(PQconninfoFreep) PQconninfoOption *options = NULL;
	cleanup(lists_deinit) struct lists lists = {0};
	int r;

	*conninfo = (struct conninfo){0};
	r = parse(uri, failure, &options);
	if (r < 0)
		return r;
	r = reserve(conninfo, options);
	/* Who gives addresses knows them. */
	if (r == 0 && !value_of(options, "hostaddr"))
		r = list_hosts(conninfo, options, &lists);
	if (r == 0)
		r = fill(conninfo, options, &lists);
	if (r < 0) {
		conninfo_deinit(conninfo);
		return failure_set(failure, r, "no memory");
	}
	return 0;
}

int conninfo_first_host(const char *uri, char **ret_host, char **ret_port)
{
	cleanup(PQconninfoFreep) PQconninfoOption *options = NULL;
	cleanup(cleanup_free) char *host = NULL, *port = NULL;
	const char *address;

	if (parse(uri, NULL, &options) < 0)
		return -EINVAL;
	address = value_of(options, "hostaddr");
	host = element(address ? address : value_of(options, "host"), 0, DEFAULT_SOCKET_FOLDER);
	port = element(value_of(options, "port"), 0, DEFAULT_PORT);
	if (!host || !port)
		return -ENOMEM;
	*ret_host = steal(host);
	*ret_port = steal(port);
	return 0;
}
