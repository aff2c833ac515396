/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of Kafka's errors. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "agent/drivers/driver.h"

/* The class of an error of librdkafka's or of a broker's; the server's if it is in no list. */
enum error_class kafka_error_class(rd_kafka_resp_err_t error);
/* Fails the operation with the error's class, name and words. */
void kafka_error_tell(struct operation *operation, rd_kafka_resp_err_t error);
/* Likewise, with what is known besides; "" or NULL: nothing. */
void kafka_error_tell_why(struct operation *operation, rd_kafka_resp_err_t error, const char *why);
/* Likewise, with the broker's number; below 0: none. */
void kafka_error_tell_broker(struct operation *operation, rd_kafka_resp_err_t error, int32_t broker);
/* Copies librdkafka's words on what is wrong with a broker, cut to fit and without the times and numbers of requests in
 * them, which always differ. */
void kafka_error_words(const char *words, char *ret_why, size_t size);
