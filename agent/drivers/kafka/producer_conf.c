/* SPDX-License-Identifier: Apache-2.0 */
/* What a producer's client is configured with. */
#include <errno.h>

#include <librdkafka/rdkafka.h>

#include "agent/drivers/kafka/producer.h"
#include "agent/drivers/kafka/property.h"
#include "common/plan/kafka_properties.h"

/* What we set before the plan's properties. */
static const struct {
	const char *name, *value;
} defaults[] = {
        {"client.id", "stampede"},
        {"socket.nagle.disable", "true"}, /* a message's time is measured */
        {"message.timeout.ms", "30000"},  /* librdkafka's 300 s would outlast most runs */
        {"max.in.flight.requests.per.connection",
         "5"},                                /* as Java's client; a million by default, which a retry would reorder */
        {"reconnect.backoff.max.ms", "1000"}, /* a broker that is back is used again soon */
        {"log.connection.close", "false"},    /* brokers close idle connections */
        /* How long a topic may take to be made; librdkafka's 30 s are a message's whole time. */
        {"topic.metadata.propagation.max.ms", "5000"},
        {"linger.ms", "0"}, /* as Java's client before version 4: what isn't asked for shows in no latency */
        {"partitioner", "murmur2_random"}, /* as Java's client, which other producers of a topic are as a rule */
};

/* From syslog's levels; what librdkafka calls an error is a target's, not ours. */
static enum log_level level_of(int level)
{
	if (level <= 4)
		return LOG_WARNING;
	return level <= 6 ? LOG_INFO : LOG_DEBUG;
}

static void take_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
	if (!property_is_others(facility, text))
		log_write(rd_kafka_opaque(client), level_of(level), "librdkafka: %s: %s", facility, text);
}

static _Bool wants_statistics(const struct driver_config *config)
{
	return config->gauge || kafka_compresses(&config->target->kafka.properties);
}

static int set_all(rd_kafka_conf_t *conf, const struct driver_config *config, int acks, struct failure *failure)
{
	static const char *const acks_texts[] = {"-1", "0", "1"};
	const struct kafka_target *target = &config->target->kafka;
	int r = property_set(conf, "bootstrap.servers", target->brokers, failure);

	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults) && r == 0; i++)
		r = property_set(conf, defaults[i].name, defaults[i].value, failure);
	if (r == 0 && wants_statistics(config))
		r = property_set(conf, "statistics.interval.ms", "1000", failure);
	if (r == 0)
		r = properties_set(conf, config, failure);
	if (r == 0 && acks != PRODUCE_ACKS_TARGET)
		r = property_set(conf, "acks", acks_texts[acks + 1], failure);
	return r;
}

int producer_conf(const struct driver_config *config, int acks, struct failure *failure, rd_kafka_conf_t **ret_conf)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	int r;

	if (!conf)
		return failure_set(failure, -ENOMEM, "no memory");
	rd_kafka_conf_set_log_cb(conf, take_log);
	rd_kafka_conf_set_opaque(conf, config->log);
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR |
	                                       (wants_statistics(config) ? RD_KAFKA_EVENT_STATS : 0));
	r = set_all(conf, config, acks, failure);
	if (r < 0) {
		rd_kafka_conf_destroy(conf);
		return r;
	}
	*ret_conf = conf;
	return 0;
}
