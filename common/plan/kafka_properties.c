// SPDX-License-Identifier: Apache-2.0
// Each property is set on a fresh producer configuration: librdkafka is the judge of its names and values.
// What would load code, run a command or blind the measuring is refused before it is tried.
#include "common/plan/kafka_properties.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/text.h"

DEFINE_CLEANUP(struct template *, template_free)
DEFINE_CLEANUP(struct template_names *, template_names_free)

static const struct {
	const char *name, *reason;
} refused[] = {
        {"bootstrap.servers", "it is the target's own key \"brokers\""},
        {"metadata.broker.list", "it is the target's own key \"brokers\""},
        {"plugin.library.paths", "plugins are not loaded"},
        {"sasl.kerberos.kinit.cmd", "commands are not run on an agent"},
        {"delivery.report.only.error", "every delivery is counted"},
        {"enabled_events", "Stampede sets it itself"},
        {"enable_sasl_queue", "Stampede sets it itself"},
        {"log.queue", "Stampede sets it itself"},
        {"internal.termination.signal", "Stampede sets it itself"},
        {"builtin.features", "librdkafka can only tell it"},
        {"transactional.id", "\"transactions\" of a produce step sets it"},
};

/* Names that librdkafka's own list lacks: they are aliases, or have no default. */
static const char *const aliases[] = {
        "acks",
        "linger.ms",
        "compression.type",
        "retries",
        "max.in.flight",
        "batch.size",
        "sasl.username",
        "sasl.password",
        "sasl.mechanism",
        "ssl.ca.location",
        "delivery.timeout.ms",
        "client.id",
        "ssl.key.location",
        "ssl.certificate.location",
        "group.id",
};
enum { ALIAS_COUNT = sizeof(aliases) / sizeof(*aliases) };

/* Those that librdkafka marks as sensitive, and so shows in no log: they alone may hold secrets. */
static const char *const sensitive[] = {
        "sasl.username", "sasl.password", "sasl.oauthbearer.config", "ssl.key.password",
        "ssl.key.pem",   "ssl.ca.pem",    "ssl.keystore.password",
};

static void suggest(const char *name, char *ret_problem, size_t size)
{
	size_t client_count, topic_count, count = 0;
	rd_kafka_conf_t *client = rd_kafka_conf_new();
	rd_kafka_topic_conf_t *topic = rd_kafka_topic_conf_new();
	const char **client_dump = rd_kafka_conf_dump(client, &client_count);
	const char **topic_dump = rd_kafka_topic_conf_dump(topic, &topic_count);
	cleanup(cleanup_free) const char **names =
	        calloc(ALIAS_COUNT + client_count / 2 + topic_count / 2 + 1, sizeof(*names));
	for (size_t i = 0; names && i < ALIAS_COUNT; i++)
		names[count++] = aliases[i];
	for (size_t i = 0; names && i + 1 < client_count; i += 2)
		names[count++] = client_dump[i];
	for (size_t i = 0; names && i + 1 < topic_count; i += 2)
		names[count++] = topic_dump[i];
	const char *nearest = names ? text_nearest(name, names) : NULL;
	snprintf(ret_problem, size, "librdkafka has no such property%s%s%s", nearest ? " (did you mean \"" : "",
	         nearest ? nearest : "", nearest ? "\"?)" : "");
	rd_kafka_conf_dump_free(client_dump, client_count);
	rd_kafka_conf_dump_free(topic_dump, topic_count);
	rd_kafka_conf_destroy(client);
	rd_kafka_topic_conf_destroy(topic);
}

static int try_property(const char *name, const char *value, char *ret_problem, size_t size)
{
	char text[512] = "";
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	if (!conf)
		return -ENOMEM;
	rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, text, sizeof(text));
	rd_kafka_conf_destroy(conf);
	if (result == RD_KAFKA_CONF_OK)
		return 0;
	for (size_t n = strlen(text); n > 0 && (text[n - 1] == '\n' || text[n - 1] == '.'); n--)
		text[n - 1] = '\0';
	if (result == RD_KAFKA_CONF_UNKNOWN)
		suggest(name, ret_problem, size);
	else if (strstr(text, "_set_..()") || strncmp(text, "Internal", 8) == 0)
		snprintf(ret_problem, size, "it is set by programs only, not by text");
	else
		snprintf(ret_problem, size, "%s", text);
	return -EINVAL;
}

int kafka_brokers_check(const char *brokers, char *ret_problem, size_t size)
{
	return try_property("bootstrap.servers", brokers, ret_problem, size);
}

_Bool kafka_property_has_braces(const char *value)
{
	return strstr(value, "{{") != NULL;
}

static int compile_value(const char *value, struct failure *failure, struct template **ret_template)
{
	cleanup(template_names_freep) struct template_names *names = template_names_new();
	if (!names)
		return failure_set(failure, -ENOMEM, "no memory");
	return template_compile(value, names, failure, ret_template);
}

int kafka_property_fill(const char *value, const char *(*secret)(void *context, const char *name), void *context,
                        struct buffer *buffer, char ret_missing[LIMIT_NAME_BYTES + 1])
{
	const struct template_scope scope = {.secret = secret, .secret_context = context};
	cleanup(template_freep) struct template *template = NULL;
	const char *missing = "";
	int r = compile_value(value, NULL, &template);
	if (r < 0)
		return r;
	if (!template_holds_secrets_only(template))
		return -EINVAL;
	r = template_render(template, &scope, buffer, &missing);
	if (r == -ENOKEY)
		snprintf(ret_missing, LIMIT_NAME_BYTES + 1, "%s", missing);
	return r;
}

static const char *stand_in(void *context, const char *name)
{
	(void)context;
	(void)name;
	return "secret";
}

static _Bool is_sensitive(const char *name)
{
	for (size_t i = 0; i < sizeof(sensitive) / sizeof(*sensitive); i++)
		if (strcmp(sensitive[i], name) == 0)
			return 1;
	return 0;
}

static void refuse_secret(char *ret_problem, size_t size)
{
	size_t used = (size_t)snprintf(ret_problem, size, "a secret may stand in");
	for (size_t i = 0; i < sizeof(sensitive) / sizeof(*sensitive) && used < size; i++)
		used += (size_t)snprintf(ret_problem + used, size - used, "%s %s", i == 0 ? "" : ",", sensitive[i]);
	if (used < size)
		snprintf(ret_problem + used, size - used, ": librdkafka keeps no other out of its logs");
}

static int check_braces(const char *name, const char *value, char *ret_problem, size_t size)
{
	cleanup(template_freep) struct template *template = NULL;
	struct failure failure = {0};
	int r = compile_value(value, &failure, &template);
	if (r == -EINVAL)
		snprintf(ret_problem, size, "%s", failure.text);
	else if (r == 0 && !template_holds_secrets_only(template))
		snprintf(ret_problem, size, "only {{secret.NAME}} is filled in here");
	else if (r == 0 && !template_is_constant(template) && !is_sensitive(name))
		refuse_secret(ret_problem, size);
	else
		return r;
	return -EINVAL;
}

static int check_template(const char *name, const char *value, char *ret_problem, size_t size)
{
	cleanup_buffer struct buffer text = {0};
	char missing[LIMIT_NAME_BYTES + 1];
	int r = check_braces(name, value, ret_problem, size);
	if (r == 0)
		r = kafka_property_fill(value, stand_in, NULL, &text, missing);
	if (r < 0)
		return r;
	return buffer_text(&text) ? try_property(name, buffer_text(&text), ret_problem, size) : -ENOMEM;
}

int kafka_property_check(const char *name, const char *value, char *ret_problem, size_t size)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		if (strcmp(refused[i].name, name) == 0) {
			snprintf(ret_problem, size, "%s", refused[i].reason);
			return -EINVAL;
		}
	}
	return kafka_property_has_braces(value) ? check_template(name, value, ret_problem, size)
	                                        : try_property(name, value, ret_problem, size);
}

_Bool kafka_is_idempotent(const struct pairs *properties)
{
	_Bool idempotent = 0;
	for (uint32_t i = 0; i < properties->count; i++)
		if (strcmp(properties->items[i].name, "enable.idempotence") == 0)
			idempotent = strcasecmp(properties->items[i].value, "true") == 0 ||
			             strcasecmp(properties->items[i].value, "t") == 0 ||
			             strcmp(properties->items[i].value, "1") == 0;
	return idempotent;
}

const char *kafka_idempotence_problem(const char *name, const char *value)
{
	const long number = strtol(value, NULL, 10);
	if (strcmp(name, "acks") == 0 || strcmp(name, "request.required.acks") == 0)
		return strcmp(value, "all") == 0 || number == -1 ? NULL : "acks: all";
	if (strcmp(name, "max.in.flight") == 0 || strcmp(name, "max.in.flight.requests.per.connection") == 0)
		return number <= 5 ? NULL : "at most 5 requests in flight";
	if (strcmp(name, "retries") == 0 || strcmp(name, "message.send.max.retries") == 0)
		return number >= 1 ? NULL : "retries";
	if (strcmp(name, "queuing.strategy") == 0)
		return strcmp(value, "fifo") == 0 ? NULL : "queuing.strategy: fifo";
	return NULL;
}

_Bool kafka_compresses(const struct pairs *properties)
{
	_Bool compresses = 0;
	for (uint32_t i = 0; i < properties->count; i++)
		if (strncmp(properties->items[i].name, "compression.", 12) == 0 &&
		    (strcmp(properties->items[i].name + 12, "codec") == 0 ||
		     strcmp(properties->items[i].name + 12, "type") == 0))
			compresses = strcmp(properties->items[i].value, "none") != 0;
	return compresses;
}

uint64_t kafka_message_max_bytes(const struct pairs *properties)
{
	uint64_t bytes = 1000000; /* librdkafka's default */
	for (uint32_t i = 0; i < properties->count; i++)
		if (strcmp(properties->items[i].name, "message.max.bytes") == 0)
			bytes = strtoull(properties->items[i].value, NULL, 10);
	return bytes;
}
