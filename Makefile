# SPDX-License-Identifier: Apache-2.0
#
# A thin front end: Meson and Ninja build, tools/ does the rest. Each target first installs
# missing packages (tools/setup), which prints nothing if there are none.
#
#   V=1          shows the commands
#   PREFIX=DIR   where `make install` puts things (default /usr/local), DESTDIR=DIR before it
#   WERROR=1     makes warnings errors
#   BENCH='--help'  options of make bench, such as --only one-way, or --publish
#   LONG_SECONDS=N  how long `make check-long` runs (default 14400)

.DEFAULT_GOAL := all
.NOTPARALLEL:
export V PREFIX DESTDIR WERROR LONG_SECONDS

## all: build everything into build/: the library, and the command with the reviewer
.PHONY: all
all:
	@tools/setup make
	@tools/build plain

## run: build, then a tour of what Postern does, on real processes
.PHONY: run
run:
	@tools/setup run
	@tools/build plain
	@examples/tour.sh

## review: the command with its reviewer, and the reviewer alone as build/review/postern-review
.PHONY: review
review:
	@tools/setup review
	@tools/build plain postern review/postern-review
	@echo "build/postern review is ready; build/review/postern-review is the reviewer alone"

## check: the tests, plain and under ASan and UBSan
.PHONY: check
check:
	@tools/setup check
	@tools/check check

## check-all: TSan, clang, musl, other machines, valgrind, static analysis, the long tests
.PHONY: check-all
check-all:
	@tools/setup all
	@tools/check all

## mutate: small mistakes in the sources, one at a time: do the tests notice? (MUTATE='--seed 2 server')
.PHONY: mutate
mutate:
	@tools/setup check
	@tools/mutate $(MUTATE)

## check-long: random lives and crowds for hours, LONG_SECONDS=N bounds it
.PHONY: check-long
check-long:
	@tools/setup check
	@tools/check long

## bench: all that is measured, against raw epoll and seven libraries; 20 minutes, on a machine that does nothing else
.PHONY: bench
bench:
	@tools/setup bench
	@tools/build bench
	@bench/run.py $(BENCH)

## bench-quick: the same in three minutes, with rough figures
.PHONY: bench-quick
bench-quick:
	@tools/setup bench
	@tools/build bench
	@bench/run.py --quick $(BENCH)

## docs: the guides and the manual as a small plain site, build/docs/index.html
.PHONY: docs
docs:
	@tools/setup docs
	@tools/docs

## pictures: render docs/pictures from their sources
.PHONY: pictures
pictures:
	@tools/setup docs
	@tools/pictures

## format: format the sources (not the headers) with clang-format
.PHONY: format
format:
	@tools/setup check
	@find src cmd bridge tests examples bench review -name '*.c' -not -path 'tests/review/*' -not -path '*/node_modules/*' -print0 | xargs -0 clang-format -i

## install: install the result of `make` into PREFIX
.PHONY: install
install: all
	@meson install -C build --no-rebuild --quiet
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" -eq 0 ]; then ldconfig; fi

## uninstall: remove what `make install` installed from here
.PHONY: uninstall
uninstall:
	@ninja -C build --quiet uninstall

## amalgamation: the library as one postern.c and one postern.h, in build/amalgamation
.PHONY: amalgamation
amalgamation:
	@tools/setup run
	@tools/amalgamate build/amalgamation

## deb: Debian packages, into build/deb
.PHONY: deb
deb:
	@tools/setup deb
	@tools/deb

## clean: remove all build results
.PHONY: clean
clean:
	@rm -rf build build-*

## help: this list
.PHONY: help
help:
	@sed -n 's/^## \([a-z-]*\): \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'
	@sed -n 's/^#   \([A-Z].*\)/  \1/p' Makefile
