/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a produce step that say how its messages are accounted for: verify, stamp, transactions. Internal to
 * common/plan/. */
#pragma once

#include "common/plan/option.h"

struct node;
struct reading;
struct writing;

/* What a step's stamp is until settle_stamps(), where the plan doesn't say it. */
#define STAMP_NOT_GIVEN ((enum stamp_place)(-1))

/* Of the rows of the table. */
void read_verify(struct reading *reading, const struct option *option, const struct node *value, void *base);
void write_verify(struct writing *writing, const struct option *option, const void *base);
void read_stamp(struct reading *reading, const struct option *option, const struct node *value, void *base);
void write_stamp(struct writing *writing, const struct option *option, const void *base);
void read_transactions(struct reading *reading, const struct option *option, const struct node *value, void *base);
void write_transactions(struct writing *writing, const struct option *option, const void *base);

/* Says what only the step as a whole can tell. */
void finish_account(struct reading *reading, const struct node *mapping, struct step *step);
/* What only the plan as a whole can tell: whether somebody reads the messages, and what must be the same for all steps
 * that share a client. */
void settle_account(struct reading *reading);
