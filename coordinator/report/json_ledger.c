/* SPDX-License-Identifier: Apache-2.0 */
/* The account of a topic's messages as JSON. */
#include "coordinator/report/json_parts.h"

static json_t *make_missing(const struct report_missing *missing)
{
	json_t *object = json_object();

	json_put_text(&object, "agent", missing->agent);
	json_put(&object, "producer", json_whole(missing->producer));
	json_put(&object, "partition", json_whole(missing->partition));
	json_put(&object, "sequence", json_whole(missing->sequence));
	json_put(&object, "second", json_whole(missing->second));
	return object;
}

static json_t *make_all_missing(const struct report_ledger *ledger)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < ledger->missing_count; i++)
		if (json_array_append_new(list, make_missing(&ledger->missing[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

json_t *json_ledger(const struct report_ledger *ledger)
{
	const struct ledger_counts *counts = &ledger->counts;
	const struct {
		const char *key;
		uint64_t count;
	} pairs[] = {
	        {"acked", counts->acked},
	        {"seen", counts->seen},
	        {"lost", counts->lost},
	        {"duplicated", counts->duplicated},
	        {"reordered", counts->reordered},
	        {"aborted", counts->aborted},
	        {"aborted_visible", counts->aborted_visible},
	        {"unacked_visible", counts->unacked_visible},
	        {"failed", counts->failed},
	        {"foreign", counts->foreign},
	        {"damaged", counts->damaged},
	        {"unread", counts->unread},
	        {"partitions", counts->partitions},
	        {"partitions_unread", counts->partitions_unread},
	};
	json_t *object = json_object();

	json_put_text(&object, "target", ledger->target);
	json_put_text(&object, "topic", ledger->topic);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		json_put(&object, pairs[i].key, json_whole(pairs[i].count));
	json_put_text(&object, "problem", ledger->problem);
	json_put(&object, "missing", make_all_missing(ledger));
	return object;
}
