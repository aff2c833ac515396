/* SPDX-License-Identifier: Apache-2.0 */
/* librdkafka's mock cluster. */
#include "tests/support/mock_kafka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void mock_kafka_start(int brokers, rd_kafka_t **ret_host, rd_kafka_mock_cluster_t **ret_cluster,
                      const char **ret_addresses)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char problem[256];

	rd_kafka_conf_set_log_cb(conf, NULL);
	*ret_host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, problem, sizeof(problem));
	assert_non_null(*ret_host);
	*ret_cluster = rd_kafka_mock_cluster_new(*ret_host, brokers);
	assert_non_null(*ret_cluster);
	*ret_addresses = rd_kafka_mock_cluster_bootstraps(*ret_cluster);
}

void mock_kafka_stop(rd_kafka_t *host, rd_kafka_mock_cluster_t *cluster)
{
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
}
