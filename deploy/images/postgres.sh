#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The PostgreSQL of the container lab: `make` fills its cluster when the image is built, `serve` runs it.
set -eu

case $1 in
make)
	initdb -D /data/cluster -U stampede -A trust -E UTF8 --no-sync >/dev/null
	echo 'host all all 198.18.0.0/15 trust' >>/data/cluster/pg_hba.conf
	pg_ctl -D /data/cluster -w -o '-k /tmp -c fsync=off -c shared_preload_libraries=pg_stat_statements' \
		-l /data/make.log start >/dev/null
	createdb -h /tmp -U stampede stocks
	psql -h /tmp -U stampede -q -v ON_ERROR_STOP=1 -f /stocks.sql stocks >/dev/null
	psql -h /tmp -U stampede -q -c 'CREATE EXTENSION pg_stat_statements' -c 'ANALYZE' stocks
	pg_ctl -D /data/cluster -w -m fast stop >/dev/null
	;;
serve)
	exec postgres -D /data/cluster -k /tmp -c 'listen_addresses=*' -c max_connections=300 -c fsync=off \
		-c shared_preload_libraries=pg_stat_statements
	;;
esac
