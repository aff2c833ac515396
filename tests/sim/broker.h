/* SPDX-License-Identifier: Apache-2.0 */
/* The topics that a seed's plan verifies, by its verifiers' numbers: what was appended stays, in order. */
#pragma once

#include "common/plan/plan.h"

enum { BROKER_PARTITIONS = 4 /* of each topic; the last one appears with its first message */ };

/* A message. */
struct broker_record {
	uint64_t stream;
	uint64_t sequence;
	uint32_t process; /* whose it is */
};

struct broker;

struct broker *broker_new(const struct plan *plan);
struct broker *broker_free(struct broker *broker);
/* The verifier that reads what a scenario's first step produces; PLAN_NONE: nobody does. */
uint32_t broker_verifier_of(const struct plan *plan, const struct scenario *scenario);
void broker_append(struct broker *broker, uint32_t verifier, uint32_t partition, const struct broker_record *record);
/* True if the partition is there. */
_Bool broker_has(const struct broker *broker, uint32_t verifier, uint32_t partition);
/* The offset behind its last message. */
uint64_t broker_end(const struct broker *broker, uint32_t verifier, uint32_t partition);
const struct broker_record *broker_get(const struct broker *broker, uint32_t verifier, uint32_t partition,
                                       uint64_t offset);
