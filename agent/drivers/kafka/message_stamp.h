/* SPDX-License-Identifier: Apache-2.0 */
/* Where messages carry their stamps. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "common/plan/plan.h"
#include "common/stats/stamp.h"

/* The message's stamp, from the header where it has one, else from its payload's head. As stamp_read(). */
static inline int message_stamp(const rd_kafka_message_t *message, const uint8_t tag[8], struct stamp *ret_stamp)
{
	rd_kafka_headers_t *headers;
	const void *value;
	size_t size;

	if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
	    rd_kafka_header_get_last(headers, PRODUCE_STAMP_HEADER, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR)
		return value ? stamp_read(value, size, tag, ret_stamp) : STAMP_FOREIGN;
	return message->payload ? stamp_read(message->payload, message->len, tag, ret_stamp) : STAMP_FOREIGN;
}
