/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of clients. */
#include "agent/drivers/kafka/property.h"

#include <errno.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "common/base/buffer.h"
#include "common/plan/kafka_properties.h"

int property_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct failure *failure)
{
	char problem[512] = "";

	if (rd_kafka_conf_set(conf, name, value, problem, sizeof(problem)) == RD_KAFKA_CONF_OK)
		return 0;
	return failure_set(failure, -EINVAL, "property %s: %s", name, problem);
}

_Bool property_is_others(const char *facility, const char *text)
{
	return strcmp(facility, "CONFWARN") == 0 && strstr(text, " property and will be ignored by this ");
}

static int fill_failed(struct failure *failure, int error, const char *name, const char *missing)
{
	if (error == -ENOKEY)
		return failure_set(failure, error,
		                   "property %s: this agent has no secret %s (STAMPEDE_SECRET_%s in its environment, "
		                   "or a file %s in $STAMPEDE_SECRETS_DIR)",
		                   name, missing, missing, missing);
	return failure_set(failure, error, "property %s: %s", name, strerrordesc_np(-error));
}

/* librdkafka's words on a value that it doesn't like could repeat it. */
static int set_filled(rd_kafka_conf_t *conf, const char *name, const char *value, struct failure *failure)
{
	if (value && rd_kafka_conf_set(conf, name, value, NULL, 0) == RD_KAFKA_CONF_OK)
		return 0;
	return failure_set(failure, -EINVAL, "property %s: librdkafka refuses what the secret holds", name);
}

static int set_template(rd_kafka_conf_t *conf, const struct driver_config *config, const struct pair *property,
                        struct failure *failure)
{
	char missing[LIMIT_NAME_BYTES + 1] = "";
	struct buffer value = {0};
	int r = kafka_property_fill(property->value, config->secret, config->secret_context, &value, missing);

	r = r < 0 ? fill_failed(failure, r, property->name, missing)
	          : set_filled(conf, property->name, buffer_text(&value), failure);
	if (value.data)
		explicit_bzero(value.data, value.capacity);
	buffer_deinit(&value);
	return r;
}

int properties_set(rd_kafka_conf_t *conf, const struct driver_config *config, struct failure *failure)
{
	const struct pairs *properties = &config->target->kafka.properties;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < properties->count; i++) {
		const struct pair *property = &properties->items[i];

		r = kafka_property_has_braces(property->value)
		            ? set_template(conf, config, property, failure)
		            : property_set(conf, property->name, property->value, failure);
	}
	return r;
}
