/* SPDX-License-Identifier: Apache-2.0 */
/* librdkafka's mock cluster, for tests of the Kafka driver. Failures are the test's. */
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/* The client that the cluster lives in, the cluster, and its addresses, which hold until it is stopped. */
void mock_kafka_start(int brokers, rd_kafka_t **ret_host, rd_kafka_mock_cluster_t **ret_cluster,
                      const char **ret_addresses);
void mock_kafka_stop(rd_kafka_t *host, rd_kafka_mock_cluster_t *cluster);
