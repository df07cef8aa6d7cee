#!/bin/sh
# Who may include what. One rule a line: path prefix (first match counts), then
# a regular expression of the only project headers and one of the only special
# headers allowed. Exits 1 and prints every breach.
set -eu
cd "${1:-.}"
special='curses|pthread|threads\.h|sqlite3|microhttpd|sodium|openssl|json-c|utf8proc|<ini\.h|qrencode|<nats|libintl|sys/(socket|un|epoll|eventfd|random|time|select)|<poll\.h|netinet|arpa/|netdb|net/if|ifaddrs|<time\.h|signal\.h|spawn\.h|unistd\.h|fcntl\.h'
rules='
proto/base.c     ^"proto/base\.h"  sodium|utf8proc
proto/base.h     NONE  NONE
proto/packet     ^"proto/(base|packet)\.h"  NONE
proto/splice     ^"proto/(base|splice)\.h"  NONE
proto/guard      ^"proto/(base|guard)\.h"  NONE
proto/json_wire.c    ^"proto/(base|packet|guard|dialect)\.h"  NONE
proto/mesh_wire.c    ^"proto/(base|packet|dialect)\.h"  NONE
proto/center_wire.c  ^"proto/(base|packet|dialect)\.h"  NONE
proto/sotto.c    ^"proto/(base|packet|guard|dialect)\.h"  json-c
proto/binary_wire  ^"proto/dialect\.h"  NONE
proto/nul_wire   ^"proto/dialect\.h"  NONE
proto/seal_rsa.c  ^"proto/(base|seal)\.h"  openssl
proto/seal_none.c  ^"proto/(base|seal)\.h"  NONE
proto/seal.c     ^"proto/(base|seal|noise)\.h"  sodium
proto/seal.h     ^"proto/(base|noise)\.h"  NONE
proto/letter      ^"proto/(base|seal|noise|letter)\.h"  sodium
proto/noise.c    ^"proto/(base|seal|noise)\.h"  sodium
proto/           ^"proto/  NONE
src/store        ^"(proto/(base|dialect)|src/(store|store_impl|event|job|batch|people|sql))\.h"  sqlite3
src/writer.c     ^"src/(batch|sql|crash)\.h"  sqlite3
src/reader.c     ^"src/(store|sql)\.h"  sqlite3
src/batch        ^"src/(batch|store)\.h"  NONE
src/people       ^"src/(people|batch)\.h"  NONE
src/sql          ^"src/(sql|event)\.h"  sqlite3|unistd\.h|fcntl\.h
src/core         ^"(proto/(base|packet|dialect|seal|letter)|src/(core|core_impl|core_plain|core_post|event|job|store|effect|crash))\.h"  NONE
src/office_import  ^"src/(office_import|center_account|effect)\.h"  NONE
src/office       ^"src/(office|office_import|booth|center|clock|queue)\.h"  poll\.h
src/center_sqlite  ^"src/(center_impl|center_sqlite_file|queue|sql)\.h"  sqlite3|unistd\.h|fcntl\.h
src/center_nats  ^"src/(center_impl|center_nats_impl|center_nats_lib|clock|queue)\.h"  <nats
src/center_backend  ^"(proto/base|src/center_impl)\.h"  NONE
src/center_impl  ^"src/center_backend\.h"  NONE
src/center_password  ^"(proto/base|src/center_password)\.h"  sodium
src/center_account  ^"src/center_(account|backend|password)\.h"  unistd\.h|fcntl\.h
src/center       ^"(proto/(base|packet|dialect|letter)|src/(center|center_desk|center_account|center_backend|event|job|store|effect))\.h"  NONE
src/event        ^"(proto/(base|packet)|src/event)\.h"  NONE
src/job          ^"(proto/(base|seal)|src/(event|job))\.h"  NONE
src/effect       ^"(proto/(base|packet|dialect)|src/(effect|event|job))\.h"  NONE
src/queue.c      ^"(proto/base|src/queue)\.h"  pthread|sys/eventfd|unistd\.h
src/disk.c       ^"src/(disk|store|queue|clock)\.h"  poll\.h|pthread|sys/eventfd|unistd\.h
src/worker.c     ^"(proto/(base|seal)|src/(worker|job|queue|store|clock|identity))\.h"  poll\.h|sodium|netdb|sys/socket|netinet
src/net          ^"(proto/[a-z]+|src/(net|net_impl|effect|event|clock))\.h"  sys/(socket|epoll)|netinet|unistd\.h|fcntl\.h
src/booth        ^"(proto/dialect|src/(booth|booth_impl|center_backend|center_password|effect))\.h"  NONE
src/beacon.c     ^"(proto/base|src/(beacon|core|event))\.h"  sys/socket|netinet|net/if|ifaddrs|unistd\.h
src/engine.c     ^"(proto|src)/  pthread
src/client.c     ^"(proto/base|src/(client|engine|event|lines|queue|clock))\.h"  sys/(socket|un|epoll)|fcntl\.h|unistd\.h
src/lines        ^"(proto/(base|packet|guard|seal|dialect)|src/(lines|lines_json|lines_impl|event))\.h"  json-c|unistd\.h
src/crash        ^"src/crash\.h"  signal\.h|unistd\.h
src/clock.c      ^"(proto/base|src/clock)\.h"  time\.h|sys/(random|timex)
src/look_store   ^"(proto/base|src/(look|sql|clock))\.h"  sqlite3
src/look         ^"(proto/(base|packet)|src/look)\.h"  arpa/|netinet|net/if|ifaddrs|unistd\.h
src/config       ^"(proto/(base|packet|dialect)|src/(config|config_impl|folders))\.h"  ini\.h|unistd\.h|fcntl\.h
src/folders      ^"src/(folders|config)\.h"  unistd\.h|fcntl\.h
src/identity.c   ^"(proto/(base|seal)|src/(identity|clock))\.h"  unistd\.h|fcntl\.h
src/main.c       ^"(proto/base|src/(clock|client|config|engine|identity)|ui/(front|page|version|words))\.h"  signal\.h|pthread|poll\.h|sys/(socket|un|eventfd)|fcntl\.h|unistd\.h
src/             ^"(proto|src)/  NONE
ui/model         ^"(proto/(base|packet|seal)|src/event|ui/(model|model_impl|highlight|text|words))\.h"  NONE
ui/text          ^"(proto/base|ui/text)\.h"  utf8proc
ui/highlight     ^"(proto/base|ui/(highlight|text))\.h"  NONE
ui/theme         ^"(src/config|ui/theme)\.h"  curses
ui/edit          ^"(proto/base|ui/(edit|text))\.h"  NONE
ui/command       ^"(proto/(base|packet)|src/event|ui/(command|words))\.h"  NONE
ui/words         ^"(proto/base|src/clock|ui/words)\.h"  libintl|unistd\.h
ui/tui           ^"(proto/base|src/(event|client|config|clock)|ui/[a-z_]+)\.h"  curses|poll\.h|signal\.h|spawn\.h|unistd\.h|fcntl\.h
ui/plain_term    ^"(proto/base|ui/(plain_term|text))\.h"  signal\.h|unistd\.h|fcntl\.h
ui/plain         ^"(proto/base|src/(event|client|config|clock)|ui/[a-z_]+)\.h"  poll\.h|signal\.h|unistd\.h
ui/draw          ^"(proto/(base|packet)|src/(event|clock|config)|ui/[a-z_]+)\.h"  curses
ui/control.c     ^"(proto/base|src/(event|client|engine|lines|clock)|ui/front)\.h"  poll\.h|sys/(socket|un)|unistd\.h
ui/doctor_here.c  ^"(proto/packet|src/(clock|config|look)|ui/(doctor|doctor_impl|version|words))\.h"  curses|unistd\.h|fcntl\.h
ui/doctor        ^"(proto/(base|packet)|src/(client|clock|config|identity|look|peersfile)|ui/(doctor|doctor_impl|words))\.h"  poll\.h|unistd\.h|fcntl\.h
ui/shell_center.c  ^"(proto/base|src/(center_account|client|clock|config|lines_json)|ui/(shell|shell_secret|text))\.h"  poll\.h|unistd\.h
ui/shell_secret  ^"(proto/base|ui/shell_secret)\.h"  poll\.h|signal\.h|unistd\.h
ui/shell         ^"(proto/(base|packet)|src/(event|client|config|lines|lines_json|clock)|ui/[a-z_]+)\.h"  poll\.h|signal\.h|spawn\.h|unistd\.h|fcntl\.h
ui/demo.c        ^"(proto/base|src/(lines_json|clock)|ui/[a-z_]+)\.h"  poll\.h|signal\.h|spawn\.h|unistd\.h|fcntl\.h
ui/headless.c    ^"(proto/base|src/(client|clock|config|event|lines)|ui/front)\.h"  poll\.h|signal\.h|unistd\.h
ui/version       ^"(proto/seal|ui/(version|words))\.h"  curses|json-c|sodium|sqlite3|utf8proc
ui/web_http.c    ^"(proto/base|src/(clock|lines_json)|ui/(page_token|web_(http|file|guard)))\.h"  microhttpd|json-c|poll\.h|netinet|sys/socket|unistd\.h
ui/web_guard     ^"(proto/base|ui/(page_token|web_guard))\.h"  microhttpd
ui/web           ^"(proto/base|src/(event|client|lines|lines_json|clock)|ui/web(_[a-z]+)?)\.h"  json-c|poll\.h|signal\.h|unistd\.h|fcntl\.h
ui/page          ^"(proto/base|src/(config|clock)|ui/(page|page_token|words))\.h"  poll\.h|signal\.h|spawn\.h|unistd\.h|fcntl\.h|qrencode
ui/              ^"(proto/(base|packet)|src/(event|client|config|lines|clock)|ui/[a-z_]+)\.h"  poll\.h|unistd\.h
'
grep -Hn '^[[:space:]]*#[[:space:]]*include' proto/*.[ch] src/*.[ch] ui/*.[ch] |
sed 's/:[0-9]*:[[:space:]]*#[[:space:]]*include[[:space:]]*/ /' |
rules="$rules" special="$special" awk '
BEGIN {
	special = ENVIRON["special"]
	n = split(ENVIRON["rules"], line, "\n")
	for (i = 1; i <= n; i++)
		if (split(line[i], f, /[ \t][ \t]+/) == 3) {
			k++; where[k] = f[1]; own[k] = f[2]; lib[k] = f[3]
		}
}
{
	for (i = 1; i <= k; i++)
		if (index($1, where[i]) == 1) break
	bad = i > k
	if (!bad && $2 ~ /^"/) bad = $2 !~ own[i]
	else if (!bad && $2 ~ special) bad = $2 !~ lib[i]
	if (bad) { print $1 " may not include " $2; breach = 1 }
}
END { exit breach }'
