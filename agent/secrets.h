/* SPDX-License-Identifier: Apache-2.0 */
/* {{secret.NAME}}: read on the agent from the environment (STAMPEDE_SECRET_NAME) or from the file NAME in a folder
 * ($STAMPEDE_SECRETS_DIR), one trailing newline left out. Never logged, never sent to the coordinator. One thread. */
#pragma once

struct secrets;

/* folder may be NULL. NULL without memory. */
struct secrets *secrets_new(const char *folder);
/* Wipes what was read. */
struct secrets *secrets_free(struct secrets *secrets);
/* The value, or NULL: there is none, or NAME isn't one (letters, digits, _ - and dots, not at the start). Read once and
 * kept; the first use of a file reads it. As template_scope's `secret`: context is the struct secrets. */
const char *secrets_get(void *context, const char *name);
