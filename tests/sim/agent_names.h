/* SPDX-License-Identifier: Apache-2.0 */
/* Included ahead of every file of the agent's side: both programs have functions of these names, and here they are one
 * program. */
#pragma once

#define intake_new agent_intake_new
#define intake_free agent_intake_free
#define intake_take agent_intake_take
#define facts_deinit agent_facts_deinit
