/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's database: its roles, tables and data, in SQL. */
#pragma once

#define SCHEMA_DATABASE "stocks"
#define SCHEMA_ADMIN "lab"       /* the superuser: the lab's own statements */
#define SCHEMA_CLIENT "stampede" /* the role of the lab's clients, owner of the tables */

/* To be run in this order by the superuser, in the database. */
extern const char schema_tables[];
/* Then stocks.csv goes in by this COPY ... FROM STDIN. */
extern const char schema_copy_stocks[];
extern const char schema_data[];
/* Outside of a transaction. */
extern const char schema_vacuum[];
/* One row: calls and rows of the clients' statements. */
extern const char schema_statistics[];
