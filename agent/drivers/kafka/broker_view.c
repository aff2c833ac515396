/* SPDX-License-Identifier: Apache-2.0 */
/* The brokers' part of librdkafka's statistics.
 *
 * It comes first, always in the same order, and is read in place: the rest (each topic's partitions) can be a hundred
 * times as long, and this is the thread that sends. */
#include "agent/drivers/kafka/broker_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What librdkafka has of a broker, in the order of its statistics: a window of samples each. */
static const struct {
	const char *name;
	enum metric_id metric;
	double units_per_ms;
} windows[] = {
        {"\"outbuf_latency\": {", METRIC_KAFKA_BROKER_QUEUE_TIME, 1000},
        {"\"rtt\": {", METRIC_KAFKA_BROKER_RTT, 1000},
        {"\"throttle\": {", METRIC_KAFKA_THROTTLE_TIME, 1},
};

/* What stands behind `name` before `end`, or NULL. */
static const char *find(const char *at, const char *end, const char *name)
{
	const char *found = memmem(at, (size_t)(end - at), name, strlen(name));

	return found ? found + strlen(name) : NULL;
}

static double number(const char *at, const char *end, const char *name)
{
	const char *found = find(at, end, name);

	return found ? strtod(found, NULL) : 0;
}

static void tell_window(const struct driver_config *config, const char *at, const char *end, size_t window,
                        const char *label)
{
	const char *start = find(at, end, windows[window].name);
	const char *over = start ? memchr(start, '}', (size_t)(end - start)) : NULL;
	double count;

	if (!over)
		return;
	count = number(start, over, "\"cnt\":");
	if (count > 0)
		config->gauge(config->context, windows[window].metric, label,
		              number(start, over, "\"sum\":") / count / windows[window].units_per_ms);
}

/* From behind a broker's "nodeid": to the next one's. A consumer's requests wait at the broker for messages: their
 * round trip says nothing of it. */
static void tell_broker(const struct driver_config *config, const char *at, const char *end, _Bool consumer)
{
	long id = strtol(at, NULL, 10);
	char label[24];

	/* Not one that is only an address yet, nor the connection for a group's or a transaction's coordinator, which
	 * waits inside its requests. */
	if (id < 0 || find(at, end, "\"source\":\"logical\""))
		return;
	snprintf(label, sizeof(label), "%ld", id);
	for (size_t i = 0; i < sizeof(windows) / sizeof(*windows); i++)
		if (!consumer || windows[i].metric != METRIC_KAFKA_BROKER_RTT)
			tell_window(config, at, end, i, label);
}

void broker_view_tell(const struct driver_config *config, const char *statistics)
{
	static const char node[] = "\"nodeid\":";
	const char *at = strstr(statistics, "\"brokers\":{");
	const char *end = at ? strstr(at, "}, \"topics\":{") : NULL;
	_Bool consumer;

	if (!end || !config->gauge)
		return;
	consumer = find(statistics, at, "\"type\": \"consumer\"") != NULL;
	at = find(at, end, node);
	while (at) {
		const char *next = find(at, end, node);

		tell_broker(config, at, next ? next : end, consumer);
		at = next;
	}
}
