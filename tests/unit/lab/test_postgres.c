/* SPDX-License-Identifier: Apache-2.0 */
/* The private PostgreSQL: its data, its cache, its counters. */
#include "deploy/lab/postgres.h"

#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "common/base/file.h"
#include "deploy/lab/folder.h"
#include "deploy/lab/postgres_tools.h"

enum { SYMBOLS = 12, DAYS = 60 };

struct place {
	struct folder folder;
	struct symbols *symbols;
	char *cache;
};

static int set_up(void **state)
{
	static struct place place;

	*state = &place;
	if (folder_open(NULL, &place.folder) < 0 || symbols_new(SYMBOLS, &place.symbols) < 0)
		return -1;
	place.cache = file_join(place.folder.path, "cache");
	return place.cache ? 0 : -1;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	free(place->cache);
	symbols_free(place->symbols);
	folder_close(&place->folder);
	return 0;
}

static struct postgres *start(const struct place *place, const char *name)
{
	char *folder = file_join(place->folder.path, name);
	struct postgres_config config = {
	        .symbols = place->symbols, .folder = folder, .cache = place->cache, .interrupt_fd = -1};
	struct failure failure = {0};
	struct postgres *postgres = NULL;

	assert_int_equal(mkdir(folder, 0755), 0);
	if (postgres_start(&config, &failure, &postgres) < 0)
		fail_msg("%s", failure.text);
	free(folder);
	return postgres;
}

/* The first value of a query's answer, which the caller frees. */
static char *ask(const struct postgres *postgres, const char *sql)
{
	PGconn *session = PQconnectdb(postgres_uri(postgres));
	PGresult *result = PQexec(session, sql);
	char *value;

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(session));
	value = strdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	PQfinish(session);
	return value;
}

static void expect(const struct postgres *postgres, const char *sql, const char *wanted)
{
	char *value = ask(postgres, sql);

	assert_string_equal(value, wanted);
	free(value);
}

static void check_data(const struct postgres *postgres)
{
	expect(postgres, "SELECT count(*) FROM stock_data", "720");
	expect(postgres, "SELECT count(DISTINCT symbol) FROM stock_data", "12");
	expect(postgres,
	       "SELECT count(*) FROM stock_data WHERE low <= least(open, close) AND high >= greatest(open, close) "
	       "AND low > 0 AND volume > 0",
	       "720");
	expect(postgres, "SELECT max(date) - min(date) FROM stock_data", "59");
	expect(postgres, "SELECT name FROM stocks WHERE symbol = '005930'", "삼성전자");
	expect(postgres, "SELECT count(*) FROM technical_indicators WHERE sma_5 > 0 AND sma_20 > 0", "12");
}

static void check_counts(const struct place *place, const char *name)
{
	struct postgres *postgres = start(place, name);
	struct postgres_counters counters;

	assert_int_equal(postgres_count(postgres, NULL, &counters), 0);
	if (counters.known) {
		assert_int_equal(counters.calls, 0);
		check_data(postgres);
		free(ask(postgres, "SELECT * FROM stock_data WHERE symbol = 'AAPL'"));
		assert_int_equal(postgres_count(postgres, NULL, &counters), 0);
		assert_int_equal(counters.calls, 7);
		assert_int_equal(counters.rows, 6 + DAYS);
	}
	assert_null(postgres_stop(postgres));
}

static char *cached_control(const struct place *place)
{
	char *pattern = file_join(place->cache, "postgres-12-*/global/pg_control"), *path;
	glob_t found = {0};

	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	assert_int_equal(found.gl_pathc, 1);
	path = strdup(found.gl_pathv[0]);
	globfree(&found);
	free(pattern);
	return path;
}

static void test_postgres_has_its_data_anew_from_the_cache_and_after_the_cache_broke(void **state)
{
	char *control;

	check_counts(*state, "anew");
	check_counts(*state, "cached");
	control = cached_control(*state);
	assert_int_equal(truncate(control, 100), 0);
	free(control);
	check_counts(*state, "broken");
}

static void test_postgres_gives_up_when_it_is_interrupted(void **state)
{
	const struct place *place = *state;
	char *folder = file_join(place->folder.path, "interrupted");
	struct postgres_config config = {
	        .symbols = place->symbols, .folder = folder, .interrupt_fd = eventfd(1, EFD_CLOEXEC)};
	struct postgres *postgres = NULL;

	assert_int_equal(mkdir(folder, 0755), 0);
	assert_int_equal(postgres_start(&config, NULL, &postgres), -EINTR);
	assert_null(postgres);
	close(config.interrupt_fd);
	free(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_postgres_gives_up_when_it_is_interrupted),
	        cmocka_unit_test(test_postgres_has_its_data_anew_from_the_cache_and_after_the_cache_broke),
	};
	struct postgres_tools tools;

	if (postgres_tools_find(NULL, &tools) < 0)
		return 77; /* skipped: there is no PostgreSQL */
	postgres_tools_deinit(&tools);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
