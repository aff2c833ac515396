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
        {"transactional.id", "transactions are not built yet"},
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

int kafka_property_check(const char *name, const char *value, char *ret_problem, size_t size)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		if (strcmp(refused[i].name, name) == 0) {
			snprintf(ret_problem, size, "%s", refused[i].reason);
			return -EINVAL;
		}
	}
	return try_property(name, value, ret_problem, size);
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
