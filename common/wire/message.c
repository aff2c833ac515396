/* SPDX-License-Identifier: Apache-2.0 */
/* What messages own. */
#include "common/wire/message.h"

#include <stdlib.h>
#include <string.h>

#include "common/wire/fields.h"

const char *const message_type_names[MESSAGE_TYPE_COUNT] = {
        [0] = "",
        [MESSAGE_HELLO] = "hello",
        [MESSAGE_WELCOME] = "welcome",
        [MESSAGE_ASSIGN] = "assign",
        [MESSAGE_FETCH] = "fetch",
        [MESSAGE_CHUNK] = "chunk",
        [MESSAGE_READY] = "ready",
        [MESSAGE_FAILED] = "failed",
        [MESSAGE_START] = "start",
        [MESSAGE_BEGIN] = "begin",
        [MESSAGE_SNAPSHOT] = "snapshot",
        [MESSAGE_ACK] = "ack",
        [MESSAGE_STOP] = "stop",
        [MESSAGE_DONE] = "done",
        [MESSAGE_PING] = "ping",
        [MESSAGE_PONG] = "pong",
        [MESSAGE_LEAVE] = "leave",
        [MESSAGE_DUTY] = "duty",
        [MESSAGE_VALUE] = "value",
        [MESSAGE_SEEN] = "seen",
        [MESSAGE_SEEN_ACK] = "seen_ack",
};

static void field_deinit(const struct field *field, void *from)
{
	void **member = field_member(field, from);

	switch (field->type) {
	case FIELD_RECORD:
		record_deinit(field->of, member);
		break;
	case FIELD_RECORDS:
		for (uint64_t i = 0; *member && i < field_count(field, from); i++)
			record_deinit(field->of, (uint8_t *)*member + i * field->of->size);
		free(*member);
		break;
	case FIELD_TEXT:
	case FIELD_BYTES:
		free(*member);
		break;
	default:
		break;
	}
}

void record_deinit(const struct record *record, void *from)
{
	for (uint32_t i = 0; i < record->count; i++)
		field_deinit(&record->fields[i], from);
}

void message_deinit(struct message *message)
{
	if (message->type > 0 && message->type < MESSAGE_TYPE_COUNT)
		record_deinit(&message_records[message->type], message);
	if (message->type == MESSAGE_SNAPSHOT)
		free(message->snapshot.owned);
	*message = (struct message){0};
}

_Bool incarnation_equal(const struct incarnation *a, const struct incarnation *b)
{
	return memcmp(a->bytes, b->bytes, INCARNATION_SIZE) == 0;
}
