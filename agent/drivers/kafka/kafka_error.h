/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of Kafka's errors. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "agent/drivers/driver.h"

/* The class of an error of librdkafka's or of a broker's; the server's if it is in no list. */
enum error_class kafka_error_class(rd_kafka_resp_err_t error);
/* Fails the operation with the error's class, name and words. */
void kafka_error_tell(struct operation *operation, rd_kafka_resp_err_t error);
