/* SPDX-License-Identifier: Apache-2.0 */
/* The folder with the keys of closed links:
 *
 *   coordinator.key     its secret, which stays with the coordinator
 *   coordinator.pub     goes to every agent
 *   agents/NAME.pub     the agents that may come in: every .pub file here is one
 *   NAME.key            an agent's secret: goes to that agent; the coordinator doesn't read it
 */
#pragma once

#include "common/base/failure.h"
#include "common/link/key.h"

#define KEY_FOLDER_AGENT "agent" /* the first agent's name */

/* Makes the folder (0700) with the coordinator's pair and the first agent's. What is there is never overwritten:
 * -EEXIST with the file that is in the way. */
int key_folder_make(const char *folder, struct failure *failure);
/* Adds another agent's pair. -EINVAL (a name that is no file's, or a folder without a coordinator's key), -EEXIST. */
int key_folder_add(const char *folder, const char *name, struct failure *failure);
/* What a listener needs. -EINVAL with the place, also if no agent is listed. Deinit in any case. */
int key_folder_read(const char *folder, struct failure *failure, struct link_keys *ret_keys);
