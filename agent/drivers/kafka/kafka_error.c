/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of Kafka's errors: what is in no list is the server's. */
#include "agent/drivers/kafka/kafka_error.h"

#include <stdio.h>
#include <string.h>

enum error_class kafka_error_class(rd_kafka_resp_err_t error)
{
	switch ((int)error) {
	case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
	case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
	/* Given up at the run's end. */
	case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
	case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
		return ERROR_TIMEOUT;
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
	case RD_KAFKA_RESP_ERR__RESOLVE:
	case RD_KAFKA_RESP_ERR__SSL:
	case RD_KAFKA_RESP_ERR__DESTROY:
	case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
	case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
		return ERROR_CONNECTION;
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
	case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
	case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
		return ERROR_AUTH;
	case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED:
		return ERROR_RATE_LIMITED;
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
	case RD_KAFKA_RESP_ERR__INVALID_ARG:
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
	case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
	case RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS:
	case RD_KAFKA_RESP_ERR_INVALID_RECORD:
	case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
	case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
		return ERROR_CLIENT;
	default:
		return ERROR_SERVER;
	}
}

void kafka_error_tell(struct operation *operation, rd_kafka_resp_err_t error)
{
	operation_fail(operation, kafka_error_class(error), rd_kafka_err2name(error), "%s", rd_kafka_err2str(error));
}

void kafka_error_tell_why(struct operation *operation, rd_kafka_resp_err_t error, const char *why)
{
	if (!why || !*why)
		kafka_error_tell(operation, error);
	else
		operation_fail(operation, kafka_error_class(error), rd_kafka_err2name(error), "%s: %s",
		               rd_kafka_err2str(error), why);
}

void kafka_error_tell_broker(struct operation *operation, rd_kafka_resp_err_t error, int32_t broker)
{
	if (broker < 0)
		kafka_error_tell(operation, error);
	else
		operation_fail(operation, kafka_error_class(error), rd_kafka_err2name(error), "%s (broker %d)",
		               rd_kafka_err2str(error), (int)broker);
}

/* Takes the number before `what` out. */
static void drop_number(char *text, const char *what)
{
	char *end = strstr(text, what);
	char *start = end;

	if (!end)
		return;
	while (start > text && start[-1] >= '0' && start[-1] <= '9')
		start--;
	memmove(start, end + 1, strlen(end + 1) + 1);
}

/* Cuts the text off where `what` begins. */
static void cut_at(char *text, const char *what)
{
	char *at = strstr(text, what);

	if (at)
		*at = '\0';
}

void kafka_error_words(const char *words, char *ret_why, size_t size)
{
	snprintf(ret_why, size, "%s", words);
	cut_at(ret_why, " (after ");
	cut_at(ret_why, " (average rtt ");
	drop_number(ret_why, " request(s)");
}
