/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the replay's first pass, for the files that make it up alone. */
#pragma once

#include "coordinator/replay/replay_facts.h"

struct reading {
	struct facts *facts;
	struct failure *failure;
};

/* Takes what a record owns, so that its deinit finds nothing. */
struct journal_record facts_take_over(struct journal_record *record);
/* Keeps a copy of the newest text that says something. 0 or -ENOMEM. */
int facts_keep_text(char **text, const char *newer);
/* Says what is wrong: -EBADMSG. */
int facts_contradiction(const struct reading *reading, const char *what);

/* Takes a record that is about one agent; others are passed over (replay_facts_agents.c). 0, -ENOMEM or -EBADMSG. */
int facts_take_of_agent(const struct reading *reading, struct journal_record *record);
/* `changes`: what it changed in its agent's account, by scenario; NULL: nothing is known of it. */
int facts_take_accepted(const struct reading *reading, const struct journal_accepted *accepted,
                        const struct wire_scenario *changes);
void facts_agent_deinit(struct facts_agent *agent);

/* The ledgers (replay_facts_ledger.c), once there is a plan. */
int facts_ledgers_init(struct facts *facts);
void facts_ledgers_deinit(struct facts *facts);
/* What became of an agent's messages, by its snapshot; what a verifier saw; that one is given to somebody or over. 0,
 * -ENOMEM or -EBADMSG. */
int facts_take_sent(const struct reading *reading, const struct journal_accepted *accepted);
int facts_take_seen(const struct reading *reading, const struct journal_record *record);
void facts_take_verifier(const struct reading *reading, const struct journal_record *record);
